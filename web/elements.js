// @ts-check
// Elements of the page: finding them, making them, and giving them the keyboard back.

/**
 * The element with this id; a page without it is a mistake worth hearing about at once.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type] what it has to be, such as HTMLInputElement
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element #${id}`);
  if (type && !(element instanceof type)) throw new Error(`#${id} is a ${element.tagName}, not a ${type.name}`);
  return /** @type {T} */ (element);
}

/**
 * A new element: `make('button', {type: 'button', class: 'tile', 'aria-pressed': false}, 'text', child)`.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * One of the icons drawn at the top of index.html.
 *
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Returns enable(on), which makes a fieldset's controls usable or not. A browser takes the keyboard away from what
 * cannot be used; it gets it back here, unless it has gone elsewhere.
 *
 * @param {HTMLFieldSetElement} fieldset
 * @returns {(on: boolean) => void}
 */
export function enabler(fieldset) {
  /** @type {HTMLElement | null} */
  let focused = null;
  return (on) => {
    const active = document.activeElement;
    if (!on && active instanceof HTMLElement && fieldset.contains(active)) focused = active;
    fieldset.disabled = !on;
    if (!on) return;
    if (document.activeElement === document.body) focused?.focus({ preventScroll: true });
    focused = null;
  };
}

/**
 * Give an element the keyboard without drawing a ring around it: somebody pressed something with a pointer.
 *
 * @param {HTMLElement} element
 */
export function focusQuietly(element) {
  element.focus(/** @type {FocusOptions} */ ({ focusVisible: false }));
}
