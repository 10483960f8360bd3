// @ts-check
// Names to pick from, as pictures or as a list with a search field. Tap: only this one. Plus or long press: into the mix.

import { icon, make } from './elements.js';

const LONG_PRESS_MS = 450;
const MOST_UNSEARCHED = 20; // a list longer than this has a search field

/**
 * @typedef {object} Tile
 * @property {HTMLElement} tile
 * @property {HTMLButtonElement} only picks this name and nothing else
 * @property {HTMLButtonElement} add puts it into the mix, or takes it out
 * @property {string} words what a search looks in
 */

/**
 * @typedef {object} PickerOptions
 * @property {string} label
 * @property {string} word what one of the names is, for people
 * @property {string[]} names those that there are, a family's together
 * @property {Record<string, string>} [families]
 * @property {((name: string) => string) | null} [pictures] where a picture of a name is; null for a list
 * @property {number} [most] how many a mix may have
 * @property {string} [help]
 */

export class NamePicker {
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {{heading: HTMLElement, names: string[]}[]} */
  #headings = [];
  /** @type {Record<string, number>} */
  #mix = {};
  #full = false;
  #most;
  #on;
  #scrolled = false;
  /** @type {string | null} */
  #stop = null; // the name at which the Tab key stops
  /** @type {string | null} */
  #first = null; // of the mix
  #grid;
  /** @type {HTMLInputElement | null} */
  #search = null;
  element;

