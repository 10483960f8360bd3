// @ts-check
// The drawer: a column at the right, on a phone a sheet from below with a handle to pull it down by.

import { byId, focusQuietly } from './elements.js';

const SWIPE_PX = 60;
const TAP_PX = 5;

export class Drawer {
  #drawer = byId('drawer');
  #button = byId('drawer-open', HTMLButtonElement);

  constructor() {
    this.#button.addEventListener('click', () => this.toggle());
    byId('drawer-close').addEventListener('click', () => this.toggle(false));
    this.#swipes();
  }

  get open() { return document.body.classList.contains('drawer-open'); }

  toggle(open = !this.open) {
    if (open && this.#button.disabled) return;
    const inside = this.#drawer.contains(document.activeElement);
    document.body.classList.toggle('drawer-open', open);
    this.#drawer.inert = !open;
    this.#button.setAttribute('aria-expanded', String(open));
    if (open) focusQuietly(byId('drawer-close'));
    else if (inside) focusQuietly(this.#button);
  }

  #swipes() {
    const handle = byId('drawer-handle');
    /** @type {number | null} */
    let from = null; // where the finger came down
    handle.addEventListener('pointerdown', (event) => {
      from = event.clientY;
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener('pointermove', (event) => {
      if (from !== null) this.#drawer.style.setProperty('--pulled', `${Math.max(0, event.clientY - from)}px`);
    });
    handle.addEventListener('pointerup', (event) => {
      if (from === null) return;
      const down = event.clientY - from;
      if (down > SWIPE_PX || Math.abs(down) < TAP_PX) this.toggle(false); // pulled down, or tapped
    });
    handle.addEventListener('lostpointercapture', () => {
      from = null;
      this.#drawer.style.removeProperty('--pulled');
    });
  }
}
