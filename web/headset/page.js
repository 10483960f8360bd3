// @ts-check
// The headset page: one video, put on a sphere or a screen, looked at from inside, with or without a headset.

import { Euler, Group, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from '../vendor/three/three.module.js';
import { ControlChannel } from '../control-channel.js';
import { byId, enabler, focusQuietly, make } from '../elements.js';
import { messageOf, request, sentence } from '../http.js';
import { onKeys } from '../keyboard.js';
import { ReconnectingViewer } from '../reconnecting-viewer.js';
import { hideWhenIdle } from '../screen.js';
import { dismiss, notice, setState, state } from '../state.js';
import { bestDecoding } from './decoding.js';
import { EquirectLayer } from './equirect-layer.js';
import { Floor, NIGHT } from './floor.js';
import { Knobs } from './knobs.js';
import { LiveTexture } from './live-texture.js';
import { LookAround } from './look-around.js';
import { Panel } from './panel.js';
import { Pointers } from './pointers.js';
import { Surface } from './surfaces.js';
import { XrSession, support } from './xr-session.js';

const LONGEST_STEP_S = 0.25; // after a pause, things go on from where they were
const PANEL = { away: 1.05, below: 0.42 }; // metres from the eyes

/** @typedef {import('./surfaces.js').Panorama} Panorama */

class World {
  #renderer;
  #scene = new Scene();
  #camera = new PerspectiveCamera(72, 1, 0.05, 100);
  #front = new Group(); // turns and comes along when it is recentred
  #lookAround;
  #texture;
  #surface;
  /** @type {Floor | null} */
  #floor = null;
  /** @type {EquirectLayer | null} */
  #layer = null;
  #last = performance.now();

  session;
  panel;
  pointers;

  /**
   * @param {HTMLElement} view
   * @param {HTMLVideoElement} video
   * @param {Panorama} panorama
   * @param {{layers: boolean, knobs: Knobs}} options
   */
  constructor(view, video, panorama, { layers, knobs }) {
    this.#renderer = new WebGLRenderer({ antialias: true, alpha: layers, powerPreference: 'high-performance' });
    this.#renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    this.#renderer.setClearColor(NIGHT, layers ? 0 : 1);
    view.append(this.#renderer.domElement);
    this.panorama = panorama;
    this.layers = layers;
    this.video = video;
    this.#surface = new Surface(panorama);
    this.#texture = new LiveTexture(video, (texture, width, height) => {
      this.#surface.show(texture, width, height);
      this.#floor?.show(texture);
    });
    if (this.#surface.isFlat) this.#floor = new Floor();
    this.#front.add(this.#surface.group, ...(this.#floor ? [this.#floor.group] : []));
    this.panel = new Panel({
      strength: (value) => knobs.strength(value),
      motif: (by) => knobs.step(by),
      recentre: () => this.recentre(),
      leave: () => void this.session.leave(),
    });
    this.pointers = new Pointers(this.#renderer.xr, this.panel, () => this.#togglePanel());
    this.#scene.add(this.#front, this.panel.mesh, this.pointers.group);
    this.#camera.layers.enable(1); // on the page, the left eye's picture
    this.#lookAround = new LookAround(view, this.#camera);
    this.session = new XrSession(this.#renderer.xr, {
      entered: (session) => this.#entered(session),
      ended: () => this.#exited(),
      hidden: () => this.pointers.release(),
    });
    new ResizeObserver(() => this.#fit(view)).observe(view);
    this.#renderer.setAnimationLoop(() => this.#draw());
  }

  tilt() { return this.#lookAround.followTilt(); }

  /** The front is where one looks now. */
  recentre() {
    if (!this.session.current) return this.#lookAround.recentre();
    const head = this.#renderer.xr.getCamera();
    this.#front.rotation.y = new Euler().setFromQuaternion(head.quaternion, 'YXZ').y;
    if (this.#surface.isFlat) this.#front.position.copy(head.position);
    this.#layer?.turn(this.#front.rotation.y);
    this.#bringPanel();
  }

  #draw() {
    const now = performance.now();
    const seconds = Math.min(LONGEST_STEP_S, (now - this.#last) / 1000);
    this.#last = now;
    this.#texture.advance(seconds);
    const { faded } = this.#texture;
    this.#surface.set({ faded, yaw: this.#front.rotation.y });
    if (this.#floor) this.#floor.faded = faded;
    if (this.session.current) {
      this.#surface.visible = !this.#layer?.show(faded < 0.5);
      if (this.#wantsPanel) this.#bringPanel();
      this.pointers.advance();
      this.panel.say(state() === 'live' && this.#texture.stalled ? 'Waiting for the picture …' : byId('state').textContent);
    } else {
      this.#lookAround.advance(seconds);
    }
    this.#renderer.render(this.#scene, this.#camera);
  }

  #wantsPanel = false;

  /** @param {XRSession} session */
  #entered(session) {
    this.#front.rotation.y = 0;
    this.#front.position.set(0, 0, 0);
    if (this.layers) {
      const space = this.#renderer.xr.getReferenceSpace();
      this.#layer = space && EquirectLayer.create(session, space, this.video, this.panorama);
      if (!this.#layer) notice('layers', 'This headset has no layer for the picture, so the sphere is drawn instead.');
    }
    document.body.classList.add('inside');
    this.#wantsPanel = true; // once the head's place is known
  }

  #exited() {
    this.pointers.release();
    this.#layer = null;
    this.#surface.visible = true;
    this.#front.rotation.y = 0;
    this.#front.position.set(0, 0, 0);
    this.panel.mesh.visible = false;
    document.body.classList.remove('inside');
    byId('enter').focus();
  }

  #togglePanel() {
    if (this.panel.mesh.visible) this.panel.mesh.visible = false;
    else this.#bringPanel();
  }

  /** In front of where one looks, a little below, and facing. */
  #bringPanel() {
    this.#wantsPanel = false;
    const head = this.#renderer.xr.getCamera();
    const yaw = new Euler().setFromQuaternion(head.quaternion, 'YXZ').y;
    const { mesh } = this.panel;
    mesh.position.set(-Math.sin(yaw) * PANEL.away, -PANEL.below, -Math.cos(yaw) * PANEL.away).add(head.position);
    mesh.lookAt(new Vector3().copy(head.position));
    mesh.visible = true;
  }

  /** @param {HTMLElement} view */
  #fit({ clientWidth, clientHeight }) {
    if (this.#renderer.xr.isPresenting || !clientWidth || !clientHeight) return;
    this.#camera.aspect = clientWidth / clientHeight;
    this.#camera.updateProjectionMatrix();
    this.#renderer.setSize(clientWidth, clientHeight, false);
  }
}

/** What can be done here, in a sentence, and the button where it can. */
async function offerHeadset() {
  const can = await support();
  byId('enter').hidden = can !== 'ready';
  const secure = new URL('headset', document.baseURI).href.replace(/^http:/, 'https:');
  const around = matchMedia('(pointer: coarse)').matches ? 'Drag to look around.' : 'Drag, or press the arrow keys, to look around.';
  const words = {
    ready: [],
    insecure: ['Headsets open a page only over https. Start hallucinate with --tls and open ', make('a', { href: secure }, secure), `. ${around}`],
    unknown: [`This browser knows no headsets (WebXR). ${around}`],
    absent: [`There is no headset here. Open this address in the headset’s own browser. ${around}`],
  };
  byId('how').replaceChildren(...words[can]);
}

/** @param {Knobs} knobs */
function connectKnobs(knobs) {
  const channel = new ControlChannel({
    settings: (settings) => knobs.show(settings),
    stats: () => {},
    error: (words) => notice('setting', sentence(words)),
    link: enabler(byId('knobs', HTMLFieldSetElement)),
  });
  channel.open();
  return channel;
}

async function main() {
  const params = new URLSearchParams(window.location.search);
  const video = byId('picture', HTMLVideoElement);
  const start = byId('start', HTMLButtonElement);
  const knobs = new Knobs((changes) => channel.patch(changes));
  const channel = connectKnobs(knobs);
  byId('notice-close').addEventListener('click', dismiss);
  setState('idle', '');
  start.disabled = true;

  let about;
  /** @type {World} */
  let world;
  try {
    about = await (await request('api/about')).json();
    knobs.list((about.motifs ?? []).map((/** @type {{name: string}} */ { name }) => name));
    world = new World(byId('view'), video, about.panorama ?? {}, { layers: params.has('layers'), knobs });
  } catch (error) {
    const words = about ? 'This browser cannot draw in three dimensions (WebGL). The flat page does not need it.' : messageOf(error);
    setState('refused', words);
    return;
  }
  knobs.panel = world.panel;

  const toRequest = async (/** @type {string | null} */ dream) => {
    const { size } = await (await request('api/about')).json();
    return { dream, ...(size && await bestDecoding(size, 30)) };
  };
  const watching = new ReconnectingViewer(video, params.get('dream'), { toRequest });
  const stop = async () => {
    if (['idle', 'stopped'].includes(state())) return;
    watching.stop();
    await world.session.leave();
  };
  start.addEventListener('click', () => {
    watching.start();
    focusQuietly(byId('view'));
  });
  byId('stop').addEventListener('click', stop);
  byId('recentre').addEventListener('click', () => world.recentre());
  byId('enter').addEventListener('click', async () => {
    try {
      await world.session.enter(params.has('layers') ? ['layers'] : []);
    } catch (error) {
      notice('headset', messageOf(error));
    }
  });
  const tilt = byId('tilt', HTMLButtonElement);
  tilt.hidden = !LookAround.canTilt;
  tilt.addEventListener('click', async () => {
    try {
      await world.tilt();
      tilt.setAttribute('aria-pressed', 'true');
      tilt.disabled = true;
    } catch (error) {
      notice('tilt', messageOf(error));
    }
  });
  onKeys({ Escape: stop });
  hideWhenIdle();
  window.addEventListener('pagehide', () => watching.end());
  window.addEventListener('pageshow', ({ persisted }) => persisted && state() !== 'stopped' && watching.start());
  navigator.xr?.addEventListener?.('devicechange', offerHeadset);
  start.disabled = false;
  start.focus();
  await offerHeadset();
}

void main();