  /**
   * @param {string} id
   * @param {PickerOptions} options
   * @param {{only: (name: string) => void, toggle: (name: string) => void}} on
   */
  constructor(id, { label, word, names, families = {}, pictures = null, most = Infinity, help = '' }, on) {
    this.#on = on;
    this.#most = most;
    const about = make('p', { id: `${id}-help`, class: 'about' }, help);
    this.#grid = make('div', { class: 'tiles', role: 'toolbar', 'aria-label': label, 'aria-describedby': `${id}-help` });
    this.#grid.classList.toggle('list', !pictures);
    /** @type {string | undefined} */
    let last;
    for (const name of names) {
      const family = families[name];
      if (family && family !== last) this.#heading(family);
      last = family;
      this.#grid.append(this.#tile(name, family ?? '', pictures));
    }
    this.#grid.addEventListener('keydown', (event) => this.#key(event));
    this.element = make('div', { id, class: 'chooser' }, about);
    if (!pictures && names.length > MOST_UNSEARCHED) this.element.append(this.#searchField(id, word));
    this.element.append(this.#grid);
    this.#roveTo(names[0]);
  }

  /**
   * Show what is in this mix, {name: weight}.
   *
   * @param {Record<string, number>} mix
   * @param {number} [count] how many there are in all, those of no tile here included
   */
  show(mix, count = Object.keys(mix).length) {
    const first = Object.keys(mix)[0] ?? null;
    if (!this.#scrolled) this.#scrollTo(first);
    if (first !== this.#first && !this.#grid.contains(document.activeElement)) this.#roveTo(first);
    this.#first = first;
    const changed = new Set([...Object.keys(mix), ...Object.keys(this.#mix)]);
    const full = count >= this.#most;
    [this.#mix, this.#full] = [mix, full];
    for (const name of full || this.#grid.classList.contains('full') ? this.#tiles.keys() : changed) this.#mark(name);
    this.#grid.classList.toggle('full', full);
  }

  /** @param {string} name */
  #mark(name) {
    const found = this.#tiles.get(name);
    if (!found) return; // of another network, which is being replaced
    const { only, add } = found;
    const there = name in this.#mix;
    only.setAttribute('aria-pressed', String((this.#mix[name] ?? 0) > 0));
    add.setAttribute('aria-label', `${there ? 'Take' : 'Add'} ${displayName(name)} ${there ? 'out of' : 'to'} the mix`);
    add.disabled = this.#full && !there;
    add.replaceChildren(icon(there ? 'minus' : 'plus'));
  }

  /**
   * Scroll the grid, and nothing else, to this tile, once: later it would slip away under a thumb.
   *
   * @param {string | null} name
   */
  #scrollTo(name) {
    this.#scrolled = true;
    const tile = this.#tiles.get(name ?? '')?.tile;
    requestAnimationFrame(() => {
      if (!tile?.isConnected || this.#grid.contains(document.activeElement)) return;
      const { top, bottom } = this.#grid.getBoundingClientRect();
      const box = tile.getBoundingClientRect();
      if (box.top < top || box.bottom > bottom) this.#grid.scrollTop += box.top - top - (bottom - top) / 3;
    });
  }

  /** @param {string} name */
  #toggle(name) {
    if (name in this.#mix || !this.#full) this.#on.toggle(name);
  }

  /** @param {string} family */
  #heading(family) {
    const heading = make('h3', { class: 'family' }, family);
    this.#headings.push({ heading, names: [] });
    this.#grid.append(heading);
  }

  /**
   * @param {string} name
   * @param {string} family
   * @param {((name: string) => string) | null} pictures
   */
  #tile(name, family, pictures) {
    const only = make('button', { type: 'button', class: 'only', 'aria-pressed': false, tabindex: -1 },
      make('span', { class: 'name' }, displayName(name)));
    if (pictures) only.prepend(pictureOf(name, pictures(name)));
    const add = make('button', { type: 'button', class: 'add', tabindex: -1 });
    const pressed = longPress(only, () => this.#toggle(name));
    only.addEventListener('click', (event) => {
      if (pressed()) return;
      if (event.shiftKey) this.#toggle(name);
      else this.#on.only(name);
    });
    only.addEventListener('focus', () => this.#roveTo(name));
    add.addEventListener('click', () => this.#toggle(name));
    const tile = make('div', { class: 'tile' }, only, add);
    this.#headings.at(-1)?.names.push(name);
    this.#tiles.set(name, { tile, only, add, words: `${displayName(name)} ${family}`.toLowerCase() });
    this.#mark(name);
    return tile;
  }

  // A list of a thousand ----------------------------------------------------------------------------------

  /**
   * @param {string} id
   * @param {string} word
   */
  #searchField(id, word) {
    const search = make('input', { type: 'search', id: `${id}-search`, autocomplete: 'off', spellcheck: false, 'aria-describedby': `${id}-found` });
    const found = make('p', { id: `${id}-found`, class: 'about', role: 'status' });
    const filter = () => { found.textContent = this.#filter(search.value, word); };
    search.addEventListener('input', filter);
    search.addEventListener('keydown', (event) => {
      const [first] = this.#visible();
      if (event.key === 'ArrowDown' && first) this.#tiles.get(first)?.only.focus();
      else if (event.key === 'Enter' && first && search.value.trim()) this.#on.only(first);
      else return;
      event.preventDefault();
    });
    filter();
    this.#search = search;
    return make('div', { class: 'search' }, make('label', { for: `${id}-search` }, `Find a ${word}`), search, found);
  }

  /**
   * Show the tiles that have every part of the text in them; returns how many those are, in words.
   *
   * @param {string} text
   * @param {string} word
   */
  #filter(text, word) {
    const parts = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { tile, words } of this.#tiles.values()) tile.hidden = !parts.every((part) => words.includes(part));
    const visible = this.#visible();
    for (const { heading, names } of this.#headings) heading.hidden = names.every((name) => this.#tiles.get(name)?.tile.hidden);
    this.#grid.scrollTop = 0;
    if (visible.length) this.#roveTo(visible[0]);
    const many = `${this.#tiles.size} ${word}s`;
    if (!parts.length) return many;
    return visible.length ? `${visible.length} of ${many}` : `None of ${many} has this in its name`;
  }

  /** The names whose tiles are there to be seen. */
  #visible() {
    return [...this.#tiles].filter(([, { tile }]) => !tile.hidden).map(([name]) => name);
  }

  /**
   * One stop of the Tab key for the whole grid; arrows go from name to name, + changes the mix.
   *
   * @param {string | null} name
   */
  #roveTo(name) {
    const to = this.#tiles.get(name ?? '');
    if (!to || to.tile.hidden) return;
    const before = this.#tiles.get(this.#stop ?? '');
    if (before) before.only.tabIndex = -1;
    to.only.tabIndex = 0;
    this.#stop = name;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const names = this.#visible();
    const buttons = names.map((name) => /** @type {Tile} */ (this.#tiles.get(name)).only);
    const at = buttons.findIndex((button) => button === event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -at, End: names.length - 1 - at }[event.key];
    if (event.key === '+' || event.key === '-') this.#toggle(names[at]);
    else if (event.key === 'ArrowUp') (nextRow(buttons[at], buttons, -1) ?? this.#search)?.focus();
    else if (event.key === 'ArrowDown') nextRow(buttons[at], buttons, 1)?.focus();
    else if (move === undefined) return;
    else buttons[Math.min(names.length - 1, Math.max(0, at + move))].focus();
    event.preventDefault();
  }
}

/**
 * The nearest button in the next row down (or up, for -1). A family's last row may be short.
 *
 * @param {HTMLElement} button
 * @param {HTMLElement[]} buttons
 * @param {1 | -1} direction
 */
function nextRow(button, buttons, direction) {
  const from = button.getBoundingClientRect();
  let nearest = null;
  let least = Infinity;
  for (const other of buttons) {
    const box = other.getBoundingClientRect();
    const down = (box.top - from.top) * direction;
    const away = down * 1000 + Math.abs(box.left - from.left);
    if (down > 1 && away < least) [nearest, least] = [other, away];
  }
  return nearest;
}

/**
 * A name as people read it.
 *
 * @param {string} name
 */
export function displayName(name) {
  return name.replaceAll('_', ' ');
}

/**
 * @param {string} name
 * @param {string} src
 */
function pictureOf(name, src) {
  const picture = make('img', { src, alt: '', width: 112, height: 112, draggable: false });
  picture.addEventListener('error', () => picture.replaceWith(make('span', { class: 'blank', 'aria-hidden': true }, name[0])));
  return picture;
}

/**
 * Calls `act` after a long press; the returned function tells whether the click at its end belongs to it.
 *
 * @param {HTMLElement} element
 * @param {() => void} act
 */
function longPress(element, act) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let done = false;
  const end = () => clearTimeout(timer);
  element.addEventListener('pointerdown', () => {
    done = false;
    timer = setTimeout(() => { done = true; act(); }, LONG_PRESS_MS);
  });
  for (const type of ['pointerup', 'pointercancel', 'pointerleave']) element.addEventListener(type, end);
  element.addEventListener('contextmenu', (event) => event.preventDefault());
  return () => { const was = done; done = false; return was; };
}
