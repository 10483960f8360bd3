// @ts-check
// Hold the picture, a button or a key to see the camera's own picture.

const HOLD_MS = 180; // shorter is a tap, which only brings the buttons back

/**
 * Calls `compare(on)`. Returns a handler for a held key. A click without a finger, as assistive technology sends it,
 * switches over and back.
 *
 * @param {HTMLElement} picture
 * @param {HTMLButtonElement} button
 * @param {(on: boolean) => void} compare
 * @returns {(event: KeyboardEvent) => void}
 */
export function holdToCompare(picture, button, compare) {
  let on = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const show = (/** @type {boolean} */ camera) => {
    clearTimeout(timer);
    if (camera === on || (camera && button.disabled)) return;
    on = camera;
    button.setAttribute('aria-pressed', String(on));
    compare(on);
  };
  const after = (/** @type {number} */ ms) => (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0) return;
    clearTimeout(timer);
    timer = setTimeout(() => show(true), ms);
  };
  picture.addEventListener('pointerdown', after(HOLD_MS));
  button.addEventListener('pointerdown', after(0));
  for (const type of ['pointerup', 'pointercancel', 'blur']) window.addEventListener(type, () => show(false));
  for (const element of [picture, button]) element.addEventListener('contextmenu', (event) => event.preventDefault());

  for (const type of /** @type {const} */ (['keydown', 'keyup'])) {
    button.addEventListener(type, (event) => {
      if (event.key !== ' ' && event.key !== 'Enter') return;
      event.preventDefault(); // no click at the end of it
      show(type === 'keydown');
    });
  }
  button.addEventListener('blur', () => show(false));
  button.addEventListener('click', (event) => event.detail === 0 && show(!on));

  return (event) => show(event.type === 'keydown');
}
