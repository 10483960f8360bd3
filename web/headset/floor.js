// @ts-check
// Around an ordinary picture it is dark, but for a floor that the screen shines on.

import { Color, Group, Mesh, PlaneGeometry, ShaderMaterial } from '../vendor/three/three.module.js';

const EYE_M = 1.35; // the floor is so far below a seated viewer's eyes
const WIDE_M = 14;

export const NIGHT = new Color(0x0a080c);

const VERTEX = `
  varying vec3 vAt;
  void main() {
    vAt = position;
    gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
  }`;

// A glow below the screen that dies away, in the picture's own mean colour.
const FRAGMENT = `
  uniform sampler2D map;
  uniform float glow;
  varying vec3 vAt;
  void main() {
    vec3 mean = vec3(0.0);
    for (int y = 0; y < 3; y++)
      for (int x = 0; x < 5; x++) mean += texture2D(map, vec2(0.1 + 0.2 * float(x), 0.2 + 0.3 * float(y))).rgb;
    mean /= 15.0;
    float away = length((vAt.xy - vec2(0.0, 3.1)) / vec2(3.4, 1.7));
    vec3 shine = mean * 0.34 * exp(-away * away) * glow;
    float edge = 1.0 - smoothstep(3.0, ${WIDE_M.toFixed(1)}, length(vAt.xy));
    gl_FragColor = vec4(vec3(0.039, 0.031, 0.047) + (vec3(0.014, 0.011, 0.013) + shine) * edge, 1.0);
  }`;

export class Floor {
  group = new Group();
  #material = new ShaderMaterial({
    vertexShader: VERTEX, fragmentShader: FRAGMENT, depthWrite: false, uniforms: { map: { value: null }, glow: { value: 0 } },
  });

  constructor() {
    // In many small pieces: of large ones that end behind the viewer Chromium's SwiftShader draws nonsense.
    const floor = new Mesh(new PlaneGeometry(2 * WIDE_M, 2 * WIDE_M, 28, 28), this.#material);
    floor.rotation.x = -Math.PI / 2;
    floor.position.y = -EYE_M;
    floor.renderOrder = -2;
    this.group.add(floor);
  }

  /** @param {import('../vendor/three/three.module.js').Texture} texture */
  show(texture) { this.#material.uniforms.map.value = texture; }

  /** @param {number} part 1: no glow */
  set faded(part) { this.#material.uniforms.glow.value = this.#material.uniforms.map.value ? 1 - part : 0; }
}
