// @ts-check
// Time that passes when a test says so: setTimeout and performance.now of the pages, without waiting.

export class FakeClock {
  #now = 0;
  #count = 0;
  /** @type {Map<number, {due: number, act: () => void}>} */
  #timers = new Map();

  /** @param {{after: (undo: () => void) => void}} test when it is over, time is the real one again */
  constructor(test) {
    const { setTimeout, clearTimeout, performance } = globalThis;
    replace({
      setTimeout: (/** @type {() => void} */ act, ms = 0) => {
        this.#count += 1;
        this.#timers.set(this.#count, { due: this.#now + ms, act });
        return this.#count;
      },
      clearTimeout: (/** @type {number} */ id) => this.#timers.delete(id),
      performance: { now: () => this.#now },
    });
    test.after(() => replace({ setTimeout, clearTimeout, performance }));
  }

  /**
   * Let so many milliseconds pass: what is due acts in its order, and what waits for that goes on.
   *
   * @param {number} ms
   */
  async advance(ms) {
    const until = this.#now + ms;
    await settled();
    for (;;) {
      const [next] = [...this.#timers].filter(([, { due }]) => due <= until).sort(([, a], [, b]) => a.due - b.due);
      if (!next) break;
      const [id, { due, act }] = next;
      this.#timers.delete(id);
      this.#now = due;
      act();
      await settled();
    }
    this.#now = until;
  }
}

/** @param {Record<string, unknown>} globals */
function replace(globals) {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}

/** Whatever can go on without time passing has done so. */
export function settled() {
  return new Promise((resolve) => { setImmediate(resolve); });
}
