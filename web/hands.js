// Hands on the page: hold to compare, and the keys.

const HOLD_MS = 180; // shorter is a tap, which only brings the buttons back

/**
 * Hold the picture or the button to see the camera's own picture. Returns a handler for a held key.
 * A click without a finger, as assistive technology sends it, switches over and back.
 */
export function holdToCompare(picture, button, compare) {
  let on = false;
  let timer = null;
  const show = (wish) => {
    clearTimeout(timer);
    if (wish === on || (wish && button.disabled)) return;
    on = wish;
    button.setAttribute('aria-pressed', on);
    compare(on);
  };
  const after = (ms) => (event) => {
    if (event.button !== 0) return;
    clearTimeout(timer);
    timer = setTimeout(() => show(true), ms);
  };
  picture.addEventListener('pointerdown', after(HOLD_MS));
  button.addEventListener('pointerdown', after(0));
  for (const type of ['pointerup', 'pointercancel', 'blur']) window.addEventListener(type, () => show(false));
  for (const element of [picture, button]) element.addEventListener('contextmenu', (event) => event.preventDefault());

  const isPress = (event) => event.key === ' ' || event.key === 'Enter';
  for (const type of ['keydown', 'keyup']) {
    button.addEventListener(type, (event) => {
      if (!isPress(event)) return;
      event.preventDefault(); // no click at the end of it
      show(type === 'keydown');
    });
  }
  button.addEventListener('blur', () => show(false));
  button.addEventListener('click', (event) => event.detail === 0 && show(!on));

  return (event) => show(event.type === 'keydown');
}

/** `keys`: {key: act(event)}. A key held down acts once; `c` also hears that it was let go. */
export function onKeys(keys) {
  const heard = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = Object.hasOwn(keys, key) ? keys[key] : null;
    const held = key === 'c';
    if (!act || (event.type === 'keyup' && !held)) return;
    // Letters choose in a list and are written in a field; Escape stops wherever it is pressed.
    if (event.target.closest?.('select, input:is([type="search"], [type="number"])') && key !== 'Escape') return;
    act(event);
  };
  document.addEventListener('keydown', heard);
  document.addEventListener('keyup', heard);
}
