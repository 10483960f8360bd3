// @ts-check
// The keys of a page.

/**
 * Calls what belongs to a key. A key held down acts once; `c` also hears that it was released.
 *
 * @param {Record<string, (event: KeyboardEvent) => unknown>} keys by name: letters in lower case
 */
export function onKeys(keys) {
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = Object.hasOwn(keys, key) ? keys[key] : null;
    const held = key === 'c';
    if (!act || (event.type === 'keyup' && !held)) return;
    // Letters choose in a list and are written in a field; Escape stops wherever it is pressed.
    const written = 'select, input:is([type="search"], [type="number"])';
    if (event.target instanceof Element && event.target.closest(written) && key !== 'Escape') return;
    act(event);
  };
  document.addEventListener('keydown', pressed);
  document.addEventListener('keyup', pressed);
}
