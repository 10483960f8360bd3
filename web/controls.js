// @ts-check
// The drawer's controls, generated from the server's schema; they follow whoever moves them, here or elsewhere.

import { make } from './elements.js';
import { fieldFor } from './fields.js';
import { Mix } from './mix.js';
import { Where } from './paint.js';

/** @typedef {import('./control-channel.js').Settings} Settings */
/** @typedef {import('./fields.js').Knob} Knob */
/** @typedef {Record<string, Knob> & import('./mix.js').MixKnobs} Knobs */

/**
 * What the controls keep through a change of the schema; network and latency stand with the engine's knobs.
 *
 * @typedef {object} Parts
 * @property {import('./guide-picture.js').GuidePicture} guide
 * @property {import('./paint.js').Painter} painter
 * @property {HTMLElement} network
 * @property {HTMLElement} latency
 */

/**
 * A control of one or several settings.
 *
 * @typedef {{names: string[], element: HTMLElement, show: (settings: Settings) => void}} Control
 */

// For this long after a hand moved a control here, what the server says of it is old news.
const OWN_MS = 600;

export class Controls {
  #root;
  #patch;
  #parts;
  /** @type {Control[]} */
  #controls = [];
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #own = new Map(); // settings moved here just now
  /** @type {Settings | null} */
  #settings = null;
  /** @type {Node | null} */
  #pressed = null;

  /**
   * @param {HTMLElement} root
   * @param {(changes: Partial<Settings>) => void} patch sends changes to the server
   * @param {Parts} parts
   */
  constructor(root, patch, parts) {
    this.#root = root;
    this.#patch = patch;
    this.#parts = parts;
    root.addEventListener('pointerdown', ({ target }) => { this.#pressed = target instanceof Node ? target : null; });
    for (const type of ['pointerup', 'pointercancel']) window.addEventListener(type, () => this.#released());
  }

  /**
   * Draw the controls of this schema.
   *
   * @param {{properties: Knobs}} schema
   */
  build({ properties: knobs }) {
    const dream = make('div', { class: 'group' });
    const engine = make('div', { class: 'group' });
    const mix = new Mix(knobs, this.#parts.guide, (changes) => this.#moved(changes));
    this.#controls = [mix];
    dream.append(mix.element);
    for (const [name, spec] of Object.entries(knobs)) {
      const control = mix.names.includes(name) ? null : this.#control(name, spec);
      if (!control) continue;
      this.#controls.push(control);
      (spec.group === 'engine' ? engine : dream).append(control.element);
    }
    engine.append(this.#parts.latency);
    const reset = make('button', { type: 'button', class: 'quiet-button' }, 'Reset all settings');
    reset.addEventListener('click', () => this.#patch(defaults(knobs)));
    this.#root.replaceChildren(dream, this.#parts.network,
      make('details', {}, make('summary', {}, 'Engine'), engine), reset);
    if (this.#settings) this.show(this.#settings);
  }

  /**
   * Show these settings, except where a hand is on the control right now.
   *
   * @param {Settings} settings
   */
  show(settings) {
    this.#settings = settings;
    for (const control of this.#controls) {
      const held = control.names.some((name) => this.#own.has(name)) || control.element.contains(this.#pressed);
      if (!held) control.show(settings);
    }
  }

  /** Forget what was moved here: the server refused it. */
  giveUp() {
    for (const timer of this.#own.values()) clearTimeout(timer);
    this.#own.clear();
    if (this.#settings) this.show(this.#settings);
  }

  /**
   * @param {string} name
   * @param {Knob} spec
   * @returns {Control | null}
   */
  #control(name, spec) {
    if (name === 'where') return new Where(spec, this.#parts.painter, (changes) => this.#moved(changes));
    const field = fieldFor(name, spec, (value) => this.#moved({ [name]: value }));
    return field && { names: [name], element: field.element, show: (settings) => field.show(settings[name]) };
  }

  /** @param {Partial<Settings>} changes */
  #moved(changes) {
    for (const name of Object.keys(changes)) {
      clearTimeout(this.#own.get(name));
      this.#own.set(name, setTimeout(() => {
        this.#own.delete(name);
        if (this.#settings) this.show(this.#settings);
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

/**
 * Every knob at its default; motifs that this network does not know stay as they are.
 *
 * @param {Knobs} knobs
 * @returns {Partial<Settings>}
 */
export function defaults(knobs) {
  /** @type {Partial<Settings>} */
  const changes = {};
  for (const [name, { default: value }] of Object.entries(knobs)) {
    if (value !== undefined) changes[name] = value;
  }
  const known = new Set(knobs.motifs.propertyNames.enum);
  if (!Object.keys(changes.motifs ?? {}).every((name) => known.has(name))) delete changes.motifs;
  return changes;
}
