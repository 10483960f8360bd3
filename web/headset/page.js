// The headset page: one video, put on a sphere or a screen, looked at from inside, with or without a headset.

import { Euler, Group, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from '../vendor/three/three.module.js';
import { hideWhenIdle } from '../chrome.js';
import { byId, make, usable } from '../dom.js';
import { ask, sentence } from '../exchange.js';
import { onKeys } from '../hands.js';
import { Live } from '../live.js';
import { dismiss, notice, setState, state } from '../state.js';
import { Watching } from '../watching.js';
import { choose } from './decoding.js';
import { Hands } from './hands.js';
import { Knobs } from './knobs.js';
import { EquirectLayer } from './layers.js';
import { Looking } from './looking.js';
import { Panel } from './panel.js';
import { Picture } from './picture.js';
import { NIGHT, Room } from './room.js';
import { Session, support } from './session.js';
import { Surface } from './surfaces.js';

const LONGEST_STEP_S = 0.25; // after a pause, things go on from where they were
const PANEL = { away: 1.05, below: 0.42 }; // metres from the eyes

class World {
  #renderer;
  #scene = new Scene();
  #camera = new PerspectiveCamera(72, 1, 0.05, 100);
  #front = new Group(); // turns and comes along when it is recentred
  #looking;
  #picture;
  #surface;
  #room = null;
  #layer = null;
  #last = performance.now();

  session;
  panel;
  hands;

  constructor(view, video, panorama, { layers, knobs }) {
    this.#renderer = new WebGLRenderer({ antialias: true, alpha: layers, powerPreference: 'high-performance' });
    this.#renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    this.#renderer.setClearColor(NIGHT, layers ? 0 : 1);
    view.append(this.#renderer.domElement);
    this.panorama = panorama;
    this.layers = layers;
    this.video = video;
    this.#surface = new Surface(panorama);
    this.#picture = new Picture(video, (texture, width, height) => {
      this.#surface.show(texture, width, height);
      this.#room?.show(texture);
    });
    if (this.#surface.isFlat) this.#room = new Room();
    this.#front.add(this.#surface.group, ...(this.#room ? [this.#room.group] : []));
    this.panel = new Panel({
      strength: (value) => knobs.strength(value),
      motif: (by) => knobs.step(by),
      recentre: () => this.recentre(),
      leave: () => this.session.leave(),
    });
    this.hands = new Hands(this.#renderer.xr, this.panel, () => this.#summon());
    this.#scene.add(this.#front, this.panel.mesh, this.hands.group);
    this.#camera.layers.enable(1); // on the page, the left eye's picture
    this.#looking = new Looking(view, this.#camera);
    this.session = new Session(this.#renderer.xr, {
      entered: (session) => this.#entered(session),
      left: () => this.#left(),
      hidden: () => this.hands.release(),
    });
    new ResizeObserver(() => this.#fit(view)).observe(view);
    this.#renderer.setAnimationLoop(() => this.#draw());
  }

  tilt() { return this.#looking.followTilt(); }

  /** The front is where one looks now. */
  recentre() {
    if (!this.session.current) return this.#looking.recentre();
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
    this.#picture.advance(seconds);
    const { faded } = this.#picture;
    this.#surface.set({ faded, yaw: this.#front.rotation.y });
    if (this.#room) this.#room.faded = faded;
    if (this.session.current) {
      this.#surface.visible = !this.#layer?.show(faded < 0.5);
      if (this.#wantsPanel) this.#bringPanel();
      this.hands.advance();
      this.panel.say(state() === 'live' && this.#picture.stalled ? 'Waiting for the picture …' : byId('state').textContent);
    } else {
      this.#looking.advance(seconds);
    }
    this.#renderer.render(this.#scene, this.#camera);
  }

  #wantsPanel = false;

  #entered(session) {
    this.#front.rotation.y = 0;
    this.#front.position.set(0, 0, 0);
    if (this.layers) {
      this.#layer = EquirectLayer.create(session, this.#renderer.xr.getReferenceSpace(), this.video, this.panorama);
      if (!this.#layer) notice('layers', 'This headset has no layer for it; the sphere is drawn instead.');
    }
    document.body.classList.add('inside');
    this.#wantsPanel = true; // once the head's place is known
  }

  #left() {
    this.hands.release();
    this.#layer = null;
    this.#surface.visible = true;
    this.#front.rotation.y = 0;
    this.#front.position.set(0, 0, 0);
    this.panel.mesh.visible = false;
    document.body.classList.remove('inside');
    byId('enter').focus();
  }

  #summon() {
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
  const secure = `https://${window.location.host}/headset`;
  const around = matchMedia('(pointer: coarse)').matches ? 'Drag to look around.' : 'Drag, or press the arrow keys, to look around.';
  const words = {
    ready: [],
    insecure: ['Headsets let a page in only over https: start hallucinate with --tls and open ', make('a', { href: secure }, secure), `. ${around}`],
    unknown: [`This browser knows no headsets (WebXR). ${around}`],
    absent: [`No headset here: open this address in the headset’s own browser. ${around}`],
  };
  byId('how').replaceChildren(...words[can]);
}

function connectKnobs(knobs) {
  const live = new Live({
    settings: (settings) => knobs.show(settings),
    stats: () => {},
    error: (words) => notice('setting', sentence(words)),
    link: usable(byId('knobs')),
  });
  live.open();
  return live;
}

async function main() {
  const params = new URLSearchParams(window.location.search);
  const video = byId('picture');
  const knobs = new Knobs((changes) => live.patch(changes));
  const live = connectKnobs(knobs);
  byId('notice-close').addEventListener('click', dismiss);
  setState('idle', '');
  byId('start').disabled = true;

  let about;
  let world;
  try {
    about = await (await ask('api/about')).json();
    knobs.list((about.motifs ?? []).map(({ name }) => name));
    world = new World(byId('view'), video, about.panorama ?? {}, { layers: params.has('layers'), knobs });
  } catch (error) {
    const words = about ? 'This browser cannot draw in three dimensions (WebGL); the flat page needs none.' : error.message;
    return setState('refused', words);
  }
  knobs.panel = world.panel;

  const wish = async (dream) => {
    const { size } = await (await ask('api/about')).json();
    return { dream, ...(size && await choose(size, 30)) };
  };
  const watching = new Watching(video, params.get('dream'), { wish });
  const stop = async () => {
    if (['idle', 'stopped'].includes(state())) return;
    watching.stop();
    await world.session.leave();
  };
  byId('start').addEventListener('click', () => {
    watching.start();
    byId('view').focus({ focusVisible: false });
  });
  byId('stop').addEventListener('click', stop);
  byId('recentre').addEventListener('click', () => world.recentre());
  byId('enter').addEventListener('click', async () => {
    try {
      await world.session.enter(params.has('layers') ? ['layers'] : []);
    } catch (error) {
      notice('headset', error.message);
    }
  });
  byId('tilt').hidden = !Looking.canTilt;
  byId('tilt').addEventListener('click', async ({ currentTarget }) => {
    try {
      await world.tilt();
      currentTarget.setAttribute('aria-pressed', true);
      currentTarget.disabled = true;
    } catch (error) {
      notice('tilt', error.message);
    }
  });
  onKeys({ Escape: stop });
  hideWhenIdle();
  window.addEventListener('pagehide', () => watching.end());
  window.addEventListener('pageshow', ({ persisted }) => persisted && state() !== 'stopped' && watching.start());
  navigator.xr?.addEventListener?.('devicechange', offerHeadset);
  byId('start').disabled = false;
  byId('start').focus();
  await offerHeadset();
}

main();
