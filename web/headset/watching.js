// The live picture as a video that plays: connect, notice that it ended, try again.

import { keepAwake } from '../chrome.js';
import { Backoff, sleep } from '../dom.js';
import { Refusal } from '../exchange.js';
import { setState } from '../state.js';
import { Blocked, Viewer } from '../whep.js';

export class Watching {
  #video;
  #dream;
  #wish;
  #run = null;

  /** `dream` is a visitor's, or null for the main one; `wish()` resolves to how to ask for it, see decoding.js. */
  constructor(video, dream, wish) {
    [this.#video, this.#dream, this.#wish] = [video, dream, wish];
  }

  start() {
    this.#run?.abort();
    this.#run = new AbortController();
    this.#keepWatching(this.#run.signal);
  }

  /** Black at once; nothing comes back before a press. */
  stop() {
    this.#run?.abort();
    this.#video.srcObject = null;
    setState('stopped', 'Stopped.');
  }

  /** The page is being left: free what the server holds for it. */
  leave() { this.#run?.abort(); }

  async #keepWatching(signal) {
    const backoff = new Backoff();
    setState('connecting', 'Connecting …');
    while (!signal.aborted) {
      let words;
      try {
        words = await this.#watchOnce(signal, backoff);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Blocked) return setState('blocked', 'This browser plays the picture after a press.');
        if (error instanceof Refusal && error.final) return setState('refused', error.message);
        if (error instanceof Refusal && this.#dream && error.status === 404) this.#dream = null; // over: the main one
        words = error.message;
      }
      if (signal.aborted) return;
      setState('retrying', `${words} Trying again …`);
      await sleep(backoff.seconds(), signal);
    }
  }

  async #watchOnce(signal, backoff) {
    const viewer = new Viewer(this.#video, () => {});
    try {
      await viewer.watch(this.#dream, signal, await this.#wish());
      backoff.reset();
      setState('live', 'Live');
      keepAwake();
      return await viewer.ended;
    } finally {
      viewer.close();
    }
  }
}
