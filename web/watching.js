// The live picture, on either page: connect, show, notice that it ended, try again.

import { keepAwake } from './chrome.js';
import { Backoff, sleep } from './dom.js';
import { Refusal } from './exchange.js';
import { notice, setState } from './state.js';
import { Blocked, Viewer } from './whep.js';

export class Watching {
  #video;
  #dream;
  #on;
  #asked = null; // the dream that was asked for last
  #run = null; // ends the run in progress

  /** Frames that arrived here in the last second; null before it is known. */
  fps = null;

  /** Who watches now; null while nobody does. */
  viewer = null;

  /**
   * `dream` is the guest's dream to watch, or null for the main one. wish(dream, signal) resolves to what to ask for,
   * {dream, codecs, width}, see whep.js. words() are the live state's; refused(refusal) is true when something else is
   * asked for from now on; ended() is told that what played has ended; lost() is awaited before another try.
   */
  constructor(video, dream, { wish, words = () => 'Live', refused = () => false, ended = () => {}, lost = () => {} }) {
    [this.#video, this.#dream] = [video, dream];
    this.#on = { wish, words, refused, ended, lost };
  }

  start() {
    this.end();
    this.#run = new AbortController();
    this.#keepWatching(this.#run.signal);
  }

  /** Black at once; nothing comes back before a press. */
  stop() {
    this.end();
    this.#wait('stopped', 'Stopped.');
  }

  /** Free what the server holds for it. */
  end() { this.#run?.abort(); }

  async #keepWatching(signal) {
    const backoff = new Backoff();
    setState('connecting', 'Connecting …');
    while (!signal.aborted) {
      let words;
      try {
        words = await this.#watchOnce(signal, backoff);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Blocked) return this.#wait('blocked', 'This browser plays the picture after a press.');
        if (error instanceof Refusal && error.final) return this.#wait('refused', error.message);
        if (error instanceof Refusal && (this.#on.refused(error) || this.#isOver(error))) continue;
        words = error.message;
      }
      if (signal.aborted) return;
      setState('retrying', `${words} Trying again …`);
      await this.#on.lost();
      await sleep(backoff.seconds(), signal);
    }
  }

  /** One connection, from the offer to the words for its end. */
  async #watchOnce(signal, backoff) {
    const viewer = new Viewer(this.#video, (fps) => { this.fps = fps; });
    try {
      const { dream, ...how } = await this.#on.wish(this.#dream, signal);
      this.#asked = dream;
      await viewer.watch(dream, signal, how);
      this.viewer = viewer;
      backoff.reset();
      setState('live', this.#on.words());
      keepAwake();
      return await viewer.ended;
    } finally {
      viewer.close();
      if (this.viewer === viewer) {
        [this.viewer, this.fps] = [null, null];
        this.#on.ended();
      }
    }
  }

  /** The dream of the page's link is no more: say so and watch the main one. */
  #isOver({ status }) {
    if (!this.#dream || this.#asked !== this.#dream || status !== 404) return false;
    notice('dream-over', 'The dream of this link is over. This is the main one.');
    this.#dream = null;
    return true;
  }

  #wait(name, words) {
    this.#video.srcObject = null;
    setState(name, words);
  }
}
