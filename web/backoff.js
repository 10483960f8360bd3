// @ts-check
// Waiting: once, or longer from try to try.

/**
 * Resolves after so many seconds, or at once when the signal ends the wait.
 *
 * @param {number} seconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function sleep(seconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    signal?.addEventListener('abort', done);
  });
}

/** The waits between tries: half a second, doubling, five at most. */
export class Backoff {
  #next = 0.5;

  seconds() {
    const wait = this.#next;
    this.#next = Math.min(5, wait * 2);
    return wait;
  }

  reset() { this.#next = 0.5; }
}
