// @ts-check
// The headset itself: whether there is one, going in, and coming back, whoever ended it.

import { messageOf } from '../http.js';

/** @typedef {'ready' | 'insecure' | 'unknown' | 'absent'} Support */

/**
 * 'ready'; or why not: 'insecure', 'unknown' (a browser without WebXR), 'absent' (no headset on it).
 *
 * @returns {Promise<Support>}
 */
export async function support() {
  if (!window.isSecureContext) return 'insecure';
  if (!navigator.xr) return 'unknown';
  const there = await navigator.xr.isSessionSupported('immersive-vr').catch(() => false);
  return there ? 'ready' : 'absent';
}

export class XrSession {
  #xr;
  #on;
  /** @type {XRSession | null} */
  #session = null;

  /**
   * @param {import('../vendor/three/three.module.js').WebXRManager} xr
   * @param {{entered: (session: XRSession) => void, ended: () => void, hidden: () => void}} on
   */
  constructor(xr, on) {
    this.#xr = xr;
    this.#on = on;
    xr.enabled = true;
    xr.setReferenceSpaceType('local'); // eyes at the origin, as on the page
  }

  get current() { return this.#session; }

  /**
   * From a press. Fails, in words, when the headset does not let anybody in.
   *
   * @param {string[]} features beside hand tracking
   */
  async enter(features) {
    if (this.#session || !navigator.xr) return;
    let session;
    try {
      session = await navigator.xr.requestSession('immersive-vr', { optionalFeatures: ['hand-tracking', ...features] });
    } catch (error) {
      const refused = error instanceof DOMException && error.name === 'NotAllowedError';
      const fix = refused ? 'Allow it for this page.' : 'Is it on, and connected?';
      throw new Error(`The headset did not let this page in. ${fix}`);
    }
    this.#session = session;
    // Taken off, its own menu, a battery: it also ends by itself.
    session.addEventListener('end', () => {
      this.#session = null;
      this.#on.ended();
    });
    session.addEventListener('visibilitychange', () => session.visibilityState !== 'visible' && this.#on.hidden());
    try {
      await this.#xr.setSession(session);
    } catch (error) {
      await session.end().catch(() => {});
      throw new Error(`The headset could not be drawn on (${messageOf(error)}).`);
    }
    if (this.#session === session) this.#on.entered(session);
  }

  /** Back to the page. */
  async leave() { await this.#session?.end().catch(() => {}); }
}
