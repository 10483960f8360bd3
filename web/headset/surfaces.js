// @ts-check
// What the picture is put on: an inward sphere, or a curved screen; once, or once for each eye.

import { BackSide, CylinderGeometry, Group, Mesh, ShaderMaterial, SphereGeometry, Vector2, Vector4 } from '../vendor/three/three.module.js';

const FAR_M = 40;
const SCREEN_M = 3.4; // how far the screen is
const SCREEN_RAD = (76 / 180) * Math.PI; // how much of the view it takes

const VERTEX = `
  varying vec3 vWorld;
  varying vec2 vUv;
  void main() {
    vUv = uv;
    vec4 world = modelMatrix * vec4(position, 1.0);
    vWorld = world.xyz;
    gl_Position = projectionMatrix * viewMatrix * world;
  }`;

// The texture's values are written as they come: sRGB in the video, sRGB on the display.
const FRAGMENT_HEAD = `
  uniform sampler2D map;
  uniform vec4 part;     // of the texture, for this eye: x, y, width, height
  uniform vec2 texel;
  uniform float faded;
  varying vec3 vWorld;
  varying vec2 vUv;
  vec4 neutral(float height) {
    return vec4(mix(vec3(0.090, 0.075, 0.102), vec3(0.160, 0.125, 0.135), exp(-8.0 * height * height)), 1.0);
  }
  vec4 seen(vec2 at) {
    // Half a texel inside: the other eye's picture begins at the edge, or this one's other side.
    at.x = clamp(at.x, texel.x * 0.5 / part.z, 1.0 - texel.x * 0.5 / part.z);
    at.y = clamp(at.y, texel.y * 0.5 / part.w, 1.0 - texel.y * 0.5 / part.w);
    return vec4(texture2D(map, part.xy + at * part.zw).rgb, 1.0);
  }`;

// By the direction of each pixel, not by a mesh's corners: straight at the poles, and the same wherever the head is.
const SPHERE = `${FRAGMENT_HEAD}
  uniform float yaw;
  uniform float half_;   // 1 for 180 degrees
  const float PI = 3.141592653589793;
  const float SPREAD = 0.02; // of the width, on either side of the seam
  vec3 beside(float x, float y) {
    return (seen(vec2(x, y - 3.0 * texel.y / part.w)) + seen(vec2(x, y)) + seen(vec2(x, y + 3.0 * texel.y / part.w))).rgb / 3.0;
  }
  // A codec does not know that the picture's sides meet, and makes a step there: it is spread over some degrees.
  vec3 correction(vec2 at) {
    float near = 1.0 - min(at.x, 1.0 - at.x) / SPREAD;
    if (half_ > 0.0 || near <= 0.0) return vec3(0.0);
    float edge = texel.x / part.z;
    vec3 step_ = beside(1.0 - edge, at.y) - beside(edge, at.y);
    return step_ * near * (at.x < 0.5 ? 0.5 : -0.5);
  }
  void main() {
    vec3 d = normalize(vWorld - cameraPosition);
    d = vec3(cos(yaw) * d.x - sin(yaw) * d.z, d.y, sin(yaw) * d.x + cos(yaw) * d.z);
    float longitude = atan(d.x, -d.z);
    float width = mix(2.0 * PI, PI, half_);
    vec2 at = vec2(0.5 + longitude / width, 0.5 + asin(clamp(d.y, -1.0, 1.0)) / PI);
    float edge = half_ * smoothstep(PI * 0.485, PI * 0.5, abs(longitude));
    vec4 colour = vec4(seen(at).rgb + correction(at), 1.0);
    gl_FragColor = mix(colour, neutral(d.y), max(faded, edge));
  }`;

