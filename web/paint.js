// @ts-check
// Where it dreams: all of the picture, what moves in it, or what is painted on it with a finger, the mouse or the keys.

import { byId, focusQuietly, make } from './elements.js';
import { help, range } from './fields.js';
import { contextOf, fitted } from './canvas.js';
import { messageOf, request } from './http.js';
import { notice, state } from './state.js';

const LONGEST_PX = 512;
const COLOUR = '#ffb48f';
// Of the picture's width, for each press of an arrow key.
const STEPS = new Map([
  ['ArrowLeft', { x: -0.04, y: 0 }], ['ArrowRight', { x: 0.04, y: 0 }],
  ['ArrowUp', { x: 0, y: -0.04 }], ['ArrowDown', { x: 0, y: 0.04 }],
]);
const ENDED = ['idle', 'stopped', 'refused', 'blocked'];
const WORDS = new Map([['everywhere', 'everywhere'], ['moving', 'what moves'], ['painted', 'what is painted']]);

/** @typedef {import('./control-channel.js').Settings} Settings */
/** @typedef {{x: number, y: number}} Point */

/** The knob in the drawer: everywhere, what moves or what is painted, and the buttons to paint and to clear. */
export class Where {
  names = ['where'];
  element;
  #select;
  #painter;
  #clear = make('button', { type: 'button', class: 'quiet-button', 'aria-label': 'Clear what is painted' }, 'Clear');

