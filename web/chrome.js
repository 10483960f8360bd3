// What lies on the picture: the bar that leaves when nobody moves, the drawer, full screen, and how the picture fits.

import { byId } from './dom.js';
import { state } from './state.js';

const IDLE_MS = 3000;
const SWIPE_PX = 60;
const MOST_CUT = 0.16; // of the picture's longer side, when filling the window; beyond that black bars are kinder

/** The bar hides while the picture plays and nobody moves, presses or has the keyboard in it. */
export function hideWhenIdle() {
  let timer = null;
  const idle = () => {
    const used = document.querySelector('#bar :focus-visible, #drawer :focus-visible, #notice :focus-visible, #bar:hover');
    if (state() === 'live' && !used) document.body.classList.add('quiet');
    else wake();
  };
  const wake = () => {
    document.body.classList.remove('quiet');
    clearTimeout(timer);
    timer = setTimeout(idle, IDLE_MS);
  };
  for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) document.addEventListener(type, wake);
  wake();
}

/** The drawer: a column at the right, on a phone a sheet from below with a handle to pull it down by. */
export class Drawer {
  #drawer = byId('drawer');
  #button = byId('drawer-open');

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
    this.#button.setAttribute('aria-expanded', open);
    if (open) byId('drawer-close').focus({ focusVisible: false });
    else if (inside) this.#button.focus({ focusVisible: false });
  }

  #swipes() {
    const handle = this.#drawer.querySelector('.handle');
    let from = null;
    const pull = (event) => this.#drawer.style.setProperty('--pulled', `${Math.max(0, event.clientY - from)}px`);
    handle.addEventListener('pointerdown', (event) => {
      from = event.clientY;
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener('pointermove', (event) => from !== null && pull(event));
    handle.addEventListener('pointerup', (event) => {
      const moved = Math.abs(event.clientY - from);
      if (event.clientY - from > SWIPE_PX || moved < 5) this.toggle(false); // pulled down, or tapped
    });
    handle.addEventListener('lostpointercapture', () => {
      from = null;
      this.#drawer.style.removeProperty('--pulled');
    });
  }
}

/** Full screen, on a button and by `toggle`; leaving it with the Escape key is a stop like any Escape. */
export class FullScreen {
  #wanted = false;

  constructor(onEscape) {
    const button = byId('full');
    button.hidden = !document.fullscreenEnabled;
    button.addEventListener('click', () => this.toggle());
    document.addEventListener('fullscreenchange', () => {
      const full = Boolean(document.fullscreenElement);
      button.setAttribute('aria-label', full ? 'Leave full screen' : 'Full screen');
      if (full || !this.#wanted) return;
      // The browser keeps the Escape key to itself here; stopping must still take one press.
      this.#wanted = false;
      onEscape();
    });
  }

  async toggle() {
    if (!document.fullscreenEnabled) return;
    const leaving = Boolean(document.fullscreenElement);
    if (leaving) this.#wanted = false;
    try {
      await (leaving ? document.exitFullscreen() : document.documentElement.requestFullscreen());
      this.#wanted = !leaving;
    } catch { /* the browser would not; nothing changed */ }
  }
}

/** Fill the window where that cuts little off, otherwise show the whole picture. */
export function fitPicture(video) {
  const fit = () => {
    const window = video.clientWidth / video.clientHeight;
    const picture = video.videoWidth / video.videoHeight;
    const cut = 1 - Math.min(window / picture, picture / window);
    video.classList.toggle('fill', cut <= MOST_CUT);
  };
  new ResizeObserver(fit).observe(video);
  video.addEventListener('resize', fit);
}

let lock = null;

/** Keep the screen on while the picture plays; not every browser can, and none has to. */
export async function keepAwake() {
  if (lock && !lock.released) return;
  lock = await navigator.wakeLock?.request('screen').catch(() => null);
}
