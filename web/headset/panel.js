// @ts-check
// The panel in the headset: what it says and where its parts are, drawn on a canvas. pointers.js points at it.

import { contextOf } from '../canvas.js';
import { displayName } from '../name-picker.js';
import { CanvasTexture, LinearFilter, Mesh, MeshBasicMaterial, PlaneGeometry, SRGBColorSpace } from '../vendor/three/three.module.js';

const [WIDTH, HEIGHT] = [960, 620];
const WIDE_M = 0.78;
const INK = { glass: 'rgb(20 17 23 / 94%)', line: 'rgb(241 236 230 / 16%)', veil: 'rgb(241 236 230 / 9%)', paper: '#f1ece6', soft: '#b8b1ab', accent: '#ffb48f', dark: '#21120a' };
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** @typedef {[x: number, y: number, width: number, height: number]} Box */
/** @typedef {'strength' | 'previous' | 'next' | 'recentre' | 'leave'} Part */

// What can be pressed: larger than drawn, for a ray trembles.
/** @type {Record<Part, Box>} */
const PARTS = {
  strength: [40, 100, 880, 140],
  previous: [40, 280, 120, 140],
  next: [800, 280, 120, 140],
  recentre: [40, 470, 430, 110],
  leave: [490, 470, 430, 110],
};
const TRACK = [70, 890, 190]; // from x, to x, at y

export class Panel {
  #canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  #draw = contextOf(this.#canvas);
  #texture = new CanvasTexture(this.#canvas);
  #on;
  #state = 'Live';
  #strength = 0;
  #motif = '';
  /** @type {Map<string, HTMLImageElement>} */
  #pictures = new Map();
  /** @type {Set<Part>} */
  #hovered = new Set();

  mesh;

