// @ts-check
// The picture as a layer of the headset's own (XREquirectLayer): sharper, and it costs the page nothing. Behind ?layers=1,
// for three.js and the Quest's browser have open bugs with it. Without it, or when it fails, the sphere is drawn.

/** @typedef {import('./surfaces.js').Panorama} Panorama */

/** @type {Record<string, XRLayerLayout>} */
const LAYOUT = { mono: 'mono', 'top-bottom': 'stereo-top-bottom', 'side-by-side': 'stereo-left-right' };

export class EquirectLayer {
  #session;
  #layer;
  #projection;
  #visible = false;

  /**
   * The layer for this video, or null where it cannot be had.
   *
   * @param {XRSession} session
   * @param {XRReferenceSpace} space
   * @param {HTMLVideoElement} video
   * @param {Panorama} panorama
   */
  static create(session, space, video, { projection = 'flat', layout = 'mono' }) {
    const below = session.renderState.layers?.[0]; // three.js's own, which has to be one of the same kind
    if (projection === 'flat' || !below || typeof XRMediaBinding === 'undefined') return null;
    try {
      const layer = new XRMediaBinding(session).createEquirectLayer(video, {
        space,
        layout: LAYOUT[layout],
        centralHorizontalAngle: projection === 'half-equirect' ? Math.PI : 2 * Math.PI,
        upperVerticalAngle: Math.PI / 2,
        lowerVerticalAngle: -Math.PI / 2,
      });
      return new EquirectLayer(session, layer, below);
    } catch {
      return null;
    }
  }

  /**
   * @param {XRSession} session
   * @param {XREquirectLayer} layer
   * @param {XRLayer} projection three.js's own
   */
  constructor(session, layer, projection) {
    this.#session = session;
    this.#layer = layer;
    this.#projection = projection;
  }

  /**
   * Beneath what three.js draws while `yes`; returns whether the sphere need not be drawn.
   *
   * @param {boolean} yes
   */
  show(yes) {
    if (yes !== this.#visible) {
      this.#visible = yes;
      void this.#session.updateRenderState({ layers: yes ? [this.#layer, this.#projection] : [this.#projection] });
    }
    return yes;
  }

  /** @param {number} yaw radians to the left by which the front is turned */
  turn(yaw) {
    this.#layer.transform = new XRRigidTransform({}, { x: 0, y: Math.sin(yaw / 2), z: 0, w: Math.cos(yaw / 2) });
  }
}
