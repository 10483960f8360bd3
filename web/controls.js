// The drawer's controls, generated from the server's schema; they follow whoever moves them, here or elsewhere.

import { make } from './dom.js';
import { fieldFor } from './fields.js';
import { Mix } from './mix.js';
import { Where } from './paint.js';

// For this long after a hand moved a control here, what the server says of it is old news.
const OWN_MS = 600;

export class Controls {
  #root;
  #patch;
  #parts;
  #fields = [];
  #own = new Map();
  #settings = null;
  #pressed = null;

  /**
   * `patch(changes)` sends changes to the server. `parts` outlive a schema: the guide picture, the painter, and the
   * elements `network` and `latency`, which stand with the engine's knobs.
   */
  constructor(root, patch, parts) {
    [this.#root, this.#patch, this.#parts] = [root, patch, parts];
    root.addEventListener('pointerdown', ({ target }) => { this.#pressed = target; });
    for (const type of ['pointerup', 'pointercancel']) window.addEventListener(type, () => this.#released());
  }

  /** Draw the controls of this schema. */
  build(schema) {
    const knobs = schema.properties;
    const groups = { dream: make('div', { class: 'group' }), engine: make('div', { class: 'group' }) };
    const mix = new Mix(knobs, this.#parts.guide, (changes) => this.#moved(changes));
    this.#fields = [mix];
    groups.dream.append(mix.element);
    for (const [name, spec] of Object.entries(knobs)) {
      if (mix.names.includes(name)) continue;
      const field = this.#field(name, spec);
      if (!field) continue;
      this.#fields.push(field);
      (groups[spec.group] ?? groups.dream).append(field.element);
    }
    groups.engine.append(this.#parts.latency);
    const reset = make('button', { type: 'button', class: 'quiet-button' }, 'Back to how it was made');
    reset.addEventListener('click', () => this.#patch(defaults(knobs)));
    const engine = make('details', {}, make('summary', {}, 'Engine'), groups.engine);
    this.#root.replaceChildren(groups.dream, this.#parts.network, engine, reset);
    if (this.#settings) this.show(this.#settings);
  }

  /** Show these settings, except where a hand is on the control right now. */
  show(settings) {
    this.#settings = settings;
    for (const field of this.#fields) {
      const held = field.names.some((name) => this.#own.has(name)) || field.element.contains(this.#pressed);
      if (!held) field.show(settings);
    }
  }

  /** Forget what was moved here: the server refused it. */
  giveUp() {
    for (const timer of this.#own.values()) clearTimeout(timer);
    this.#own.clear();
    if (this.#settings) this.show(this.#settings);
  }

  #field(name, spec) {
    if (name === 'where') return new Where(spec, this.#parts.painter, (changes) => this.#moved(changes));
    const field = fieldFor(name, spec, (value) => this.#moved({ [name]: value }));
    return field && { names: [name], element: field.element, show: (settings) => field.show(settings[name]) };
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
}

/** Every knob as it was made; motifs that this network does not know stay as they are. */
function defaults(knobs) {
  const changes = {};
  for (const [name, { default: value }] of Object.entries(knobs)) {
    if (value !== undefined) changes[name] = value;
  }
  const known = new Set(knobs.motifs.propertyNames.enum);
  if (!Object.keys(changes.motifs).every((name) => known.has(name))) delete changes.motifs;
  return changes;
}
