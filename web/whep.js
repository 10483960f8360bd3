// Watch: one peer that receives the dream (WHEP), and knows when it has stopped coming.

import { sleep } from './dom.js';
import { ask, exchange, leave, location } from './exchange.js';

const FIRST_FRAME_S = 12;
const STALL_S = 3;

/** The browser will not play without a press. */
export class Blocked extends Error {}

export class Viewer {
  #peer = new RTCPeerConnection();
  #video;
  #location = null;
  #clock = null;
  #asked = Promise.resolve();
  #closed = new AbortController();
  #end;

  marked = false;

  /** Resolves, once, with the reason in words when the picture has ended. */
  ended = new Promise((resolve) => { this.#end = resolve; });

  /** `onRate(fps)` is told once a second how many frames came. */
  constructor(video, onRate) {
    this.#video = video;
    this.onRate = onRate;
    this.#peer.addEventListener('connectionstatechange', () => {
      const gone = ['failed', 'closed'].includes(this.#peer.connectionState);
      if (gone) this.#end('The connection was lost.');
    });
  }

  /**
   * Connect and return when the first frame is on the screen. `dream` is the id of a guest's dream, or null.
   * `codecs`, the best first, and `width`, at most, are what to ask for; null for what comes.
   */
  async watch(dream, signal, { codecs = null, width = null } = {}) {
    signal.addEventListener('abort', () => this.close(), { signal: this.#closed.signal });
    const transceiver = this.#peer.addTransceiver('video', { direction: 'recvonly' });
    const { receiver } = transceiver;
    if (codecs) transceiver.setCodecPreferences?.(codecs);
    // Show each frame as it comes: a late frame is worth less here than a missing one.
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
    const query = new URLSearchParams({ ...(dream && { dream }), ...(width && { width }) });
    const response = await exchange(this.#peer, query.size ? `whep?${query}` : 'whep', signal);
    this.#location = location(response);
    this.#video.srcObject = new MediaStream([receiver.track]);
    await Promise.race([Promise.all([this.#play(), this.#firstFrame(receiver)]), this.#failed()]);
    this.#clock = this.#watchFrames(receiver, await decoded(receiver));
  }

  /** What this viewer's video shows from now on: 'dream' or 'camera'. The last wish wins, in order. */
  show(what) {
    this.#change({ show: what }).catch(() => {});
  }

  /** Whether each frame comes with its capture time drawn into its corner; see latency.js. */
  async mark(on) {
    this.marked = on;
    await this.#change({ marker: on });
  }

  /** Fails when the server does. */
  #change(changes) {
    if (!this.#location || this.#closed.signal.aborted) return Promise.resolve();
    const id = this.#location.split('/').pop();
    const body = JSON.stringify(changes);
    const headers = { 'Content-Type': 'application/json' };
    const asked = this.#asked.then(() => ask(`api/viewers/${id}`, { method: 'PATCH', headers, body }));
    this.#asked = asked.catch(() => {});
    return asked;
  }

  /** The server is told, then the connection goes. */
  close() {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    clearInterval(this.#clock);
    this.#end('Stopped.');
    this.#hangUp();
  }

  async #hangUp() {
    if (this.#location) await leave(this.#location);
    this.#peer.close();
  }

  async #play() {
    try {
      await this.#video.play();
    } catch (error) {
      if (error.name === 'NotAllowedError') throw new Blocked();
      // Otherwise a newer picture took this one's place; its own watch says what became of it.
    }
  }

  async #firstFrame(receiver) {
    for (let tries = 0; tries < FIRST_FRAME_S * 10; tries += 1) {
      if (await decoded(receiver) || this.#closed.signal.aborted) return;
      await sleep(0.1);
    }
    throw new Error('The server answers, but no picture comes; does the network let UDP through?');
  }

  async #failed() {
    throw new Error(await this.ended);
  }

  #watchFrames(receiver, last) {
    let [lastAt, movedAt] = [performance.now(), performance.now()];
    return setInterval(async () => {
      const frames = await decoded(receiver);
      const now = performance.now();
      this.onRate(((frames - last) * 1000) / (now - lastAt));
      // A page in the background may be given no frames; that is no stall.
      if (frames !== last || document.hidden) movedAt = now;
      [last, lastAt] = [frames, now];
      if (now - movedAt > STALL_S * 1000) this.#end('The picture stopped coming.');
    }, 1000);
  }
}

async function decoded(receiver) {
  for (const report of (await receiver.getStats()).values()) {
    if (report.type === 'inbound-rtp') return report.framesDecoded ?? 0;
  }
  return 0;
}
