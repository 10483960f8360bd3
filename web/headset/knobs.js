// @ts-check
// Strength and motif: on the page, in the headset's panel, and wherever else they are moved.

import { byId, make } from '../elements.js';
import { displayName } from '../name-picker.js';

/** @typedef {import('../control-channel.js').Settings} Settings */

export class Knobs {
  #patch;
  /** @type {import('./panel.js').Panel | null} */
  #panel = null;
  /** @type {string[]} */
  #names = [];
  /** @type {Settings | null} */
  #settings = null;
  #slider = byId('strength', HTMLInputElement);
  #list = byId('motif', HTMLSelectElement);
  #held = false;

  /** @param {(changes: Partial<Settings>) => void} patch sends changes to the server */
  constructor(patch) {
    this.#patch = patch;
    this.#slider.addEventListener('input', () => this.strength(Number(this.#slider.value)));
    this.#slider.addEventListener('pointerdown', () => { this.#held = true; });
    for (const type of ['pointerup', 'pointercancel']) window.addEventListener(type, () => { this.#held = false; });
    this.#list.addEventListener('change', () => this.motif(this.#list.value));
  }

  /** @param {import('./panel.js').Panel} panel */
  set panel(panel) {
    this.#panel = panel;
    if (this.#settings) this.show(this.#settings);
  }

  /**
   * The motifs that there are.
   *
   * @param {string[]} names
   */
  list(names) {
    this.#names = names;
    this.#list.replaceChildren(...names.map((name) => make('option', { value: name }, displayName(name))));
    if (this.#settings) this.show(this.#settings);
  }

  /** @param {Settings} settings */
  show(settings) {
    this.#settings = settings;
    const motif = this.#current();
    if (!this.#held) this.#slider.value = String(settings.strength);
    this.#slider.style.setProperty('--filled', `${Number(this.#slider.value) * 100}%`);
    this.#list.value = motif;
    this.#panel?.show({ strength: settings.strength, motif });
  }

  /** @param {number} value 0 to 1 */
  strength(value) { this.#change({ strength: value }); }

  /**
   * This one, and nothing else.
   *
   * @param {string} name
   */
  motif(name) { this.#change({ motifs: { [name]: 1 }, layers: {}, guide: 0 }); }

  /**
   * So many motifs on, round and round.
   *
   * @param {number} by
   */
  step(by) {
    if (!this.#names.length) return;
    const at = this.#names.indexOf(this.#current());
    this.motif(this.#names[(at + by + this.#names.length) % this.#names.length]);
  }

  /**
   * Displayed at once; what the server says of it comes after.
   *
   * @param {Partial<Settings>} changes
   */
  #change(changes) {
    if (this.#settings) this.show({ ...this.#settings, ...changes });
    this.#patch(changes);
  }

  /** The motif that weighs most. */
  #current() {
    const { motifs = {} } = this.#settings ?? {};
    return Object.keys(motifs).sort((a, b) => motifs[b] - motifs[a])[0] ?? '';
  }
}
