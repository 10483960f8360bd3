// Strength and motif: on the page, in the headset's panel, and wherever else they are moved.

import { byId, make } from '../dom.js';

export class Knobs {
  #patch;
  #panel = null;
  #names = [];
  #settings = null;
  #held = false;

  /** `patch(changes)` sends changes to the server. */
  constructor(patch) {
    this.#patch = patch;
    const strength = byId('strength');
    strength.addEventListener('input', () => this.strength(Number(strength.value)));
    strength.addEventListener('pointerdown', () => { this.#held = true; });
    for (const type of ['pointerup', 'pointercancel']) window.addEventListener(type, () => { this.#held = false; });
    byId('motif').addEventListener('change', ({ target }) => this.motif(target.value));
  }

  set panel(panel) {
    this.#panel = panel;
    if (this.#settings) this.show(this.#settings);
  }

  /** The motifs that there are. */
  list(names) {
    this.#names = names;
    byId('motif').replaceChildren(...names.map((name) => make('option', { value: name }, name.replaceAll('_', ' '))));
    if (this.#settings) this.show(this.#settings);
  }

  show(settings) {
    this.#settings = settings;
    const motif = this.#current();
    if (!this.#held) byId('strength').value = settings.strength;
    byId('strength').style.setProperty('--filled', `${byId('strength').value * 100}%`);
    byId('motif').value = motif;
    this.#panel?.show({ strength: settings.strength, motif });
  }

  strength(value) { this.#change({ strength: value }); }

  /** This one, and nothing else. */
  motif(name) { this.#change({ motifs: { [name]: 1 }, layers: {}, guide: 0 }); }

  /** So many motifs on, round and round. */
  step(by) {
    if (!this.#names.length) return;
    const at = this.#names.indexOf(this.#current());
    this.motif(this.#names[(at + by + this.#names.length) % this.#names.length]);
  }

  // Shown at once; what the server says of it comes after.
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
