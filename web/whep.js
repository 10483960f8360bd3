// @ts-check
// Watch: one peer that receives the dream (WHEP), and knows when it has stopped coming.

import { sleep } from './backoff.js';
import { sendJson } from './http.js';
import { endSession, negotiate, sessionUrl } from './signalling.js';

/**
 * What a viewer requests: the id of a guest's dream, or null for the main one; codecs, the best first, and a width, at
 * most, null for what comes.
 *
 * @typedef {{dream: string | null, codecs?: RTCRtpCodec[] | null, width?: number | null}} ViewRequest
 */

const FIRST_FRAME_S = 12;
const STALL_S = 3;

/** The browser will not play without a press. */
export class Blocked extends Error {}

export class Viewer {
  #peer = new RTCPeerConnection();
  #video;
  #onRate;
  /** @type {string | null} */
  #session = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;
  /** @type {Promise<unknown>} */
  #lastChange = Promise.resolve();
  #closed = new AbortController();
  #end = (/** @type {string} */ _words) => {};

  marked = false;

  /**
   * Resolves, once, with the reason in words when the picture has ended.
   *
   * @type {Promise<string>}
   */
  ended = new Promise((resolve) => { this.#end = resolve; });

  /**
   * @param {HTMLVideoElement} video
   * @param {(fps: number) => void} onRate called once a second: how many frames came
   */
  constructor(video, onRate) {
    this.#video = video;
    this.#onRate = onRate;
    this.#peer.addEventListener('connectionstatechange', () => {
      const gone = ['failed', 'closed'].includes(this.#peer.connectionState);
      if (gone) this.#end('The connection was lost.');
    });
  }

  /**
   * Connect and return when the first frame is on the screen.
   *
   * @param {ViewRequest} request
   * @param {AbortSignal} signal
   */
  async watch({ dream, codecs = null, width = null }, signal) {
    signal.addEventListener('abort', () => this.close(), { signal: this.#closed.signal });
    const transceiver = this.#peer.addTransceiver('video', { direction: 'recvonly' });
    const { receiver } = transceiver;
    if (codecs) transceiver.setCodecPreferences?.(codecs);
    // Show each frame as it comes: a late frame is worth less here than a missing one.
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
    const query = new URLSearchParams({ ...(dream && { dream }), ...(width && { width: String(width) }) });
    const response = await negotiate(this.#peer, query.size ? `whep?${query}` : 'whep', signal);
    this.#session = sessionUrl(response);
    this.#video.srcObject = new MediaStream([receiver.track]);
    await Promise.race([Promise.all([this.#play(), this.#firstFrame(receiver)]), this.#failed()]);
    this.#clock = this.#countFrames(receiver, await decoded(receiver));
  }

  /**
   * What this viewer's video shows from now on. The last call wins, in order.
   *
   * @param {'dream' | 'camera'} what
   */
  show(what) {
    this.#change({ show: what }).catch(() => {});
  }

  /**
   * Whether each frame comes with its capture time drawn into its corner; see marker.js.
   *
   * @param {boolean} on
   */
  async mark(on) {
    this.marked = on;
    await this.#change({ marker: on });
  }

  /**
   * Fails when the server does.
   *
   * @param {{show: string} | {marker: boolean}} changes
   */
  #change(changes) {
    if (!this.#session || this.#closed.signal.aborted) return Promise.resolve();
    const id = this.#session.split('/').pop();
    const change = this.#lastChange.then(() => sendJson('PATCH', `api/viewers/${id}`, changes));
    this.#lastChange = change.catch(() => {});
    return change;
  }

  /** The server is told, then the connection goes. */
  close() {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    clearInterval(this.#clock);
    this.#end('Stopped.');
    void this.#hangUp();
  }

  async #hangUp() {
    if (this.#session) await endSession(this.#session);
    this.#peer.close();
  }

  async #play() {
    try {
      await this.#video.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') throw new Blocked();
      // Otherwise a newer picture took this one's place; its own watch says what became of it.
    }
  }

  /** @param {RTCRtpReceiver} receiver */
  async #firstFrame(receiver) {
    for (let tries = 0; tries < FIRST_FRAME_S * 10; tries += 1) {
      if (await decoded(receiver) || this.#closed.signal.aborted) return;
      await sleep(0.1);
    }
    throw new Error('The server answers, but no picture comes. Does the network let UDP through?');
  }

  async #failed() {
    throw new Error(await this.ended);
  }

  /**
   * @param {RTCRtpReceiver} receiver
   * @param {number} last how many frames were decoded so far
   */
  #countFrames(receiver, last) {
    let [lastAt, movedAt] = [performance.now(), performance.now()];
    return setInterval(async () => {
      const frames = await decoded(receiver);
      const now = performance.now();
      this.#onRate(((frames - last) * 1000) / (now - lastAt));
      // A page in the background may get no frames; that is no stall.
      if (frames !== last || document.hidden) movedAt = now;
      [last, lastAt] = [frames, now];
      if (now - movedAt > STALL_S * 1000) this.#end('The picture stopped coming.');
    }, 1000);
  }
}

/**
 * How many frames were decoded so far.
 *
 * @param {RTCRtpReceiver} receiver
 * @returns {Promise<number>}
 */
async function decoded(receiver) {
  for (const report of (await receiver.getStats()).values()) {
    if (report.type === 'inbound-rtp') return report.framesDecoded ?? 0;
  }
  return 0;
}