const SCREEN = `${FRAGMENT_HEAD}
  void main() {
    vec2 border = smoothstep(vec2(0.0), vec2(0.004, 0.006), vUv) * smoothstep(vec2(0.0), vec2(0.004, 0.006), 1.0 - vUv);
    vec4 colour = mix(seen(vec2(1.0 - vUv.x, vUv.y)), neutral(0.3), faded);
    gl_FragColor = vec4(colour.rgb, border.x * border.y);
  }`;

/**
 * As /api/about says it.
 *
 * @typedef {{projection?: 'flat' | 'equirect' | 'half-equirect', layout?: 'mono' | 'top-bottom' | 'side-by-side'}} Panorama
 */

/**
 * The part of the picture for an eye: [x, y, width, height] of the texture, y upwards.
 *
 * @param {'left' | 'right'} eye
 * @param {Panorama['layout']} layout
 * @returns {[number, number, number, number]}
 */
export function partFor(eye, layout) {
  if (layout === 'top-bottom') return [0, eye === 'left' ? 0.5 : 0, 1, 0.5];
  if (layout === 'side-by-side') return [eye === 'left' ? 0 : 0.5, 0, 0.5, 1];
  return [0, 0, 1, 1];
}

export class Surface {
  #materials;
  #meshes;
  #flat;
  #layout;

  group = new Group();

  /** @param {Panorama} panorama */
  constructor({ projection = 'flat', layout = 'mono' }) {
    this.#flat = projection === 'flat';
    this.#layout = layout;
    /** @type {('left' | 'right')[]} */
    const eyes = layout === 'mono' ? ['left'] : ['left', 'right'];
    this.#materials = eyes.map((eye) => new ShaderMaterial({
      vertexShader: VERTEX,
      fragmentShader: this.#flat ? SCREEN : SPHERE,
      side: BackSide,
      depthWrite: false,
      transparent: this.#flat,
      uniforms: {
        map: { value: null },
        part: { value: new Vector4(...partFor(eye, layout)) },
        texel: { value: new Vector2(1, 1) },
        faded: { value: 1 },
        yaw: { value: 0 },
        half_: { value: projection === 'half-equirect' ? 1 : 0 },
      },
    }));
    this.#meshes = this.#materials.map((material, n) => {
      const mesh = new Mesh(this.#flat ? screen(16 / 9) : new SphereGeometry(FAR_M, 24, 16), material);
      // three.js draws layer 1 for the left eye alone, and 2 for the right.
      mesh.layers.set(layout === 'mono' ? 0 : n + 1);
      mesh.renderOrder = -1;
      mesh.frustumCulled = false;
      return mesh;
    });
    this.group.add(...this.#meshes);
  }

  get isFlat() { return this.#flat; }

  /**
   * @param {import('../vendor/three/three.module.js').Texture} texture
   * @param {number} width
   * @param {number} height
   */
  show(texture, width, height) {
    for (const { uniforms } of this.#materials) {
      uniforms.map.value = texture;
      uniforms.texel.value.set(1 / width, 1 / height);
    }
    if (!this.#flat) return;
    const [, , wide, high] = partFor('left', this.#layout);
    for (const mesh of this.#meshes) {
      mesh.geometry.dispose();
      mesh.geometry = screen((width * wide) / (height * high));
    }
  }

  /** @param {{faded: number, yaw: number}} how yaw: radians to the left by which the front is turned */
  set({ faded, yaw }) {
    for (const { uniforms } of this.#materials) {
      uniforms.faded.value = uniforms.map.value ? faded : 1;
      uniforms.yaw.value = yaw;
    }
  }

  /** @param {boolean} yes */
  set visible(yes) { this.group.visible = yes; }
}

/**
 * A piece of a cylinder around the viewer; a tall picture takes less of the view, so that its top stays in sight.
 *
 * @param {number} aspect
 */
function screen(aspect) {
  const angle = Math.min(SCREEN_RAD, 0.95 * aspect);
  return new CylinderGeometry(SCREEN_M, SCREEN_M, (SCREEN_M * angle) / aspect, 48, 1, true, Math.PI - angle / 2, angle);
}
