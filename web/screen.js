// @ts-check
// The screen: the bar hides when nobody moves, full screen, how the picture fits, and that it stays on.

import { byId } from './elements.js';
import { state } from './state.js';

const IDLE_MS = 3000;
const MOST_CUT = 0.16; // of the picture's longer side, when filling the window; beyond that black bars are kinder

/** The bar hides while the picture plays and nobody moves, presses or has the keyboard in it. */
export function hideWhenIdle() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
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

/** Full screen, on a button and by `toggle`; leaving it with the Escape key is a stop, as any Escape is. */
export class FullScreen {
  #expected = false; // what this page requested last

  /** @param {() => void} onEscape */
  constructor(onEscape) {
    const button = byId('full', HTMLButtonElement);
    button.hidden = !document.fullscreenEnabled;
    button.addEventListener('click', () => this.toggle());
    document.addEventListener('fullscreenchange', () => {
      const full = Boolean(document.fullscreenElement);
      button.setAttribute('aria-label', full ? 'Leave full screen' : 'Full screen');
      if (full || !this.#expected) return;
      // The browser keeps the Escape key to itself here; stopping must still take one press.
      this.#expected = false;
      onEscape();
    });
  }

  async toggle() {
    if (!document.fullscreenEnabled) return;
    const leaving = Boolean(document.fullscreenElement);
    if (leaving) this.#expected = false;
    try {
      await (leaving ? document.exitFullscreen() : document.documentElement.requestFullscreen());
      this.#expected = !leaving;
    } catch { /* the browser would not; nothing changed */ }
  }
}

/**
 * Fill the window where that cuts little off, otherwise show the whole picture. The page knows of a tall one, which
 * leaves room beside it for the drawer.
 *
 * @param {HTMLVideoElement} video
 */
export function fitPicture(video) {
  const fit = () => {
    const window = video.clientWidth / video.clientHeight;
    const picture = video.videoWidth / video.videoHeight;
    const cut = 1 - Math.min(window / picture, picture / window);
    video.classList.toggle('fill', cut <= MOST_CUT);
    document.body.classList.toggle('tall', picture <= 1);
  };
  new ResizeObserver(fit).observe(video);
  video.addEventListener('resize', fit);
}

/** @type {WakeLockSentinel | null} */
let lock = null;

/** Keep the screen on while the picture plays; not every browser can, and it works without. */
export async function keepAwake() {
  if (lock && !lock.released) return;
  lock = await navigator.wakeLock?.request('screen').catch(() => null);
}
