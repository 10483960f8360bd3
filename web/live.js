// The control channel: settings and stats come down, changes go up.

import { Backoff, sleep } from './dom.js';

const SEND_EVERY_MS = 50;
const SILENCE_MS = 6000; // stats come each second; a socket this quiet is dead
const PONG_S = 1;

export class Live {
  #on;
  #socket = null;
  #backoff = new Backoff();
  #changes = {};
  #timer = null;
  #silence = null;
  #count = 0;
  #pings = new Map(); // those that are under way: by their id, what to do with the answer

  /** `on`: {settings(settings), stats(stats), network(), error(words), link(isUp)}. */
  constructor(on) {
    this.#on = on;
  }

  /** Connect, and stay connected until the page is left. */
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
      this.#heard(JSON.parse(data));
    });
    socket.addEventListener('close', () => this.#lost(socket));
  }

  /** Change settings: at most so many messages a second, the last change always sent. */
  patch(changes) {
    Object.assign(this.#changes, changes);
    if (this.#timer === null) this.#send();
  }

  /** One exchange with the server's clock, in ms: {sent, received} by this page's, {server} between; null when none. */
  async ping() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return null;
    const id = this.#count += 1;
    const answered = new Promise((resolve) => { this.#pings.set(id, resolve); });
    const sent = performance.now();
    this.#socket.send(JSON.stringify({ type: 'ping', id }));
    const exchange = await Promise.race([answered, sleep(PONG_S)]);
    this.#pings.delete(id);
    return exchange ? { sent, ...exchange } : null;
  }

  #send() {
    this.#timer = null;
    if (this.#socket?.readyState !== WebSocket.OPEN || !Object.keys(this.#changes).length) return;
    this.#count += 1;
    this.#socket.send(JSON.stringify({ type: 'patch', changes: this.#changes, id: this.#count }));
    this.#changes = {};
    this.#timer = setTimeout(() => this.#send(), SEND_EVERY_MS);
  }

  #heard(message) {
    if (message.type === 'pong') this.#pings.get(message.id)?.({ received: performance.now(), server: message.now_ms });
    else if (message.type === 'settings') this.#on.settings(message.settings);
    else if (message.type === 'network') this.#on.network();
    else if (message.type === 'stats') this.#on.stats(message.stats);
    else if (message.type === 'error') this.#on.error(message.error);
  }

  #listenForSilence(socket) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(socket), SILENCE_MS);
  }

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
