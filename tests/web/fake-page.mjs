// @ts-check
// As much of a page as the modules without pictures need: elements by their id, which remember what is set.

/** @param {string[]} ids */
export function fakePage(ids) {
  const elements = Object.fromEntries(ids.map((id) => [id, {
    hidden: false, textContent: '', dataset: /** @type {Record<string, string>} */ ({}), focused: false,
    focus() { this.focused = true; },
  }]));
  const body = { dataset: /** @type {Record<string, string>} */ ({}) };
  Object.assign(globalThis, {
    document: { body, baseURI: 'http://dream.test/', getElementById: (/** @type {string} */ id) => elements[id] ?? null },
  });
  return { elements, body };
}
