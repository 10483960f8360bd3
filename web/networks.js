// @ts-check
// Which network dreams, and how to change to another one: it is loaded while this one dreams on.

import { make } from './elements.js';
import { messageOf, request, sendJson, sentence } from './http.js';
import { notice } from './state.js';

/** @typedef {import('./control-channel.js').NetworkState} NetworkState */
/** @typedef {{name: string, state: string, size_mb: number | null}} Choice */

export class Networks {
  element = make('details', { class: 'networks', hidden: '' });
  #current = make('span', { class: 'soft' });
  #list = make('div', { class: 'choices', role: 'group', 'aria-label': 'Networks' });
  #words = make('p', { class: 'about', role: 'status' });
  #progress = make('progress', { max: 1, 'aria-label': 'Loading', hidden: '' });
  /** @type {NetworkState} */
  #now = { name: '', loading: '', share: null, error: '' };
  /** @type {Map<string, {button: HTMLButtonElement, where: HTMLElement, there: string}>} */
  #buttons = new Map();

  constructor() {
    this.element.append(make('summary', {}, 'Network', this.#current),
      make('p', { class: 'about' }, 'Each network dreams of what it was taught. This one dreams on until the other has been loaded.'),
      this.#list, this.#words);
  }

  /** See which there are: when the page comes, and when another one dreams. */
  async update() {
    try {
      /** @type {Choice[]} */
      const choices = await (await request('api/networks')).json();
      this.element.hidden = choices.length < 2;
      this.#buttons.clear();
      this.#list.replaceChildren(...choices.map((choice) => this.#choice(choice)));
      this.#draw();
    } catch (error) {
      notice('networks', messageOf(error));
    }
  }

  /**
   * What the server says of it, each second.
   *
   * @param {NetworkState} now
   */
  show(now) {
    const before = this.#now;
    this.#now = now;
    if (now.error && now.error !== before.error) notice('network', sentence(now.error));
    if (before.name && now.name !== before.name) this.#words.textContent = `${now.name} dreams now.`;
    else if (now.loading !== before.loading) this.#words.textContent = now.loading ? `Loading ${now.loading} …` : '';
    this.#draw();
  }

  /** @param {Choice} choice */
  #choice({ name, state, size_mb: megabytes }) {
    const there = state === 'to be fetched' && megabytes ? `${state}, ${megabytes} MB` : state;
    const where = make('span', { class: 'soft' });
    const button = make('button', { type: 'button', class: 'choice' }, make('span', {}, name), where);
    button.addEventListener('click', () => this.#choose(name));
    this.#buttons.set(name, { button, where, there });
    return button;
  }

  /** @param {string} network */
  async #choose(network) {
    if (network === this.#now.name || this.#now.loading) return;
    try {
      const response = await sendJson('POST', 'api/network', { network });
      this.#now.error = ''; // the same may go wrong again, and is then to be read again
      this.show(await response.json());
    } catch (error) {
      notice('network', messageOf(error));
    }
  }

  #draw() {
    const { name, loading, share } = this.#now;
    this.#current.textContent = name;
    for (const [other, { button, where, there }] of this.#buttons) {
      button.setAttribute('aria-pressed', String(other === name));
      button.disabled = Boolean(loading) && other !== loading;
      const words = other === name ? 'dreams now' : other === loading ? 'loading …' : there;
      if (where.textContent !== words) where.textContent = words;
    }
    const under = this.#buttons.get(loading)?.button;
    if (under && under.nextSibling !== this.#progress) under.after(this.#progress);
    this.#progress.hidden = !loading;
    // Not known how far, or nothing to fetch: a bar that only says that something goes on.
    if (share && share < 1) this.#progress.value = share;
    else this.#progress.removeAttribute('value');
  }
}
