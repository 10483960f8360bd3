// @ts-check
// Capture to screen, measured: the server draws each frame's capture time into its corner, for this page alone; the
// page reads it as the frame is displayed. The clocks are aligned by pings over the control channel.

import { sleep } from './backoff.js';
import { contextOf, fitted } from './canvas.js';
import { byId, make } from './elements.js';
import { messageOf, sendJson } from './http.js';
import { COLUMNS, CYCLE_MS, ROWS, cellSize, readMarker } from './marker.js';
import { notice } from './state.js';

/** @typedef {import('./control-channel.js').Exchange} Exchange */

/**
 * One frame, in ms: when it was displayed, by this page's clock, and when it was captured, as its marker says.
 *
 * @typedef {{displayed: number, captured: number}} Sample
 */

/**
 * What was measured, as `POST /api/latency` takes it; null where there were no frames, or no answers of the clock.
 *
 * @typedef {object} Measurement
 * @property {number} seconds
 * @property {number} frames
 * @property {number} unreadable
 * @property {number | null} median_ms
 * @property {number | null} p95_ms
 * @property {number | null} clock_error_ms
 */

const SECONDS = 10;
const SETTLE_S = 5; // for the governor and the jitter buffer, where nobody pressed the button
const PING_EVERY_S = 0.2;
const MARKER_WITHIN_S = 3;

/**
 * What to add to this page's clock to have the server's, as NTP does it: the server's time is taken to be from the
 * middle of the quickest exchange, and is wrong by half of it at most. Null without an exchange.
 *
 * @param {Exchange[]} exchanges
 */
export function alignment(exchanges) {
  if (!exchanges.length) return null;
  const took = (/** @type {Exchange} */ { sent, received }) => received - sent;
  const best = exchanges.reduce((a, b) => (took(b) < took(a) ? b : a));
  return { offset: best.server - (best.sent + best.received) / 2, error: took(best) / 2 };
}

/**
 * From capture to screen in ms.
 *
 * @param {Sample[]} samples
 * @param {number} offset of the server's clock
 */
export function latencies(samples, offset) {
  return samples.map(({ displayed, captured }) => {
    const apart = (((displayed + offset - captured) % CYCLE_MS) + CYCLE_MS) % CYCLE_MS;
    return apart < CYCLE_MS / 2 ? apart : apart - CYCLE_MS;
  });
}

/**
 * The value that this share of the values is below, between neighbours in proportion; null of no values.
 *
 * @param {number[]} values
 * @param {number} share
 */
export function quantile(values, share) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at % 1);
}

/** Reads the marker of every displayed frame, until the signal; what is drawn over it keeps it from the eyes. */
class Reader {
  #video;
  #context = contextOf(document.createElement('canvas'), { willReadFrequently: true });
  #patch = byId('measured');
  /** @type {number | null} */
  #last = null;
  #began = () => {};
  /** @type {Sample[]} */
  samples = [];
  unreadable = 0;

