// Capture to screen, measured: the server draws each frame's capture time into its corner, for this page alone; the
// page reads it as the frame is shown. The clocks are aligned by pings over the control channel.

import { byId, make, sleep } from './dom.js';
import { ask } from './exchange.js';
import { notice } from './state.js';

// The marker, as hallucinate/outputs/marker.py draws it.
export const [COLUMNS, ROWS] = [8, 4];
const [WHITES, BLACKS] = [[0, COLUMNS * ROWS - 1], [1, COLUMNS * ROWS - 2]];
const CYCLE_MS = 65536;
const [CHECK_BITS, POLYNOMIAL] = [12, 0x180f];
const CLEAR = 96;

const SECONDS = 10;
const SETTLE_S = 5; // for the governor and the jitter buffer, where nobody pressed the button
const PING_EVERY_S = 0.2;
const MARKER_WITHIN_S = 3;

/** Pixels along a cell's edge in a picture so wide. */
export function cellSize(width) {
  return Math.max(8, Math.floor(width / 80) * 2);
}

/** The capture time in ms, modulo CYCLE_MS, from the marker's RGBA pixels; null when none can be read. */
export function readMarker(data, size) {
  const levels = [];
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) levels.push(level(data, size, row, column));
  }
  const mean = (cells) => cells.reduce((sum, cell) => sum + levels[cell], 0) / cells.length;
  const [white, black] = [mean(WHITES), mean(BLACKS)];
  if (!(white - black >= CLEAR)) return null;
  const code = levels.slice(2, -2).reduce((word, grey) => (word << 1) | (grey > (white + black) / 2), 0);
  const ms = code >> CHECK_BITS;
  return withCheck(ms) === code ? ms : null;
}

/** The middle of a cell, 0 to 255: its edges run over into its neighbours. */
function level(data, size, row, column) {
  const quarter = Math.floor(size / 4);
  let sum = 0;
  for (let y = quarter; y < size - quarter; y += 1) {
    for (let x = quarter; x < size - quarter; x += 1) {
      const at = 4 * ((row * size + y) * COLUMNS * size + column * size + x);
      sum += data[at] + data[at + 1] + data[at + 2];
    }
  }
  return sum / (3 * (size - 2 * quarter) ** 2);
}

function withCheck(ms) {
  let rest = ms << CHECK_BITS;
  for (let bit = CHECK_BITS + 15; bit >= CHECK_BITS; bit -= 1) {
    if ((rest >> bit) & 1) rest ^= POLYNOMIAL << (bit - CHECK_BITS);
  }
  return (ms << CHECK_BITS) | rest;
}

/**
 * What to add to this page's clock to have the server's, as NTP does it: the server's time is taken to be from the
 * middle of the quickest exchange, and is wrong by half of it at most. Null without an exchange.
 */
export function alignment(exchanges) {
  if (!exchanges.length) return null;
  const took = ({ sent, received }) => received - sent;
  const best = exchanges.reduce((a, b) => (took(b) < took(a) ? b : a));
  return { offset: best.server - (best.sent + best.received) / 2, error: took(best) / 2 };
}

/** From capture to screen in ms, for samples {shown, captured}: this page's clock, and the marker's. */
export function latencies(samples, offset) {
  return samples.map(({ shown, captured }) => {
    const apart = (((shown + offset - captured) % CYCLE_MS) + CYCLE_MS) % CYCLE_MS;
    return apart < CYCLE_MS / 2 ? apart : apart - CYCLE_MS;
  });
}

/** The value below which this share of the values lies, between neighbours in proportion; null of none. */
export function quantile(values, share) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at % 1);
}

/** Reads the marker of every frame that is shown, until the signal; what is drawn over it keeps it from the eyes. */
class Reader {
  #video;
  #context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  #cover = byId('measured');
  #last = null;
  samples = [];
  unreadable = 0;

  /** Resolves at the first marker that can be read; only from there on is counted. */
  first = new Promise((resolve) => { this.began = resolve; });

  constructor(video, signal) {
    this.#video = video;
    const frame = (now, { expectedDisplayTime }) => {
      const captured = this.#read();
      this.#cover.hidden = signal.aborted && captured === null; // the last marked frames are still on their way
      if (this.#cover.hidden) return;
      video.requestVideoFrameCallback(frame);
      if (!signal.aborted) this.#count(captured, expectedDisplayTime);
    };
    video.requestVideoFrameCallback(frame);
  }

  /** Forget what came so far. */
  clear() {
    [this.samples, this.unreadable] = [[], 0];
  }

  #count(captured, shown) {
    if (captured === null) {
      this.unreadable += 1;
    } else if (captured !== this.#last) { // a frame that is encoded again for somebody else is no new one
      this.samples.push({ shown, captured });
      this.#last = captured;
      this.began();
    }
  }

