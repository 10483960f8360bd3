// The motif mix: a picture per motif. Tap: only this one. Plus or long press: into the mix. Weights beneath.

import { icon, make } from './dom.js';
import { range } from './fields.js';

const LONG_PRESS_MS = 450;
const WEIGHT = { type: 'number', minimum: 0, maximum: 1, step: 0.01 };

export class MotifMix {
  #tiles = new Map();
  #rows = new Map();
  #mix = {};
  #most;
  #onMix;
  #brought = false;
  #grid = make('div', { class: 'tiles', role: 'toolbar', 'aria-label': 'Motifs', 'aria-describedby': 'mix-help' });
  #weights = make('div', { class: 'weights', role: 'group', 'aria-label': 'Weights of the chosen motifs' });
  element;

  /** `names` are the motifs, a family's together; `onMix(mix)` gets the new {name: weight}. */
  constructor(spec, names, onMix) {
    this.#onMix = onMix;
    this.#most = spec.maxProperties ?? Infinity;
    const { families = {} } = spec;
    let last;
    for (const name of names) {
      const family = families[name];
      if (family && family !== last) this.#grid.append(make('h3', { class: 'family' }, family));
      last = family;
      this.#grid.append(this.#tile(name));
    }
    this.#grid.addEventListener('keydown', (event) => this.#key(event));
    const help = make('p', { id: 'mix-help', class: 'about' }, 'Tap one to dream of nothing else; + adds it to the mix.');
    this.element = make('div', { class: 'field' }, help, this.#grid, this.#weights);
    this.#roveTo(names[0]);
  }

  /** Show this mix; `instead` says that something else than motifs is dreamed. */
  show(mix, instead) {
    if (!this.#brought) this.#bring(Object.keys(mix)[0]);
    this.#mix = mix;
    this.element.classList.toggle('instead', instead);
    const full = Object.keys(mix).length >= this.#most;
    for (const [name, { only, add }] of this.#tiles) {
      const chosen = (mix[name] ?? 0) > 0 && !instead;
      only.setAttribute('aria-pressed', chosen);
      add.setAttribute('aria-label', `${name in mix ? 'Take' : 'Add'} ${name} ${name in mix ? 'out of' : 'to'} the mix`);
      add.disabled = full && !(name in mix);
      add.replaceChildren(icon(name in mix ? 'minus' : 'plus'));
    }
    for (const [name, { row }] of this.#rows) {
      if (!(name in mix)) { row.remove(); this.#rows.delete(name); }
    }
    for (const [name, weight] of Object.entries(mix)) this.#row(name).show(weight);
  }

  // Scroll the grid, and nothing else, to this tile, once: later it would slip away under a thumb.
  #bring(name) {
    this.#brought = true;
    const tile = this.#tiles.get(name)?.only.parentElement;
    requestAnimationFrame(() => {
      if (!tile?.isConnected || this.#grid.contains(document.activeElement)) return;
      const { top, bottom } = this.#grid.getBoundingClientRect();
      const box = tile.getBoundingClientRect();
      if (box.top < top || box.bottom > bottom) this.#grid.scrollTop += box.top - top - (bottom - top) / 3;
    });
  }

  #only(name) { this.#choose({ [name]: 1 }); }

  #toggle(name) {
    const { [name]: had, ...rest } = this.#mix;
    if (had !== undefined) this.#choose(rest);
    else if (Object.keys(rest).length < this.#most) this.#choose({ ...rest, [name]: 1 });
  }

  #choose(mix) {
    this.show(mix, false);
    this.#onMix(mix);
  }

  #tile(name) {
    const picture = make('img', { src: `motifs/${encodeURIComponent(name)}.jpg`, alt: '', width: 112, height: 112, draggable: false });
    picture.addEventListener('error', () => picture.replaceWith(make('span', { class: 'blank', 'aria-hidden': true }, name[0])));
    const only = make('button', { type: 'button', class: 'only', 'aria-pressed': false, tabindex: -1 },
      picture, make('span', { class: 'name' }, name.replaceAll('_', ' ')));
    const add = make('button', { type: 'button', class: 'add', tabindex: -1 });
    const pressed = longPress(only, () => this.#toggle(name));
    only.addEventListener('click', (event) => {
      if (pressed()) return;
      if (event.shiftKey) this.#toggle(name);
      else this.#only(name);
    });
    only.addEventListener('focus', () => this.#roveTo(name));
    add.addEventListener('click', () => this.#toggle(name));
    this.#tiles.set(name, { only, add });
    return make('div', { class: 'tile' }, only, add);
  }

  #row(name) {
    if (this.#rows.has(name)) return this.#rows.get(name);
    const id = `weight-${name}`;
    const { input, output, show } = range(id, WEIGHT, (weight) => {
      this.#mix = { ...this.#mix, [name]: weight };
      this.#onMix(this.#mix);
    });
    const row = make('div', { class: 'weight' }, make('label', { for: id }, name.replaceAll('_', ' ')), input, output);
    this.#weights.append(row);
    this.#rows.set(name, { row, show });
    return this.#rows.get(name);
  }

  // One stop of the Tab key for the whole grid; arrows go from motif to motif, + changes the mix.
  #roveTo(name) {
    for (const [other, { only }] of this.#tiles) only.tabIndex = other === name ? 0 : -1;
  }

  #key(event) {
    const names = [...this.#tiles.keys()];
    const at = names.findIndex((name) => this.#tiles.get(name).only === event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -at, End: names.length - 1 - at }[event.key];
    if (event.key === '+' || event.key === '-') this.#toggle(names[at]);
    else if (event.key === 'ArrowUp') this.#below(event.target, -1)?.focus();
    else if (event.key === 'ArrowDown') this.#below(event.target, 1)?.focus();
    else if (move === undefined) return;
    else this.#tiles.get(names[Math.min(names.length - 1, Math.max(0, at + move))]).only.focus();
    event.preventDefault();
  }

  // The nearest tile in the next row down (or up, for -1). A family's last row may be short.
  #below(tile, way) {
    const from = tile.getBoundingClientRect();
    let nearest = null;
    let least = Infinity;
    for (const { only } of this.#tiles.values()) {
      const box = only.getBoundingClientRect();
      const down = (box.top - from.top) * way;
      const away = down * 1000 + Math.abs(box.left - from.left);
      if (down > 1 && away < least) [nearest, least] = [only, away];
    }
    return nearest;
  }
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