  /**
   * @param {object} on
   * @param {(value: number) => void} on.strength
   * @param {(by: 1 | -1) => void} on.motif so many on
   * @param {() => void} on.recentre
   * @param {() => void} on.leave
   */
  constructor(on) {
    this.#on = on;
    this.#texture.colorSpace = SRGBColorSpace;
    this.#texture.minFilter = LinearFilter;
    this.#texture.generateMipmaps = false;
    const material = new MeshBasicMaterial({ map: this.#texture, transparent: true, depthTest: false, toneMapped: false });
    this.mesh = new Mesh(new PlaneGeometry(WIDE_M, (WIDE_M * HEIGHT) / WIDTH), material);
    this.mesh.renderOrder = 5;
    this.mesh.visible = false;
    this.#redraw();
  }

  /**
   * Show where the settings stand, whoever moved them.
   *
   * @param {{strength: number, motif: string}} settings
   */
  show({ strength, motif }) {
    [this.#strength, this.#motif] = [strength, motif];
    this.#redraw();
  }

  /**
   * What the page is doing, in words.
   *
   * @param {string} words
   */
  say(words) {
    if (words === this.#state) return;
    this.#state = words;
    this.#redraw();
  }

  /**
   * The part at this place of the panel; null between the parts.
   *
   * @param {{x: number, y: number}} place 0 to 1, from bottom left
   * @returns {Part | null}
   */
  partAt({ x, y }) {
    const [px, py] = [x * WIDTH, (1 - y) * HEIGHT];
    const within = (/** @type {Box} */ [left, top, wide, high]) => (
      px >= left && px <= left + wide && py >= top && py <= top + high);
    const parts = /** @type {Part[]} */ (Object.keys(PARTS));
    return parts.find((name) => within(PARTS[name])) ?? null;
  }

  /**
   * Which parts are pointed at.
   *
   * @param {(Part | null)[]} parts
   */
  hover(parts) {
    const now = new Set(parts.filter((part) => part !== null));
    if (now.size === this.#hovered.size && [...now].every((part) => this.#hovered.has(part))) return;
    this.#hovered = now;
    this.#redraw();
  }

  /**
   * A part was pressed, or the strength is dragged.
   *
   * @param {Part} part
   * @param {{x: number}} place
   */
  press(part, { x }) {
    if (part === 'strength') {
      const [from, to] = TRACK;
      this.#strength = Math.min(1, Math.max(0, (x * WIDTH - from) / (to - from)));
      this.#redraw();
      this.#on.strength(Math.round(this.#strength * 100) / 100);
    } else if (part === 'previous' || part === 'next') this.#on.motif(part === 'next' ? 1 : -1);
    else this.#on[part]();
  }

  #redraw() {
    const draw = this.#draw;
    draw.clearRect(0, 0, WIDTH, HEIGHT);
    this.#box(0, 0, WIDTH, HEIGHT, 44, INK.glass, INK.line);
    this.#text(this.#state, 44, 58, 28, INK.soft, 'left', 870);
    this.#drawStrength();
    this.#drawMotif();
    this.#button('recentre', 'Recentre');
    this.#button('leave', 'Leave', true);
    this.#texture.needsUpdate = true;
  }

  #drawStrength() {
    const [from, to, y] = TRACK;
    const at = from + (to - from) * this.#strength;
    this.#text('Strength', 70, 134, 34, INK.paper);
    this.#text(this.#strength.toFixed(2), 890, 134, 34, INK.soft, 'right');
    this.#box(from, y - 4, to - from, 8, 4, 'rgb(241 236 230 / 22%)');
    this.#box(from, y - 4, at - from, 8, 4, INK.accent);
    this.#draw.beginPath();
    this.#draw.arc(at, y, this.#hovered.has('strength') ? 26 : 20, 0, 2 * Math.PI);
    this.#draw.fillStyle = INK.paper;
    this.#draw.fill();
  }

  #drawMotif() {
    for (const [part, direction] of /** @type {const} */ ([['previous', -1], ['next', 1]])) {
      const [x, y, wide, high] = PARTS[part];
      if (this.#hovered.has(part)) this.#box(x, y, wide, high, 28, INK.veil);
      const [cx, cy] = [x + wide / 2, y + high / 2];
      this.#draw.beginPath();
      this.#draw.moveTo(cx - direction * 10, cy - 22);
      this.#draw.lineTo(cx + direction * 12, cy);
      this.#draw.lineTo(cx - direction * 10, cy + 22);
      Object.assign(this.#draw, { lineWidth: 5, lineCap: 'round', lineJoin: 'round', strokeStyle: INK.paper });
      this.#draw.stroke();
    }
    const picture = this.#pictureOf(this.#motif);
    if (picture) {
      this.#draw.save();
      this.#round(220, 280, 140, 140, 28);
      this.#draw.clip();
      this.#draw.drawImage(picture, 220, 280, 140, 140);
      this.#draw.restore();
    }
    this.#text('Motif', picture ? 392 : 480, 318, 28, INK.soft, picture ? 'left' : 'center');
    this.#text(displayName(this.#motif) || 'no motif', picture ? 392 : 480, 368, 42, INK.paper, picture ? 'left' : 'center', 390);
  }

  /** @param {string} motif */
  #pictureOf(motif) {
    if (!motif) return null;
    let image = this.#pictures.get(motif);
    if (!image) {
      image = Object.assign(new Image(), { src: `motifs/${encodeURIComponent(motif)}.jpg` });
      image.addEventListener('load', () => this.#redraw());
      this.#pictures.set(motif, image);
    }
    return image.complete && image.naturalWidth ? image : null;
  }

  /**
   * @param {Part} part
   * @param {string} words
   */
  #button(part, words, strong = false) {
    const [x, y, wide, high] = PARTS[part];
    const over = this.#hovered.has(part);
    const fill = strong ? (over ? '#ffc9ae' : INK.accent) : over ? INK.veil : 'transparent';
    this.#box(x + 6, y + 6, wide - 12, high - 12, 49, fill, strong ? null : INK.line);
    this.#text(words, x + wide / 2, y + high / 2, 36, strong ? INK.dark : INK.paper, 'center', wide - 60);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} wide
   * @param {number} high
   * @param {number} radius
   */
  #round(x, y, wide, high, radius) {
    this.#draw.beginPath();
    this.#draw.roundRect(x, y, wide, high, Math.min(radius, wide / 2, high / 2));
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} wide
   * @param {number} high
   * @param {number} radius
   * @param {string} fill
   * @param {string | null} [line]
   */
  #box(x, y, wide, high, radius, fill, line = null) {
    if (wide <= 0) return;
    this.#round(x, y, wide, high, radius);
    this.#draw.fillStyle = fill;
    this.#draw.fill();
    if (line) Object.assign(this.#draw, { strokeStyle: line, lineWidth: 3 }).stroke();
  }

  /**
   * @param {string} words
   * @param {number} x
   * @param {number} y
   * @param {number} size
   * @param {string} colour
   * @param {CanvasTextAlign} [align]
   * @param {number} [most] pixels wide
   */
  #text(words, x, y, size, colour, align = 'left', most = undefined) {
    Object.assign(this.#draw, { font: `500 ${size}px ${FONT}`, fillStyle: colour, textAlign: align, textBaseline: 'middle' });
    this.#draw.fillText(words, x, y, most);
  }
}
