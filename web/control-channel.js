// @ts-check
// The control channel: settings and stats come down, changes go up.

import { Backoff, sleep } from './backoff.js';

/** @typedef {Record<string, number>} Weights */

/**
 * All live settings; those that a page knows by name are listed.
 *
 * @typedef {{motifs: Weights, layers: Weights, guide: number, where: string, strength: number, [knob: string]: unknown}} Settings
 */

/**
 * The network that dreams, and the one that is being loaded: share is how much of it has come, null where unknown.
 *
 * @typedef {{name: string, loading: string, share: number | null, error: string}} NetworkState
 */

/**
 * What the server says each second; what a page reads of it is listed.
 *
 * @typedef {object} LoopStats
 * @property {string} status of the source, by its name
 * @property {string} status_text the same in words
 * @property {string} notice
 * @property {number} fps
 * @property {number} dream_width_px
 * @property {number} source_skipped_frames
 * @property {number} dropped_frames before the loop took them
 * @property {string[]} pictures which there are: 'guide', 'mask'
 * @property {NetworkState} network
 */

/** @typedef {{loop: LoopStats, encoding: {capture_to_packet_ms: number | null, dropped_frames: number}}} Stats */

/**
 * @typedef {object} Listeners
 * @property {(settings: Settings) => void} settings
 * @property {(stats: Stats) => void} stats
 * @property {() => void} [network] another network dreams
 * @property {(words: string) => void} error a change was refused
 * @property {(isUp: boolean) => void} link
 */

/**
 * One exchange with the server's clock, in ms.
 *
 * @typedef {{sent: number, received: number, server: number}} Exchange
 */

/** @typedef {ReturnType<typeof setTimeout>} Timer */

const SEND_EVERY_MS = 50;
const SILENCE_MS = 6000; // stats come each second; a socket this quiet is dead
const PONG_S = 1;

export class ControlChannel {
  #on;
  /** @type {WebSocket | null} */
  #socket = null;
  #backoff = new Backoff();
  /** @type {Partial<Settings>} */
  #changes = {};
  /** @type {Timer | null} */
  #timer = null;
  /** @type {Timer | undefined} */
  #silence;
  #count = 0;
  /** @type {Map<number, (answer: {received: number, server: number}) => void>} */
  #pings = new Map(); // those without an answer yet: by their id, what to do with it

  /** @param {Listeners} on */
  constructor(on) {
    this.#on = on;
  }

  /** Connect, and stay connected until the page is closed. */
  open() {
    const address = new URL('api/live', document.baseURI);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#listenForSilence(socket);
    socket.addEventListener('open', () => {
      this.#backoff.reset();
      this.#on.link(true);
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket) return;
      this.#listenForSilence(socket);
      this.#receive(JSON.parse(data));
    });
    socket.addEventListener('close', () => this.#lost(socket));
  }

  /**
   * Change settings: at most so many messages a second, the last change always sent.
   *
   * @param {Partial<Settings>} changes
   */
  patch(changes) {
    Object.assign(this.#changes, changes);
    if (this.#timer === null) this.#send();
  }

  /**
   * One exchange with the server's clock: sent and received by this page's clock, and the server's between them. Null
   * when no answer came.
   *
   * @returns {Promise<Exchange | null>}
   */
  async ping() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return null;
    const id = this.#count += 1;
    /** @type {Promise<{received: number, server: number}>} */
    const answered = new Promise((resolve) => { this.#pings.set(id, resolve); });
    const sent = performance.now();
    this.#socket.send(JSON.stringify({ type: 'ping', id }));
    const answer = await Promise.race([answered, sleep(PONG_S)]);
    this.#pings.delete(id);
    return answer ? { sent, ...answer } : null;
  }

  #send() {
    this.#timer = null;
    if (this.#socket?.readyState !== WebSocket.OPEN || !Object.keys(this.#changes).length) return;
    this.#count += 1;
    this.#socket.send(JSON.stringify({ type: 'patch', changes: this.#changes, id: this.#count }));
    this.#changes = {};
    this.#timer = setTimeout(() => this.#send(), SEND_EVERY_MS);
  }

  /** @param {any} message as hallucinate/stream sends it: its type says what else is in it */
  #receive(message) {
    if (message.type === 'pong') this.#pings.get(message.id)?.({ received: performance.now(), server: message.now_ms });
    else if (message.type === 'settings') this.#on.settings(message.settings);
    else if (message.type === 'network') this.#on.network?.();
    else if (message.type === 'stats') this.#on.stats(message.stats);
    else if (message.type === 'error') this.#on.error(message.error);
  }

  /** @param {WebSocket} socket */
  #listenForSilence(socket) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(socket), SILENCE_MS);
  }

  /** @param {WebSocket} socket */
  #lost(socket) {
    if (socket !== this.#socket) return; // already replaced
    clearTimeout(this.#silence);
    this.#socket = null;
    this.#changes = {}; // what was meant before the gap may not be meant after it
    socket.close();
    this.#on.link(false);
    setTimeout(() => this.open(), this.#backoff.seconds() * 1000);
  }
}
