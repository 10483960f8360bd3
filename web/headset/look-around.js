// @ts-check
// Looking around without a headset: drag, arrow keys, wheel, and how a phone is held.

import { Euler, MathUtils, Quaternion, Vector3 } from '../vendor/three/three.module.js';

const TURN_PER_S = 75; // degrees, while an arrow key is held
const TAP_DEG = 6; // what one press of it turns at least
const [NARROW, WIDE] = [35, 95]; // degrees from top to bottom
const UP = 89;
/** @type {Map<string, [number, number]>} */
const KEYS = new Map([['ArrowLeft', [1, 0]], ['ArrowRight', [-1, 0]], ['ArrowUp', [0, 1]], ['ArrowDown', [0, -1]]]);
const OUT_OF_THE_BACK = new Quaternion(-Math.SQRT1_2, 0, 0, Math.SQRT1_2); // a phone's camera looks out of its back

export class LookAround {
  #view;
  #camera;
  #yaw = 0; // degrees, to the left
  #pitch = 0; // degrees, up
  /** @type {Set<string>} */
  #held = new Set(); // keys
  /** @type {[number, number] | null} */
  #from = null; // where the finger was last
  /** @type {Quaternion | null} */
  #tilt = null;
  #tiltZero = 0;

  /**
   * @param {HTMLElement} view
   * @param {import('../vendor/three/three.module.js').PerspectiveCamera} camera
   */
  constructor(view, camera) {
    this.#view = view;
    this.#camera = camera;
    view.addEventListener('pointerdown', (event) => this.#down(event));
    view.addEventListener('pointermove', (event) => this.#moved(event));
    for (const type of ['pointerup', 'pointercancel']) view.addEventListener(type, () => { this.#from = null; });
    view.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(event.deltaY * 0.03);
    }, { passive: false });
    view.addEventListener('keydown', (event) => this.#key(event));
    view.addEventListener('keyup', ({ key }) => this.#held.delete(key));
    view.addEventListener('blur', () => this.#held.clear());
  }

  /** Face the front again. */
  recentre() {
    [this.#yaw, this.#pitch] = [0, 0];
    this.#tiltZero = this.#tilt ? heading(this.#tilt) : 0;
  }

  /**
   * See more, or less.
   *
   * @param {number} by degrees more from top to bottom
   */
  zoom(by) {
    this.#camera.fov = MathUtils.clamp(this.#camera.fov + by, NARROW, WIDE);
    this.#camera.updateProjectionMatrix();
  }

  /**
   * Point the camera; once per frame.
   *
   * @param {number} seconds since the last
   */
  advance(seconds) {
    for (const key of this.#held) this.#turn(KEYS.get(key) ?? [0, 0], TURN_PER_S * seconds);
    const look = new Quaternion().setFromEuler(new Euler(MathUtils.degToRad(this.#pitch), MathUtils.degToRad(this.#yaw), 0, 'YXZ'));
    if (this.#tilt) {
      const turned = new Quaternion().setFromAxisAngle(new Vector3(0, 1, 0), MathUtils.degToRad(this.#yaw) - this.#tiltZero);
      look.copy(turned.multiply(this.#tilt));
    }
    this.#camera.position.set(0, 0, 0);
    this.#camera.quaternion.copy(look);
  }

  /** Whether this device may tell how it is held; iOS wants a permission, after a press. */
  static get canTilt() {
    return 'DeviceOrientationEvent' in window && window.isSecureContext && matchMedia('(pointer: coarse)').matches;
  }

  /** Look where the device is turned. Fails, in words, when it may not be known. */
  async followTilt() {
    // In Safari alone; of no standard that TypeScript knows.
    const event = /** @type {{requestPermission?: () => Promise<string>}} */ (/** @type {unknown} */ (DeviceOrientationEvent));
    const allowed = await event.requestPermission?.().catch(() => 'denied') ?? 'granted';
    if (allowed !== 'granted') throw new Error('This device may not tell how it is held. Allow motion sensors for this page.');
    window.addEventListener('deviceorientation', (tilted) => this.#tilted(tilted));
  }

  /** @param {DeviceOrientationEvent} event */
  #tilted({ alpha, beta, gamma }) {
    if (alpha === null || beta === null || gamma === null) return;
    const first = this.#tilt === null;
    // Angles of W3C's Device Orientation, which are intrinsic Z-X'-Y''; the screen may be turned in the hand.
    const rad = MathUtils.degToRad;
    const held = new Quaternion().setFromEuler(new Euler(rad(beta), rad(alpha), -rad(gamma), 'YXZ'));
    const screen = new Quaternion().setFromAxisAngle(new Vector3(0, 0, 1), -rad(window.screen.orientation?.angle ?? 0));
    this.#tilt = held.multiply(OUT_OF_THE_BACK).multiply(screen);
    if (first) this.recentre();
  }

  /**
   * @param {[number, number]} direction to the left, and up
   * @param {number} degrees
   */
  #turn([left, up], degrees) {
    this.#yaw += left * degrees;
    this.#pitch = MathUtils.clamp(this.#pitch + up * degrees, -UP, UP);
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button !== 0) return;
    this.#from = [event.clientX, event.clientY];
    this.#view.setPointerCapture(event.pointerId);
  }

  /**
   * The picture stays under the finger.
   *
   * @param {PointerEvent} event
   */
  #moved(event) {
    if (!this.#from) return;
    const perPixel = this.#camera.fov / this.#view.clientHeight;
    this.#turn([event.clientX - this.#from[0], event.clientY - this.#from[1]], perPixel);
    this.#from = [event.clientX, event.clientY];
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = KEYS.get(event.key);
    if (event.key === 'Home') this.recentre();
    else if (event.key === '+' || event.key === '=') this.zoom(-5);
    else if (event.key === '-') this.zoom(5);
    else if (!direction) return;
    else if (!event.repeat) {
      this.#held.add(event.key);
      this.#turn(direction, TAP_DEG);
    }
    event.preventDefault();
  }
}

/** @param {Quaternion} turned */
function heading(turned) {
  return new Euler().setFromQuaternion(turned, 'YXZ').y;
}