  /**
   * @param {import('./fields.js').Knob} spec
   * @param {Painter} painter
   * @param {(changes: Partial<Settings>) => void} onChange
   */
  constructor(spec, painter, onChange) {
    this.#painter = painter;
    const options = (spec.enum ?? []).map((value) => make('option', { value }, WORDS.get(value) ?? value));
    this.#select = make('select', { id: 'knob-where', 'aria-describedby': 'knob-where-help' }, ...options);
    this.#select.addEventListener('change', () => {
      // Nothing is painted yet: paint it now.
      if (this.#select.value === 'painted' && !painter.there) void painter.open(this.#select);
      else onChange({ where: this.#select.value });
    });
    const paint = make('button', { type: 'button', class: 'quiet-button', id: 'paint', 'aria-label': 'Paint where it dreams' }, 'Paint …');
    paint.addEventListener('click', () => painter.open(paint));
    this.#clear.addEventListener('click', () => {
      focusQuietly(paint);
      painter.clear();
    });
    painter.onThere = () => this.#draw();
    this.element = make('div', { class: 'field' },
      make('div', { class: 'row' }, make('label', { for: 'knob-where' }, spec.label ?? 'Where'), this.#select),
      help('knob-where', spec),
      make('div', { class: 'buttons' }, paint, this.#clear));
    this.#draw();
  }

  /** @param {Settings} settings */
  show({ where }) { this.#select.value = where; }

  #draw() { this.#clear.hidden = !this.#painter.there; }
}

/** The canvas over the picture, and its tools. */
export class Painter {
  onThere = () => {};
  there = false;
  #video;
  #canvas = byId('mask', HTMLCanvasElement);
  #tools = byId('painting');
  #patch;
  /** @type {HTMLElement | null} */
  #opener = null;
  /** @type {{id: number} & Point | null} */
  #stroke = null; // of the finger that paints, and where it is
  #cursor = { x: 0.5, y: 0.5 };
  #size = 0.12; // of the picture's width
  /** @type {Promise<void>} */
  #sending = Promise.resolve();
  #unsent = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {(changes: Partial<Settings>) => void} patch sends changes of settings
   */
  constructor(video, patch) {
    this.#video = video;
    this.#patch = patch;
    const brush = { type: 'number', minimum: 0.02, maximum: 0.4, step: 0.01, unit: 'of the width' };
    const { input, show } = range('brush-size', brush, (size) => { this.#size = size; });
    byId('brush-label').append(input);
    show(this.#size);
    for (const id of ['brush', 'eraser']) byId(id).addEventListener('click', () => this.#take(id));
    byId('paint-clear').addEventListener('click', () => this.clear());
    byId('paint-done').addEventListener('click', () => this.close());
    this.#listen();
    video.addEventListener('resize', () => this.isOpen && this.#reshape());
    // Fitted and mirrored as the picture is, also when the window or the picture changes its shape.
    new MutationObserver(() => { this.#canvas.className = video.className; }).observe(video, { attributeFilter: ['class'] });
    new MutationObserver(() => ENDED.includes(state()) && this.close())
      .observe(document.body, { attributeFilter: ['data-state'] });
  }

  get isOpen() { return !this.#canvas.hidden; }

  /**
   * Whether the server has a mask.
   *
   * @param {boolean} there
   */
  setThere(there) {
    if (there === this.there) return;
    this.there = there;
    this.onThere();
  }

  /**
   * Paint, going on from what was painted before; the focus goes back to `opener` afterwards.
   *
   * @param {HTMLElement} opener
   */
  async open(opener) {
    if (this.isOpen || !this.#video.videoWidth) return;
    this.#opener = opener;
    Object.assign(this.#canvas, this.#pixels());
    this.#canvas.className = this.#video.className;
    this.#canvas.hidden = this.#tools.hidden = false;
    document.body.classList.add('painting');
    this.#take('brush');
    focusQuietly(byId('brush'));
    if (this.there) await this.#load();
  }

  /** The canvas' own pixels, of the picture's shape. */
  #pixels() {
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(1, LONGEST_PX / Math.max(videoWidth, videoHeight));
    return { width: Math.round(videoWidth * scale), height: Math.round(videoHeight * scale) };
  }

  /** The picture has another shape now: what was painted is stretched over it, as the server does. */
  #reshape() {
    const canvas = this.#canvas;
    const { width, height } = this.#pixels();
    if (!width || (width === canvas.width && height === canvas.height)) return;
    const before = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height });
    contextOf(before).drawImage(canvas, 0, 0);
    Object.assign(canvas, { width, height }); // which clears it
    this.#context().drawImage(before, 0, 0, width, height);
    if (!this.#stroke) return;
    this.#stroke.x *= width / before.width;
    this.#stroke.y *= height / before.height;
  }

  close() {
    if (!this.isOpen) return;
    this.#canvas.hidden = this.#tools.hidden = byId('cursor').hidden = true;
    this.#stroke = null;
    document.body.classList.remove('painting');
    if (this.#opener) focusQuietly(this.#opener.closest('[inert]') ? byId('drawer-open') : this.#opener);
  }

  /** Nothing is painted any more, and it dreams everywhere. */
  clear() {
    this.#context().clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#then(async () => {
      await request('api/mask', { method: 'DELETE' });
      this.setThere(false);
    });
  }

  /** @param {string} tool the id of its button */
  #take(tool) {
    for (const id of ['brush', 'eraser']) byId(id).setAttribute('aria-pressed', String(id === tool));
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || this.#stroke) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      byId('cursor').hidden = true;
      this.#stroke = { id: event.pointerId, ...this.#at(event) };
      this.#line(this.#stroke, this.#stroke);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!this.#stroke || event.pointerId !== this.#stroke.id) return;
      const to = this.#at(event);
      this.#line(this.#stroke, to);
      Object.assign(this.#stroke, to);
    });
    canvas.addEventListener('lostpointercapture', () => {
      if (!this.#stroke) return;
      this.#stroke = null;
      this.#send();
    });
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('keydown', (event) => this.#key(event));
  }

  /**
   * With the keys: the arrows move the brush, space puts it down.
   *
   * @param {KeyboardEvent} event
   */
  #key(event) {
    const step = STEPS.get(event.key);
    if (!step && event.key !== ' ') return;
    event.preventDefault();
    const { x, y } = this.#cursor;
    const { width, height } = this.#canvas;
    const mirrored = this.#canvas.classList.contains('mirrored') ? -1 : 1;
    if (step) this.#cursor = { x: clamp(x + mirrored * step.x), y: clamp(y + step.y * (width / height)) };
    const at = { x: this.#cursor.x * width, y: this.#cursor.y * height };
    const box = this.#box();
    const across = mirrored < 0 ? width - at.x : at.x;
    byId('cursor').hidden = false;
    byId('cursor').style.setProperty('--x', `${box.left + across * box.scale}px`);
    byId('cursor').style.setProperty('--y', `${box.top + at.y * box.scale}px`);
    byId('cursor').style.setProperty('--size', `${this.#size * width * box.scale}px`);
    if (event.key === ' ') {
      this.#line(at, at);
      this.#send();
    }
  }

  /** Where the canvas' own pixels are on the screen: object-fit contains them, or fills with them. */
  #box() {
    return fitted(this.#canvas, this.#canvas.getBoundingClientRect(), this.#canvas.classList.contains('fill'));
  }

  /** @param {PointerEvent} event */
  #at({ clientX, clientY }) {
    const at = within(this.#box(), { x: clientX, y: clientY });
    return this.#canvas.classList.contains('mirrored') ? { x: this.#canvas.width - at.x, y: at.y } : at;
  }

  #context() { return contextOf(this.#canvas, { willReadFrequently: true }); }

  /**
   * @param {Point} from
   * @param {Point} to
   */
  #line(from, to) {
    const context = this.#context();
    const wide = this.#size * this.#canvas.width;
    context.globalCompositeOperation = byId('eraser').getAttribute('aria-pressed') === 'true' ? 'destination-out' : 'source-over';
    context.strokeStyle = context.shadowColor = COLOUR;
    context.shadowBlur = wide / 4; // a soft edge
    [context.lineWidth, context.lineCap] = [wide * 0.8, 'round'];
    context.beginPath();
    if (from.x === to.x && from.y === to.y) {
      // A browser may leave out a line of no length (HTML, "trace a path"): a tap is a dot.
      context.fillStyle = COLOUR;
      context.arc(to.x, to.y, wide * 0.4, 0, 2 * Math.PI);
      context.fill();
      return;
    }
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }

  #send() {
    if (this.#unsent) return; // what waits will take this stroke along
    this.#unsent = true;
    this.#then(async () => {
      this.#unsent = false;
      await request('api/mask', { method: 'PUT', body: await this.#png(), headers: { 'Content-Type': 'image/png' } });
      this.setThere(true);
      this.#patch({ where: 'painted' });
    });
  }

  /**
   * One thing after the other.
   *
   * @param {() => Promise<void>} act
   */
  #then(act) {
    this.#sending = this.#sending.then(act).catch((error) => notice('mask', messageOf(error)));
  }

  /**
   * White where it dreams, black where it does not.
   *
   * @returns {Promise<Blob | null>}
   */
  #png() {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [this.#canvas.width, this.#canvas.height];
    const context = contextOf(canvas);
    context.drawImage(this.#canvas, 0, 0);
    for (const [how, colour] of /** @type {const} */ ([['source-in', '#fff'], ['destination-over', '#000']])) {
      [context.globalCompositeOperation, context.fillStyle] = [how, colour];
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    return new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
  }

  async #load() {
    try {
      const picture = await createImageBitmap(await (await request('api/mask')).blob());
      const context = this.#context();
      const { width, height } = this.#canvas;
      context.globalCompositeOperation = 'source-over';
      context.shadowBlur = 0;
      context.drawImage(picture, 0, 0, width, height);
      const pixels = context.getImageData(0, 0, width, height);
      const colour = [1, 3, 5].map((at) => parseInt(COLOUR.slice(at, at + 2), 16));
      for (let at = 0; at < pixels.data.length; at += 4) {
        pixels.data[at + 3] = pixels.data[at];
        colour.forEach((level, channel) => { pixels.data[at + channel] = level; });
      }
      context.putImageData(pixels, 0, 0);
    } catch (error) {
      notice('mask', messageOf(error));
    }
  }
}

/**
 * A point of the screen in the picture's own pixels.
 *
 * @param {ReturnType<typeof fitted>} place
 * @param {Point} point
 */
export function within({ scale, left, top }, { x, y }) {
  return { x: (x - left) / scale, y: (y - top) / scale };
}

/** @param {number} share */
export function clamp(share) {
  return Math.min(1, Math.max(0, share));
}
