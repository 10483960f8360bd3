// The drawer's controls, generated from the server's schema; they follow whoever moves them, here or elsewhere.

import { make } from './dom.js';
import { fieldFor } from './fields.js';
import { MotifMix } from './motifs.js';

// For this long after a hand moved a control here, what the server says of it is old news.
const OWN_MS = 600;

export class Controls {
  #root;
  #patch;
  #beside;
  #fields = new Map();
  #own = new Map();
  #settings = null;
  #pressed = null;

  /** `patch(changes)` sends changes to the server. `beside` is what the engine has beside its knobs. */
  constructor(root, patch, beside) {
    this.#root = root;
    this.#patch = patch;
    this.#beside = beside;
    root.addEventListener('pointerdown', ({ target }) => { this.#pressed = target; });
    for (const type of ['pointerup', 'pointercancel']) window.addEventListener(type, () => this.#released());
  }

  /** Draw the controls of this schema. */
  build(schema) {
    this.#fields.clear();
    const groups = { dream: make('div', { class: 'group' }), engine: make('div', { class: 'group' }) };
    for (const [name, spec] of Object.entries(schema.properties)) {
      const moved = (value) => this.#moved({ [name]: value });
      const field = name === 'motifs' ? this.#motifs(spec) : fieldFor(name, spec, moved);
      if (!field) continue;
      this.#fields.set(name, field);
      (groups[spec.group] ?? groups.dream).append(field.element);
    }
    groups.engine.append(this.#beside);
    const reset = make('button', { type: 'button', class: 'quiet-button' }, 'Back to how it was made');
    reset.addEventListener('click', () => this.#reset(schema));
    const engine = make('details', {}, make('summary', {}, 'Engine'), groups.engine);
    this.#root.replaceChildren(groups.dream, engine, reset);
    if (this.#settings) this.show(this.#settings);
  }

  /** Show these settings, except where a hand is on the control right now. */
  show(settings) {
    this.#settings = settings;
    for (const [name, field] of this.#fields) {
      const held = this.#own.has(name) || field.element.contains(this.#pressed);
      if (!held) field.show(settings[name]);
    }
  }

  /** Forget what was moved here: the server refused it. */
  giveUp() {
    for (const timer of this.#own.values()) clearTimeout(timer);
    this.#own.clear();
    if (this.#settings) this.show(this.#settings);
  }

  #motifs(spec) {
    // A motif chosen while a layer is dreamed takes the layer's place.
    const chosen = (mix) => this.#moved(this.#settings?.layer ? { motifs: mix, layer: '' } : { motifs: mix });
    const mix = new MotifMix(spec, spec.propertyNames.enum, chosen);
    return { element: mix.element, show: (value) => mix.show(value, Boolean(this.#settings.layer)) };
  }

  #moved(changes) {
    for (const name of Object.keys(changes)) {
      clearTimeout(this.#own.get(name));
      this.#own.set(name, setTimeout(() => {
        this.#own.delete(name);
        this.show(this.#settings);
      }, OWN_MS));
    }
    this.#patch(changes);
  }

  #released() {
    if (!this.#pressed) return;
    this.#pressed = null;
    if (this.#settings) this.show(this.#settings);
  }

  #reset(schema) {
    const changes = {};
    for (const [name, { default: value }] of Object.entries(schema.properties)) {
      if (value !== undefined) changes[name] = value;
    }
    this.#patch(changes);
  }
}
