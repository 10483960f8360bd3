// @ts-check
// The live picture, on either page: connect, play, notice that it ended, try again.

import { Backoff, sleep } from './backoff.js';
import { Refusal, messageOf } from './http.js';
import { keepAwake } from './screen.js';
import { notice, setState } from './state.js';
import { Blocked, Viewer } from './whep.js';

/** @typedef {import('./whep.js').ViewRequest} ViewRequest */

/**
 * @typedef {object} Handlers
 * @property {(dream: string | null, signal: AbortSignal) => Promise<ViewRequest>} toRequest
 *   what to request; dream is the id of the page's link
 * @property {() => string} [words] of the live state
 * @property {(refusal: Refusal) => boolean} [refused] true when something else is requested from now on
 * @property {() => void} [ended] what played has ended
 * @property {() => unknown} [lost] awaited before another try
 */

export class ReconnectingViewer {
  #video;
  #dream;
  #on;
  /** @type {string | null} */
  #requested = null; // the dream of the last request
  /** @type {AbortController | null} */
  #run = null; // ends the run in progress

  /**
   * Frames that arrived here in the last second; null before it is known.
   *
   * @type {number | null}
   */
  fps = null;

  /**
   * Who watches now; null while nobody does.
   *
   * @type {Viewer | null}
   */
  viewer = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {string | null} dream the guest's dream to watch, or null for the main one
   * @param {Handlers} on
   */
  constructor(video, dream, { toRequest, words = () => 'Live', refused = () => false, ended = () => {}, lost = () => {} }) {
    this.#video = video;
    this.#dream = dream;
    this.#on = { toRequest, words, refused, ended, lost };
  }

  start() {
    this.end();
    this.#run = new AbortController();
    void this.#keepWatching(this.#run.signal);
  }

  /** Black at once; nothing comes back before a press. */
  stop() {
    this.end();
    this.#wait('stopped', 'Stopped.');
  }

  /** Free what the server holds for it. */
  end() { this.#run?.abort(); }

  /** @param {AbortSignal} signal */
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
        words = messageOf(error);
      }
      if (signal.aborted) return;
      setState('retrying', `${words} Trying again …`);
      await this.#on.lost();
      await sleep(backoff.seconds(), signal);
    }
  }

  /**
   * One connection, from the offer to the words for its end.
   *
   * @param {AbortSignal} signal
   * @param {Backoff} backoff
   */
  async #watchOnce(signal, backoff) {
    const viewer = new Viewer(this.#video, (fps) => { this.fps = fps; });
    try {
      const what = await this.#on.toRequest(this.#dream, signal);
      this.#requested = what.dream;
      await viewer.watch(what, signal);
      this.viewer = viewer;
      backoff.reset();
      setState('live', this.#on.words());
      void keepAwake();
      return await viewer.ended;
    } finally {
      viewer.close();
      if (this.viewer === viewer) {
        [this.viewer, this.fps] = [null, null];
        this.#on.ended();
      }
    }
  }

  /**
   * The dream of the page's link is no more: say so and watch the main one.
   *
   * @param {Refusal} refusal
   */
  #isOver({ status }) {
    if (!this.#dream || this.#requested !== this.#dream || status !== 404) return false;
    notice('dream-over', 'The dream of this link is over. This is the main one.');
    this.#dream = null;
    return true;
  }

  /**
   * @param {import('./state.js').State} name
   * @param {string} words
   */
  #wait(name, words) {
    this.#video.srcObject = null;
    setState(name, words);
  }
}
