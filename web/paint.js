// Where it dreams: all of the picture, what moves in it, or what is painted on it with a finger, the mouse or the keys.

import { byId, make } from './dom.js';
import { range } from './fields.js';
import { ask } from './exchange.js';
import { notice } from './state.js';

const LONGEST_PX = 512;
const COLOUR = '#ffb48f';
const STEP = 0.04; // of the picture's width, for each press of an arrow key
const ENDED = ['idle', 'stopped', 'refused', 'blocked'];
const WORDS = { everywhere: 'everywhere', moving: 'what moves', painted: 'what is painted' };

/** The knob in the drawer: the three ways, and the buttons to paint and to clear. */
export class Where {
  names = ['where'];
  element;
  #select;
  #painter;
  #clear = make('button', { type: 'button', class: 'quiet-button', 'aria-label': 'Clear what is painted' }, 'Clear');

  constructor(spec, painter, onChange) {
    this.#painter = painter;
    const options = spec.enum.map((value) => make('option', { value }, WORDS[value] ?? value));
    this.#select = make('select', { id: 'knob-where', 'aria-describedby': 'knob-where-help' }, ...options);
    this.#select.addEventListener('change', () => {
      // Nothing is painted yet: paint it now.
      if (this.#select.value === 'painted' && !painter.there) painter.open(this.#select);
      else onChange({ where: this.#select.value });
    });
    const paint = make('button', { type: 'button', class: 'quiet-button', id: 'paint', 'aria-label': 'Paint where it dreams' }, 'Paint …');
    paint.addEventListener('click', () => painter.open(paint));
    this.#clear.addEventListener('click', () => {
      paint.focus({ focusVisible: false });
      painter.clear();
    });
    painter.onThere = () => this.#draw();
    this.element = make('div', { class: 'field' },
      make('div', { class: 'row' }, make('label', { for: 'knob-where' }, spec.label), this.#select),
      make('p', { id: 'knob-where-help', class: 'about' }, spec.description),
      make('div', { class: 'buttons' }, paint, this.#clear));
    this.#draw();
  }

  show({ where }) { this.#select.value = where; }

  #draw() { this.#clear.hidden = !this.#painter.there; }
}

/** The canvas over the picture, and its tools. */
export class Painter {
  onThere = () => {};
  there = false;
  #video;
  #canvas = byId('mask');
  #tools = byId('painting');
  #patch;
  #opener = null;
  #stroke = null; // {id, x, y} of the finger that paints
  #cursor = { x: 0.5, y: 0.5 };
  #size = 0.12; // of the picture's width
  #sending = Promise.resolve();
  #unsent = false;

  /** `patch(changes)` sends changes of settings. */
  constructor(video, patch) {
    [this.#video, this.#patch] = [video, patch];
    const brush = { type: 'number', minimum: 0.02, maximum: 0.4, step: 0.01, unit: 'of the width' };
    const { input, show } = range('brush-size', brush, (size) => { this.#size = size; });
    byId('brush-label').append(input);
    show(this.#size);
    for (const id of ['brush', 'eraser']) byId(id).addEventListener('click', () => this.#take(id));
    byId('paint-clear').addEventListener('click', () => this.clear());
    byId('paint-done').addEventListener('click', () => this.close());
    this.#hands();
    new MutationObserver(() => ENDED.includes(document.body.dataset.state) && this.close())
      .observe(document.body, { attributeFilter: ['data-state'] });
  }

  get isOpen() { return !this.#canvas.hidden; }

  /** Whether the server has a mask. */
  is(there) {
    if (there === this.there) return;
    this.there = there;
    this.onThere();
  }

  /** Paint, going on from what was painted before; the focus goes back to `opener` afterwards. */
  async open(opener) {
    if (this.isOpen || !this.#video.videoWidth) return;
    this.#opener = opener;
    const scale = Math.min(1, LONGEST_PX / Math.max(this.#video.videoWidth, this.#video.videoHeight));
    this.#canvas.width = Math.round(this.#video.videoWidth * scale);
    this.#canvas.height = Math.round(this.#video.videoHeight * scale);
    this.#canvas.className = this.#video.className; // fitted and mirrored as the picture is
    this.#canvas.hidden = this.#tools.hidden = false;
    document.body.classList.add('painting');
    this.#take('brush');
    byId('brush').focus({ focusVisible: false });
    if (this.there) await this.#load();
  }

  close() {
    if (!this.isOpen) return;
    this.#canvas.hidden = this.#tools.hidden = byId('cursor').hidden = true;
    this.#stroke = null;
    document.body.classList.remove('painting');
    if (!this.#opener?.closest('[inert]')) this.#opener?.focus({ focusVisible: false });
    else byId('drawer-open').focus({ focusVisible: false });
  }

  /** Nothing is painted any more, and it dreams everywhere. */
  clear() {
    this.#context().clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#then(async () => {
      await ask('api/mask', { method: 'DELETE' });
      this.is(false);
    });
  }

  #take(tool) {
    for (const id of ['brush', 'eraser']) byId(id).setAttribute('aria-pressed', id === tool);
  }

  #hands() {
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
      if (event.pointerId !== this.#stroke?.id) return;
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

  // With the keys: the arrows move the brush, space puts it down.
  #key(event) {
    const way = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (!way && event.key !== ' ') return;
    event.preventDefault();
    const { x, y } = this.#cursor;
    const { width, height } = this.#canvas;
    const mirrored = this.#canvas.classList.contains('mirrored') ? -1 : 1;
    if (way) this.#cursor = { x: clamp(x + mirrored * way[0]), y: clamp(y + way[1] * (width / height)) };
    const at = { x: this.#cursor.x * width, y: this.#cursor.y * height };
    const box = this.#box();
    const shown = mirrored < 0 ? width - at.x : at.x;
    byId('cursor').hidden = false;
    byId('cursor').style.setProperty('--x', `${box.left + shown * box.scale}px`);
    byId('cursor').style.setProperty('--y', `${box.top + at.y * box.scale}px`);
    byId('cursor').style.setProperty('--size', `${this.#size * width * box.scale}px`);
    if (event.key === ' ') {
      this.#line(at, at);
      this.#send();
    }
  }

  /** Where the canvas' own pixels are on the screen: object-fit contains them, or fills with them. */
  #box() {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const ratios = [width / this.#canvas.width, height / this.#canvas.height];
    const scale = this.#canvas.classList.contains('fill') ? Math.max(...ratios) : Math.min(...ratios);
    return {
      scale,
      left: left + (width - this.#canvas.width * scale) / 2,
      top: top + (height - this.#canvas.height * scale) / 2,
    };
  }

  #at({ clientX, clientY }) {
    const { scale, left, top } = this.#box();
    const x = (clientX - left) / scale;
    return { x: this.#canvas.classList.contains('mirrored') ? this.#canvas.width - x : x, y: (clientY - top) / scale };
  }

  #context() { return this.#canvas.getContext('2d', { willReadFrequently: true }); }

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
      await ask('api/mask', { method: 'PUT', body: await this.#png(), headers: { 'Content-Type': 'image/png' } });
      this.is(true);
      this.#patch({ where: 'painted' });
    });
  }

  /** One thing after the other. */
  #then(act) {
    this.#sending = this.#sending.then(act).catch((error) => notice('mask', error.message));
  }

  /** White where it dreams, black where it does not. */
  #png() {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [this.#canvas.width, this.#canvas.height];
    const context = canvas.getContext('2d');
    context.drawImage(this.#canvas, 0, 0);
    for (const [how, colour] of [['source-in', '#fff'], ['destination-over', '#000']]) {
      [context.globalCompositeOperation, context.fillStyle] = [how, colour];
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    return new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
  }

  async #load() {
    try {
      const picture = await createImageBitmap(await (await ask('api/mask')).blob());
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
      notice('mask', error.message);
    }
  }
}

function clamp(share) {
  return Math.min(1, Math.max(0, share));
}