  /**
   * Resolves at the first marker that can be read; only from there on is counted.
   *
   * @type {Promise<void>}
   */
  first = new Promise((resolve) => { this.#began = resolve; });

  /**
   * @param {HTMLVideoElement} video
   * @param {AbortSignal} signal
   */
  constructor(video, signal) {
    this.#video = video;
    /** @type {VideoFrameRequestCallback} */
    const frame = (_now, { expectedDisplayTime }) => {
      const captured = this.#read();
      this.#patch.hidden = signal.aborted && captured === null; // the last marked frames are still to come
      if (this.#patch.hidden) return;
      video.requestVideoFrameCallback(frame);
      if (!signal.aborted) this.#count(captured, expectedDisplayTime);
    };
    video.requestVideoFrameCallback(frame);
  }

  /** Forget what came so far. */
  clear() {
    [this.samples, this.unreadable] = [[], 0];
  }

  /**
   * @param {number | null} captured
   * @param {number} displayed
   */
  #count(captured, displayed) {
    if (captured === null) {
      this.unreadable += 1;
    } else if (captured !== this.#last) { // a frame that is encoded again for somebody else is no new one
      this.samples.push({ displayed, captured });
      this.#last = captured;
      this.#began();
    }
  }

  #read() {
    const size = cellSize(this.#video.videoWidth);
    const [width, height] = [COLUMNS * size, ROWS * size];
    const { canvas } = this.#context;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    this.#context.drawImage(this.#video, 0, 0, width, height, 0, 0, width, height);
    this.#cover(width, height);
    return readMarker(this.#context.getImageData(0, 0, width, height).data, size);
  }

  /**
   * Put the patch over the marker: it flickers with every frame.
   *
   * @param {number} width
   * @param {number} height
   */
  #cover(width, height) {
    const { clientWidth, clientHeight, videoWidth, videoHeight, classList } = this.#video;
    const box = { left: 0, top: 0, width: clientWidth, height: clientHeight };
    const { scale, left, top } = fitted({ width: videoWidth, height: videoHeight }, box, classList.contains('fill'));
    const side = classList.contains('mirrored') ? 'right' : 'left';
    this.#patch.style.inset = `${top}px auto auto auto`;
    this.#patch.style[side] = `${left}px`;
    this.#patch.style.width = `${width * scale}px`;
    this.#patch.style.height = `${height * scale}px`;
  }
}

/**
 * Measure for so many seconds. `viewer` watches what `video` shows; `ping()` is one exchange with the server's clock.
 * Ends early, with what there is, when the signal says so. Throws when the picture ends, or the server refuses.
 *
 * @param {object} options
 * @param {HTMLVideoElement} options.video
 * @param {import('./whep.js').Viewer} options.viewer
 * @param {() => Promise<Exchange | null>} options.ping
 * @param {number} options.seconds
 * @param {AbortSignal} options.signal
 */
async function measure({ video, viewer, ping, seconds, signal }) {
  const over = new AbortController();
  signal.addEventListener('abort', () => over.abort());
  const lost = viewer.ended.then((words) => { throw new Error(words); });
  lost.catch(() => {}); // it ends some day, in any case
  /** @type {Exchange[]} */
  const exchanges = [];
  try {
    await Promise.race([viewer.mark(true), lost]);
    const reader = new Reader(video, over.signal);
    const pinging = keepPinging(ping, exchanges, over.signal);
    await Promise.race([reader.first, sleep(MARKER_WITHIN_S, over.signal), lost]);
    reader.clear(); // what was sent before the marker was there
    const began = performance.now();
    await Promise.race([sleep(seconds, over.signal), lost]);
    const took = (performance.now() - began) / 1000;
    over.abort();
    await pinging;
    return result(reader, exchanges, took);
  } finally {
    over.abort();
    viewer.mark(false).catch(() => {}); // with the viewer goes its marker
  }
}

/**
 * @param {() => Promise<Exchange | null>} ping
 * @param {Exchange[]} exchanges what comes is added to these
 * @param {AbortSignal} signal
 */
async function keepPinging(ping, exchanges, signal) {
  while (!signal.aborted) {
    const exchange = await ping();
    if (exchange) exchanges.push(exchange);
    await sleep(PING_EVERY_S, signal);
  }
}

/**
 * @param {Pick<Reader, 'samples' | 'unreadable'>} reader
 * @param {Exchange[]} exchanges
 * @param {number} seconds
 * @returns {Measurement}
 */
export function result({ samples, unreadable }, exchanges, seconds) {
  const clocks = alignment(exchanges);
  const all = clocks ? latencies(samples, clocks.offset) : [];
  return {
    seconds,
    frames: all.length,
    unreadable,
    median_ms: quantile(all, 0.5),
    p95_ms: quantile(all, 0.95),
    clock_error_ms: clocks?.error ?? null,
  };
}

/**
 * The result as a person reads it.
 *
 * @param {Measurement} measured
 * @param {string} from where the first clock stands: capture, or arrival
 */
export function inWords({ frames, unreadable, median_ms: median, p95_ms: p95, clock_error_ms: error }, from) {
  const lost = unreadable ? ` ${unreadable} could not be read.` : '';
  if (error === null) return `The server’s clock did not answer.${lost}`;
  if (median === null || p95 === null) return unreadable ? `No marker could be read in ${unreadable} frames.` : 'No frame came. Is this page in front?';
  return `${from} to screen: median ${Math.round(median)} ms, 95 % within ${Math.round(p95)} ms. `
    + `${frames} frames, clocks within ${error.toFixed(1)} ms.${lost}`;
}

/** The control: a button, and one quiet line that is read out. */
export class Latency {
  #player;
  #channel;
  #button = make('button', { type: 'button', class: 'quiet-button', 'aria-describedby': 'latency-words' });
  #words = make('p', { id: 'latency-words', class: 'about', role: 'status' });
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {import('./player.js').Player} player
   * @param {import('./control-channel.js').ControlChannel} channel
   */
  constructor(player, channel) {
    this.#player = player;
    this.#channel = channel;
    this.element = make('div', { class: 'field' }, this.#button, this.#words);
    this.#button.addEventListener('click', () => (this.#running ? this.#running.abort() : void this.run(SECONDS)));
    this.#show(null, 'How long a picture takes from the camera to this screen, measured for ten seconds.');
  }

  /**
   * Measure once the picture has settled, and say the result over it too: for `?measure=20`.
   *
   * @param {number} seconds
   */
  async runByItself(seconds) {
    await sleep(SETTLE_S);
    notice('latency', await this.run(seconds));
  }

  /**
   * Returns what is then said in the line.
   *
   * @param {number} seconds
   */
  async run(seconds) {
    const running = new AbortController();
    this.#show(running, 'Measuring …');
    const words = await this.#measured(seconds, running.signal);
    this.#show(null, words);
    return words;
  }

  /**
   * @param {number} seconds
   * @param {AbortSignal} signal
   */
  async #measured(seconds, signal) {
    const { video, viewer, ownCamera } = this.#player;
    if (!('requestVideoFrameCallback' in video)) return 'This browser does not tell when a frame is displayed.';
    if (!viewer) return 'There is no picture to measure.';
    try {
      const measured = await measure({ video, viewer, ping: () => this.#channel.ping(), seconds, signal });
      if (signal.aborted && !measured.frames) return 'Stopped.';
      await sendJson('POST', 'api/latency', measured);
      // A guest's frame gets its time when it arrives: the time from the camera to the server is not in it.
      return inWords(measured, ownCamera ? 'Arrival at the server' : 'Capture');
    } catch (error) {
      return `${messageOf(error)} Not measured.`;
    }
  }

  /**
   * @param {AbortController | null} running
   * @param {string} words
   */
  #show(running, words) {
    this.#running = running;
    this.#button.textContent = running ? 'Stop measuring' : 'Measure latency';
    this.#words.textContent = words;
  }
}
