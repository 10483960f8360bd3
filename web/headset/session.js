// The headset itself: whether there is one, going in, and coming back, whoever ended it.

/** 'ready'; or why not: 'insecure', 'unknown' (a browser without WebXR), 'absent' (no headset on it). */
export async function support() {
  if (!window.isSecureContext) return 'insecure';
  if (!navigator.xr) return 'unknown';
  const there = await navigator.xr.isSessionSupported('immersive-vr').catch(() => false);
  return there ? 'ready' : 'absent';
}

export class Session {
  #xr;
  #on;
  #session = null;

  /** `on`: {entered(session), left(), hidden()}. */
  constructor(xr, on) {
    [this.#xr, this.#on] = [xr, on];
    xr.enabled = true;
    xr.setReferenceSpaceType('local'); // eyes at the origin, as on the page
  }

  get current() { return this.#session; }

  /** From a press. Fails, in words, when the headset does not let anybody in. */
  async enter(features) {
    if (this.#session) return;
    let session;
    try {
      session = await navigator.xr.requestSession('immersive-vr', { optionalFeatures: ['hand-tracking', ...features] });
    } catch (error) {
      const mend = error.name === 'NotAllowedError' ? 'allow it for this page' : 'is it on, and connected?';
      throw new Error(`The headset did not let this page in; ${mend}.`);
    }
    this.#session = session;
    // Taken off, its own menu, a battery: it ends without being asked.
    session.addEventListener('end', () => {
      this.#session = null;
      this.#on.left();
    });
    session.addEventListener('visibilitychange', () => session.visibilityState !== 'visible' && this.#on.hidden());
    try {
      await this.#xr.setSession(session);
    } catch (error) {
      await session.end().catch(() => {});
      throw new Error(`The headset could not be drawn on (${error.message}).`);
    }
    if (this.#session === session) this.#on.entered(session);
  }

  /** Back to the page. */
  async leave() { await this.#session?.end().catch(() => {}); }
}
