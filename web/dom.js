/** The element with this id; a page without it is a mistake worth hearing about at once. */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}

/** A new element: `make('button', {type: 'button', class: 'tile', 'aria-pressed': false}, 'text', child)`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** One of the icons drawn at the top of index.html. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Returns use(on), which makes a fieldset's controls usable or not. A browser takes the keyboard away from what cannot
 * be used; it gets it back here, unless it has gone elsewhere.
 */
export function usable(fieldset) {
  let held = null;
  return (on) => {
    if (!on && fieldset.contains(document.activeElement)) held = document.activeElement;
    fieldset.disabled = !on;
    if (!on) return;
    if (document.activeElement === document.body) held?.focus({ preventScroll: true });
    held = null;
  };
}

/** Resolves after so many seconds, or at once when the signal ends the wait. */
export function sleep(seconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    signal?.addEventListener('abort', done);
  });
}

/** The waits between tries: half a second, doubling, five at most. */
export class Backoff {
  #next = 0.5;

  seconds() {
    const wait = this.#next;
    this.#next = Math.min(5, wait * 2);
    return wait;
  }

  reset() { this.#next = 0.5; }
}
