// Which network dreams, and the way to another one: it is loaded while this one dreams on.

import { make } from './dom.js';
import { ask, sentence } from './exchange.js';
import { notice } from './state.js';

export class Networks {
  element = make('details', { class: 'networks', hidden: '' });
  #current = make('span', { class: 'soft' });
  #list = make('div', { class: 'choices', role: 'group', 'aria-label': 'Networks' });
  #says = make('p', { class: 'about', role: 'status' });
  #progress = make('progress', { max: 1, 'aria-label': 'Loading', hidden: '' });
  #now = { name: '', loading: '', share: null, error: '' };
  #buttons = new Map();

  constructor() {
    this.element.append(make('summary', {}, 'Network', this.#current),
      make('p', { class: 'about' }, 'What each was taught, it dreams of. This one dreams on until the other is here.'),
      this.#list, this.#says);
  }

  /** Ask which there are: when the page comes, and when another one dreams. */
  async look() {
    try {
      const choices = await (await ask('api/networks')).json();
      this.element.hidden = choices.length < 2;
      this.#buttons.clear();
      this.#list.replaceChildren(...choices.map((choice) => this.#choice(choice)));
      this.#draw();
    } catch (error) {
      notice('networks', error.message);
    }
  }

  /** The server's word of it, each second: {name, loading, share, error}. */
  show(now) {
    const before = this.#now;
    this.#now = now;
    if (now.error && now.error !== before.error) notice('network', sentence(now.error));
    if (before.name && now.name !== before.name) this.#says.textContent = `${now.name} dreams now.`;
    else if (now.loading !== before.loading) this.#says.textContent = now.loading ? `Loading ${now.loading} …` : '';
    this.#draw();
  }

  #choice({ name, state, size_mb: megabytes }) {
    const there = state === 'to be fetched' && megabytes ? `${state}, ${megabytes} MB` : state;
    const where = make('span', { class: 'soft' });
    const button = make('button', { type: 'button', class: 'choice' }, make('span', {}, name), where);
    button.addEventListener('click', () => this.#choose(name));
    this.#buttons.set(name, { button, where, there });
    return button;
  }

  async #choose(network) {
    if (network === this.#now.name || this.#now.loading) return;
    try {
      const headers = { 'Content-Type': 'application/json' };
      const response = await ask('api/network', { method: 'POST', headers, body: JSON.stringify({ network }) });
      this.#now.error = ''; // the same may go wrong again, and is said again
      this.show(await response.json());
    } catch (error) {
      notice('network', error.message);
    }
  }

  #draw() {
    const { name, loading, share } = this.#now;
    this.#current.textContent = name;
    for (const [other, { button, where, there }] of this.#buttons) {
      button.setAttribute('aria-pressed', other === name);
      button.disabled = Boolean(loading) && other !== loading;
      const words = other === name ? 'dreams now' : other === loading ? 'loading …' : there;
      if (where.textContent !== words) where.textContent = words;
    }
    const under = this.#buttons.get(loading)?.button;
    if (under && under.nextSibling !== this.#progress) under.after(this.#progress);
    this.#progress.hidden = !loading;
    // Not known how far, or nothing to fetch: a bar that only says that something goes on.
    if (share > 0 && share < 1) this.#progress.value = share;
    else this.#progress.removeAttribute('value');
  }
}