  #read() {
    const size = cellSize(this.#video.videoWidth);
    const [width, height] = [COLUMNS * size, ROWS * size];
    const { canvas } = this.#context;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    this.#context.drawImage(this.#video, 0, 0, width, height, 0, 0, width, height);
    this.#hide(width, height);
    return readMarker(this.#context.getImageData(0, 0, width, height).data, size);
  }

  /** Lay the cover over the marker: it flickers with every frame. */
  #hide(width, height) {
    const { clientWidth, clientHeight, videoWidth, videoHeight, classList } = this.#video;
    const [across, down] = [clientWidth / videoWidth, clientHeight / videoHeight];
    const scale = classList.contains('fill') ? Math.max(across, down) : Math.min(across, down);
    const [left, top] = [(clientWidth - videoWidth * scale) / 2, (clientHeight - videoHeight * scale) / 2];
    const side = classList.contains('mirrored') ? 'right' : 'left';
    this.#cover.style.inset = `${top}px auto auto auto`;
    this.#cover.style[side] = `${left}px`;
    this.#cover.style.width = `${width * scale}px`;
    this.#cover.style.height = `${height * scale}px`;
  }
}

/**
 * Measure for so many seconds. `viewer` watches what `video` shows; `ping()` is one exchange with the server's clock.
 * Ends early, with what there is, when the signal says so. Throws when the picture ends, or the server refuses.
 */
async function measure({ video, viewer, ping, seconds, signal }) {
  const over = new AbortController();
  signal.addEventListener('abort', () => over.abort());
  const lost = viewer.ended.then((words) => { throw new Error(words); });
  lost.catch(() => {}); // it ends some day, in any case
  const exchanges = [];
  try {
    await Promise.race([viewer.mark(true), lost]);
    const reader = new Reader(video, over.signal);
    const pinging = keepPinging(ping, exchanges, over.signal);
    await Promise.race([reader.first, sleep(MARKER_WITHIN_S, over.signal), lost]);
    reader.clear(); // what was on its way before the marker was there
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

async function keepPinging(ping, exchanges, signal) {
  while (!signal.aborted) {
    const exchange = await ping();
    if (exchange) exchanges.push(exchange);
    await sleep(PING_EVERY_S, signal);
  }
}

/** As `POST /api/latency` takes it. */
function result({ samples, unreadable }, exchanges, seconds) {
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

/** The result as a person reads it. `from` is where the first clock stands: capture, or arrival. */
function inWords({ frames, unreadable, median_ms: median, p95_ms: p95, clock_error_ms: error }, from) {
  const lost = unreadable ? ` ${unreadable} could not be read.` : '';
  if (error === null) return `The server’s clock did not answer.${lost}`;
  if (!frames) return unreadable ? `No marker could be read in ${unreadable} frames.` : 'No frame came; is this page in front?';
  const [half, most] = [median, p95].map((ms) => Math.round(ms));
  return `${from} to screen: median ${half} ms, 95 % within ${most} ms. `
    + `${frames} frames, clocks within ${error.toFixed(1)} ms.${lost}`;
}

/** The control: a button, and one quiet line that is read out. */
export class Latency {
  #player;
  #live;
  #button = make('button', { type: 'button', class: 'quiet-button', 'aria-describedby': 'latency-words' });
  #words = make('p', { id: 'latency-words', class: 'about', role: 'status' });
  #running = null;

  constructor(player, live) {
    this.#player = player;
    this.#live = live;
    this.element = make('div', { class: 'field' }, this.#button, this.#words);
    this.#button.addEventListener('click', () => (this.#running ? this.#running.abort() : this.run(SECONDS)));
    this.#show(null, 'From the camera to this screen, measured for ten seconds.');
  }

  /** Measure once the picture has settled, and say the result over it too: as `?measure=20` asks. */
  async runByItself(seconds) {
    await sleep(SETTLE_S);
    notice('latency', await this.run(seconds));
  }

  /** Returns what is then said in the line. */
  async run(seconds) {
    const running = new AbortController();
    this.#show(running, 'Measuring …');
    const words = await this.#measured(seconds, running.signal);
    this.#show(null, words);
    return words;
  }

  async #measured(seconds, signal) {
    const { video, viewer, ownCamera } = this.#player;
    if (!('requestVideoFrameCallback' in video)) return 'This browser does not tell when a frame is shown.';
    if (!viewer) return 'There is no picture to measure.';
    try {
      const measured = await measure({ video, viewer, ping: () => this.#live.ping(), seconds, signal });
      if (signal.aborted && !measured.frames) return 'Stopped.';
      const headers = { 'Content-Type': 'application/json' };
      await ask('api/latency', { method: 'POST', headers, body: JSON.stringify(measured) });
      // A guest's frame gets its time when it arrives: the way from the camera to the server is not in it.
      return inWords(measured, ownCamera ? 'Arrival at the server' : 'Capture');
    } catch (error) {
      return `${error.message} Not measured.`;
    }
  }

  #show(running, words) {
    this.#running = running;
    this.#button.textContent = running ? 'Stop measuring' : 'Measure latency';
    this.#words.textContent = words;
  }
}
