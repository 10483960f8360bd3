// Names to choose from, as pictures or as a list with a search field. Tap: only this one. Plus or long press: into the mix.

import { icon, make } from './dom.js';

const LONG_PRESS_MS = 450;
const SEARCHED = 20; // a list longer than this has a search field

export class Chooser {
  #tiles = new Map(); // by name: {tile, only, add, words}
  #headings = [];
  #mix = {};
  #full = false;
  #most;
  #on;
  #brought = false;
  #stop = null; // the name at which the Tab key stops
  #first = null; // of the mix
  #grid;
  #search = null;
  #found = null;
  element;

  /**
   * `names` are those there are, a family's together; `word` is one of them, for people. `pictures`: where a picture
   * of a name is, null for a list. `most`: how many a mix may have. `on`: {only(name), toggle(name)}.
   */
  constructor(id, { label, word, names, families = {}, pictures = null, most = Infinity, help = '' }, on) {
    [this.#on, this.#most] = [on, most];
    const about = make('p', { id: `${id}-help`, class: 'about' }, help);
    this.#grid = make('div', { class: 'tiles', role: 'toolbar', 'aria-label': label, 'aria-describedby': `${id}-help` });
    this.#grid.classList.toggle('list', !pictures);
    let last;
    for (const name of names) {
      const family = families[name];
      if (family && family !== last) this.#heading(family);
      last = family;
      this.#grid.append(this.#tile(name, family ?? '', pictures));
    }
    this.#grid.addEventListener('keydown', (event) => this.#key(event));
    this.element = make('div', { id, class: 'chooser' }, about);
    if (!pictures && names.length > SEARCHED) this.element.append(this.#searchField(id, word));
    this.element.append(this.#grid);
    this.#roveTo(names[0]);
  }

  /** Show what is in this mix, {name: weight}; `count` of them there are in all. */
  show(mix, count = Object.keys(mix).length) {
    const [first] = Object.keys(mix);
    if (!this.#brought) this.#bring(first);
    if (first !== this.#first && !this.#grid.contains(document.activeElement)) this.#roveTo(first);
    this.#first = first;
    const changed = new Set([...Object.keys(mix), ...Object.keys(this.#mix)]);
    const full = count >= this.#most;
    [this.#mix, this.#full] = [mix, full];
    for (const name of full || this.#grid.classList.contains('full') ? this.#tiles.keys() : changed) this.#mark(name);
    this.#grid.classList.toggle('full', full);
  }

  #mark(name) {
    const { only, add } = this.#tiles.get(name) ?? {};
    if (!only) return; // of another network, on its way out
    const there = name in this.#mix;
    only.setAttribute('aria-pressed', (this.#mix[name] ?? 0) > 0);
    add.setAttribute('aria-label', `${there ? 'Take' : 'Add'} ${said(name)} ${there ? 'out of' : 'to'} the mix`);
    add.disabled = this.#full && !there;
    add.replaceChildren(icon(there ? 'minus' : 'plus'));
  }

  // Scroll the grid, and nothing else, to this tile, once: later it would slip away under a thumb.
  #bring(name) {
    this.#brought = true;
    const tile = this.#tiles.get(name)?.tile;
    requestAnimationFrame(() => {
      if (!tile?.isConnected || this.#grid.contains(document.activeElement)) return;
      const { top, bottom } = this.#grid.getBoundingClientRect();
      const box = tile.getBoundingClientRect();
      if (box.top < top || box.bottom > bottom) this.#grid.scrollTop += box.top - top - (bottom - top) / 3;
    });
  }

  #toggle(name) {
    if (name in this.#mix || !this.#full) this.#on.toggle(name);
  }

  #heading(family) {
    const heading = make('h3', { class: 'family' }, family);
    this.#headings.push({ heading, names: [] });
    this.#grid.append(heading);
  }

  #tile(name, family, pictures) {
    const only = make('button', { type: 'button', class: 'only', 'aria-pressed': false, tabindex: -1 },
      make('span', { class: 'name' }, said(name)));
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
    this.#tiles.set(name, { tile, only, add, words: `${said(name)} ${family}`.toLowerCase() });
    this.#mark(name);
    return tile;
  }

  // A list of a thousand ----------------------------------------------------------------------------------

  #searchField(id, word) {
    this.#search = make('input', { type: 'search', id: `${id}-search`, autocomplete: 'off', spellcheck: false, 'aria-describedby': `${id}-found` });
    this.#found = make('p', { id: `${id}-found`, class: 'about', role: 'status' });
    this.#search.addEventListener('input', () => this.#filter(word));
    this.#search.addEventListener('keydown', (event) => {
      const [first] = this.#shown();
      if (event.key === 'ArrowDown' && first) this.#tiles.get(first).only.focus();
      else if (event.key === 'Enter' && first && this.#search.value.trim()) this.#on.only(first);
      else return;
      event.preventDefault();
    });
    this.#filter(word);
    return make('div', { class: 'search' },
      make('label', { for: `${id}-search` }, `Find a ${word}`), this.#search, this.#found);
  }

  #filter(word) {
    const wanted = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { tile, words } of this.#tiles.values()) tile.hidden = !wanted.every((part) => words.includes(part));
    for (const { heading, names } of this.#headings) heading.hidden = names.every((name) => this.#tiles.get(name).tile.hidden);
    const shown = this.#shown();
    const many = `${this.#tiles.size} ${word}s`;
    this.#found.textContent = !wanted.length ? many : shown.length ? `${shown.length} of ${many}` : `None of ${many} is called so`;
    this.#grid.scrollTop = 0;
    if (shown.length) this.#roveTo(shown[0]);
  }

  #shown() {
    return [...this.#tiles.keys()].filter((name) => !this.#tiles.get(name).tile.hidden);
  }

  // One stop of the Tab key for the whole grid; arrows go from name to name, + changes the mix.
  #roveTo(name) {
    const to = this.#tiles.get(name);
    if (!to || to.tile.hidden) return;
    if (this.#stop) this.#tiles.get(this.#stop).only.tabIndex = -1;
    to.only.tabIndex = 0;
    this.#stop = name;
  }

  #key(event) {
    const names = this.#shown();
    const at = names.findIndex((name) => this.#tiles.get(name).only === event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -at, End: names.length - 1 - at }[event.key];
    if (event.key === '+' || event.key === '-') this.#toggle(names[at]);
    else if (event.key === 'ArrowUp') (this.#below(event.target, names, -1) ?? this.#search)?.focus();
    else if (event.key === 'ArrowDown') this.#below(event.target, names, 1)?.focus();
    else if (move === undefined) return;
    else this.#tiles.get(names[Math.min(names.length - 1, Math.max(0, at + move))]).only.focus();
    event.preventDefault();
  }

  // The nearest tile in the next row down (or up, for -1). A family's last row may be short.
  #below(tile, names, way) {
    const from = tile.getBoundingClientRect();
    let nearest = null;
    let least = Infinity;
    for (const name of names) {
      const { only } = this.#tiles.get(name);
      const box = only.getBoundingClientRect();
      const down = (box.top - from.top) * way;
      const away = down * 1000 + Math.abs(box.left - from.left);
      if (down > 1 && away < least) [nearest, least] = [only, away];
    }
    return nearest;
  }
}

/** A name as people read it. */
export function said(name) {
  return name.replaceAll('_', ' ');
}

function pictureOf(name, src) {
  const picture = make('img', { src, alt: '', width: 112, height: 112, draggable: false });
  picture.addEventListener('error', () => picture.replaceWith(make('span', { class: 'blank', 'aria-hidden': true }, name[0])));
  return picture;
}

/** Calls `act` after a long press; the returned function tells whether the click at its end belongs to it. */
function longPress(element, act) {
  let timer = null;
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
