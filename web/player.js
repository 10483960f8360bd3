// The picture: `#keepWatching` is its whole life: connect, show, notice that it ended, try again.

import { keepAwake } from './chrome.js';
import { Backoff, byId, sleep } from './dom.js';
import { Refusal, sentence } from './exchange.js';
import { saveSnapshot } from './snapshot.js';
import { dismiss, notice, setState, state } from './state.js';
import { Blocked, Viewer } from './whep.js';
import { Camera } from './whip.js';

const ACCEPTED = 'hallucinate.accepted';

/** Whether the notice was read in this tab: a reload starts by itself, until the picture is stopped. */
export function wasAccepted() {
  try {
    return sessionStorage.getItem(ACCEPTED) !== null;
  } catch {
    return false; // a browser told to keep nothing
  }
}

function accept(yes) {
  try {
    if (yes) sessionStorage.setItem(ACCEPTED, 'yes');
    else sessionStorage.removeItem(ACCEPTED);
  } catch { /* as above; the notice is shown again */ }
}

export class Player {
  #video = byId('picture');
  #run = null; // ends the run in progress
  #viewer = null;
  #camera = null;
  #asking = false;
  #dream;
  #source = 'Live';

  /** `dream` is the visitor's dream to watch, or null for the main one. */
  constructor(dream) {
    this.#dream = dream;
  }

  /** Frames that arrived here in the last second; null before it is known. */
  fps = null;

  get video() { return this.#video; }

  /** Who watches now; null while nobody does. */
  get viewer() { return this.#viewer; }

  get ownCamera() { return Boolean(this.#camera); }

  start() {
    accept(true);
    this.#run?.abort();
    this.#run = new AbortController();
    this.#keepWatching(this.#run.signal);
  }

  /** Black at once; the camera's light goes out; nothing comes back before a press. */
  stop() {
    this.#run?.abort();
    this.#video.srcObject = null;
    this.#giveCameraBack();
    accept(false);
    setState('stopped', 'Stopped.');
  }

  /** The page is being left: free what the server holds for it. */
  leave() {
    this.#run?.abort();
    this.#giveCameraBack();
  }

  /** What the server says of its source: told once, when it changes, and only where that source is seen. */
  sourceSays(status) {
    const well = !status || status.startsWith('reading ') || status.endsWith(' is back');
    const words = well ? 'Live' : sentence(status);
    if (words === this.#source) return;
    this.#source = words;
    if (state() === 'live') setState('live', this.#liveWords());
  }

  compare(on) {
    this.#viewer?.show(on ? 'camera' : 'dream');
    byId('compared').hidden = !on;
  }

  snapshot() {
    if (state() !== 'live') return;
    if (this.#viewer?.marked) notice('marked', 'No snapshot while latency is measured: there is a marker in the picture.');
    else saveSnapshot(this.#video, this.#camera?.mirrored);
  }

  async toggleCamera() {
    if (!this.#camera) return this.#useCamera();
    this.#run?.abort(); // first leave the dream, then end it
    this.#giveCameraBack();
    return this.start();
  }

  /** A phone's other camera. */
  async turnCamera() {
    try {
      await this.#camera?.turn();
      this.#showCamera();
    } catch (error) {
      notice('camera-refused', error.message);
      await this.toggleCamera();
    }
  }

  async #useCamera() {
    if (this.#asking) return;
    this.#asking = true;
    dismiss();
    let camera = null;
    try {
      camera = await Camera.open({ width: this.#video.videoWidth, height: this.#video.videoHeight });
      await camera.dream(); // the main dream plays on until there is another
    } catch (error) {
      camera?.close();
      notice('camera-refused', error.message);
      return;
    } finally {
      this.#asking = false;
    }
    if (state() === 'stopped') return camera.close();
    camera.onEnded = () => {
      notice('camera-ended', 'This device’s camera has ended. This is the main dream.');
      this.toggleCamera();
    };
    camera.onLost = () => this.start();
    this.#camera = camera;
    this.#showCamera();
    this.start();
  }

  #giveCameraBack() {
    this.#camera?.close();
    this.#camera = null;
    this.#showCamera();
  }

  async #showCamera() {
    const on = this.ownCamera;
    byId('camera').setAttribute('aria-pressed', on);
    byId('camera').title = on ? 'Back to the main dream (V)' : 'Use this device’s camera (V)';
    this.#video.classList.toggle('mirrored', on && this.#camera.mirrored);
    byId('turn').hidden = !on || await Camera.count() < 2;
  }

  async #keepWatching(signal) {
    const backoff = new Backoff();
    setState('connecting', 'Connecting …');
    while (!signal.aborted) {
      let words;
      try {
        words = await this.#watchOnce(signal, backoff);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Blocked) return this.#wait('blocked', 'This browser plays the picture after a press.');
        if (error instanceof Refusal && error.final) return this.#wait('refused', error.message);
        if (error instanceof Refusal && this.#elsewhere(error)) continue;
        words = error.message;
      }
      if (signal.aborted) return;
      setState('retrying', `${words} Trying again …`);
      await this.#camera?.hangUp();
      await sleep(backoff.seconds(), signal);
    }
  }

  /** One connection, from the offer to the words for its end. */
  async #watchOnce(signal, backoff) {
    const viewer = new Viewer(this.#video, (fps) => { this.fps = fps; });
    try {
      await viewer.watch(this.#camera ? await this.#camera.dream(signal) : this.#dream, signal);
      this.#viewer = viewer;
      backoff.reset();
      setState('live', this.#liveWords());
      keepAwake();
      return await viewer.ended;
    } finally {
      viewer.close();
      if (this.#viewer === viewer) {
        [this.#viewer, this.fps] = [null, null];
        this.compare(false);
      }
    }
  }

  #liveWords() {
    return this.#camera ? 'Live, from this device’s camera' : this.#source;
  }

  /** What was asked for is not to be had; say so and watch the main dream. True when that is another one. */
  #elsewhere(refusal) {
    if (this.#camera && refusal.status === 503) {
      notice('no-room', refusal.message);
      this.#giveCameraBack();
      return true;
    }
    if (!this.#camera && this.#dream && refusal.status === 404) {
      notice('dream-over', 'The dream of this link is over. This is the main one.');
      this.#dream = null;
      return true;
    }
    return false;
  }

  #wait(name, words) {
    this.#video.srcObject = null;
    setState(name, words);
  }
}
