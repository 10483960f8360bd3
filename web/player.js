// The picture of the flat page: the main dream, or that of this device's own camera.

import { byId } from './dom.js';
import { sentence } from './exchange.js';
import { saveSnapshot } from './snapshot.js';
import { dismiss, notice, setState, state } from './state.js';
import { Watching } from './watching.js';
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
  #watching;
  #camera = null;
  #asking = false;
  #source = 'Live';

  /** `dream` is the guest's dream to watch, or null for the main one. */
  constructor(dream) {
    this.#watching = new Watching(this.#video, dream, {
      wish: async (linked, signal) => ({ dream: this.#camera ? await this.#camera.dream(signal) : linked }),
      words: () => this.#liveWords(),
      refused: (refusal) => this.#hasNoRoom(refusal),
      ended: () => this.compare(false),
      lost: () => this.#camera?.hangUp(),
    });
  }

  get fps() { return this.#watching.fps; }

  get video() { return this.#video; }

  /** Who watches now; null while nobody does. */
  get viewer() { return this.#watching.viewer; }

  get ownCamera() { return Boolean(this.#camera); }

  start() {
    accept(true);
    this.#watching.start();
  }

  /** Black at once; the camera's light goes out; nothing comes back before a press. */
  stop() {
    this.#watching.stop();
    this.#giveCameraBack();
    accept(false);
  }

  /** The page is being left: free what the server holds for it. */
  leave() {
    this.#watching.end();
    this.#giveCameraBack();
  }

  /** The server's source, by its status's name and in words: said when it changes, and only where that is seen. */
  sourceSays(status, text) {
    const words = status === 'live' ? 'Live' : sentence(text);
    if (words === this.#source) return;
    this.#source = words;
    if (state() === 'live') setState('live', this.#liveWords());
  }

  compare(on) {
    this.viewer?.show(on ? 'camera' : 'dream');
    byId('compared').hidden = !on;
  }

  snapshot() {
    if (state() !== 'live') return;
    if (this.viewer?.marked) notice('marked', 'No snapshot while latency is measured: there is a marker in the picture.');
    else saveSnapshot(this.#video, this.#camera?.mirrored);
  }

  async toggleCamera() {
    if (!this.#camera) return this.#useCamera();
    this.#watching.end(); // first leave the dream, then end it
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

  #liveWords() {
    return this.#camera ? 'Live, from this device’s camera' : this.#source;
  }

  /** The server has no place for another camera; say so and watch the main dream. */
  #hasNoRoom({ status, message }) {
    if (!this.#camera || status !== 503) return false;
    notice('no-room', message);
    this.#giveCameraBack();
    return true;
  }
}
