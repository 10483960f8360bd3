// @ts-check
// Pointing in the headset: a ray from each controller or hand, a dot where it meets the panel, and what a press does.

import { BufferGeometry, CircleGeometry, Float32BufferAttribute, Group, Line, LineBasicMaterial, Matrix4, Mesh, MeshBasicMaterial, Raycaster, Vector3 } from '../vendor/three/three.module.js';

const RAY_M = 1.2;

/** @typedef {import('../vendor/three/three.module.js').Intersection} Intersection */
/** @typedef {import('../vendor/three/three.module.js').XRTargetRaySpace} TargetRay of a controller or hand */
/** @typedef {{space: TargetRay, hit: Intersection | null, line: Line, dot: Mesh}} Ray */

export class Pointers {
  #panel;
  #rays;
  #caster = new Raycaster();
  /** @type {Ray | null} */
  #dragging = null; // the ray that drags the strength
  #onNothing;

  group = new Group();

  /**
   * @param {import('../vendor/three/three.module.js').WebXRManager} xr
   * @param {import('./panel.js').Panel} panel
   * @param {() => void} onNothing called for a press on nothing: the panel comes, or goes
   */
  constructor(xr, panel, onNothing) {
    this.#panel = panel;
    this.#onNothing = onNothing;
    this.#rays = [0, 1].map((n) => this.#ray(xr.getController(n)));
    this.group.add(...this.#rays.map(({ space }) => space), ...this.#rays.map(({ dot }) => dot));
  }

  /** Release what is dragged: the session has ended, or is not seen. */
  release() {
    this.#dragging = null;
    this.#panel.hover([]);
    for (const ray of this.#rays) ray.dot.visible = false;
  }

  /** Once per frame in the headset. */
  advance() {
    for (const ray of this.#rays) {
      const hit = this.#hit(ray);
      ray.hit = hit;
      ray.dot.visible = Boolean(hit);
      if (hit) {
        ray.dot.position.copy(hit.point);
        ray.dot.quaternion.copy(this.#panel.mesh.getWorldQuaternion(ray.dot.quaternion));
      }
      ray.line.visible = this.#panel.mesh.visible;
      ray.line.scale.z = hit ? hit.distance : RAY_M;
    }
    this.#panel.hover(this.#rays.map(({ hit }) => (hit?.uv ? this.#panel.partAt(hit.uv) : null)));
    if (this.#dragging?.hit?.uv) this.#panel.press('strength', this.#dragging.hit.uv);
  }

  /** @param {TargetRay} space */
  #ray(space) {
    /** @type {Ray} */
    const ray = { space, hit: null, line: makeLine(), dot: makeDot() };
    space.add(ray.line);
    space.addEventListener('selectstart', () => this.#pressed(ray));
    space.addEventListener('selectend', () => this.#released(ray));
    space.addEventListener('disconnected', () => this.#released(ray));
    return ray;
  }

  /** @param {Ray} ray */
  #released(ray) {
    if (this.#dragging === ray) this.#dragging = null;
  }

  /** @param {Ray} ray */
  #pressed(ray) {
    const hit = this.#hit(ray); // now, for a press may come between two frames
    if (!hit?.uv) return this.#onNothing();
    const part = this.#panel.partAt(hit.uv);
    if (part === 'strength') this.#dragging = ray;
    if (part) this.#panel.press(part, hit.uv);
  }

  /** @param {Pick<Ray, 'space'>} ray */
  #hit({ space }) {
    if (!space.visible || !this.#panel.mesh.visible) return null;
    space.updateWorldMatrix(true, false);
    const turn = new Matrix4().extractRotation(space.matrixWorld);
    this.#caster.ray.origin.setFromMatrixPosition(space.matrixWorld);
    this.#caster.ray.direction.copy(new Vector3(0, 0, -1).applyMatrix4(turn));
    return this.#caster.intersectObject(this.#panel.mesh, false)[0] ?? null;
  }
}

function makeLine() {
  const geometry = new BufferGeometry();
  geometry.setAttribute('position', new Float32BufferAttribute([0, 0, 0, 0, 0, -1], 3));
  geometry.setAttribute('color', new Float32BufferAttribute([1, 0.93, 0.88, 0.8, 1, 0.93, 0.88, 0.1], 4));
  const material = new LineBasicMaterial({ vertexColors: true, transparent: true, depthTest: false });
  return Object.assign(new Line(geometry, material), { renderOrder: 6, visible: false, frustumCulled: false });
}

function makeDot() {
  const material = new MeshBasicMaterial({ color: 0xfff1e6, transparent: true, opacity: 0.9, depthTest: false });
  return Object.assign(new Mesh(new CircleGeometry(0.008, 20), material), { renderOrder: 7, visible: false });
}
