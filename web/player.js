// @ts-check
// The picture of the flat page: the main dream, or that of this device's own camera.

import { byId } from './elements.js';
import { messageOf, sentence } from './http.js';
import { ReconnectingViewer } from './reconnecting-viewer.js';
import { saveSnapshot } from './snapshot.js';
import { dismiss, notice, setState, state } from './state.js';
import { Camera } from './whip.js';

const ACCEPTED = 'hallucinate.accepted';

/** Whether the notice was read in this tab: a reload starts by itself, until the picture is stopped. */
export function wasAccepted() {
  try {
    return sessionStorage.getItem(ACCEPTED) !== null;
  } catch {
    return false; // a browser set to keep nothing
  }
}

/** @param {boolean} yes */
function accept(yes) {
  try {
    if (yes) sessionStorage.setItem(ACCEPTED, 'yes');
    else sessionStorage.removeItem(ACCEPTED);
  } catch { /* as above; the notice comes again */ }
}

export class Player {
  #video = byId('picture', HTMLVideoElement);
  #watching;
  /** @type {Camera | null} */
  #camera = null;
  #opening = false;
  #source = 'Live';

  /** @param {string | null} dream the guest's dream to watch, or null for the main one */
  constructor(dream) {
    this.#watching = new ReconnectingViewer(this.#video, dream, {
      toRequest: async (linked, signal) => ({ dream: this.#camera ? await this.#camera.dream(signal) : linked }),
      words: () => this.#liveWords(),
      refused: (refusal) => this.#isFull(refusal),
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

  /** The page is being closed: free what the server holds for it. */
  leave() {
    this.#watching.end();
    this.#giveCameraBack();
  }

  /**
   * What the server says of its source: displayed once, when it changes, and only where that source is seen.
   *
   * @param {string} status its name
   * @param {string} text the same in words
   */
  sourceSays(status, text) {
    const words = status === 'live' ? 'Live' : sentence(text);
    if (words === this.#source) return;
    this.#source = words;
    if (state() === 'live') setState('live', this.#liveWords());
  }

  /** @param {boolean} on */
  compare(on) {
    this.viewer?.show(on ? 'camera' : 'dream');
    byId('compared').hidden = !on;
  }

  snapshot() {
    if (state() !== 'live') return;
    if (this.viewer?.marked) notice('marked', 'No snapshot while latency is measured: there is a marker in the picture.');
    else void saveSnapshot(this.#video, this.#camera?.mirrored);
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
      void this.#showCamera();
    } catch (error) {
      notice('camera-refused', messageOf(error));
      await this.toggleCamera();
    }
  }

  async #useCamera() {
    if (this.#opening) return;
    this.#opening = true;
    dismiss();
    let camera = null;
    try {
      camera = await Camera.open({ width: this.#video.videoWidth, height: this.#video.videoHeight });
      await camera.dream(); // the main dream plays on until there is another
    } catch (error) {
      void camera?.close();
      notice('camera-refused', messageOf(error));
      return;
    } finally {
      this.#opening = false;
    }
    if (state() === 'stopped') {
      await camera.close();
      return;
    }
    camera.onEnded = () => {
      notice('camera-ended', 'This device’s camera has ended. This is the main dream.');
      void this.toggleCamera();
    };
    camera.onLost = () => this.start();
    this.#camera = camera;
    void this.#showCamera();
    this.start();
  }

  #giveCameraBack() {
    void this.#camera?.close();
    this.#camera = null;
    void this.#showCamera();
  }

  async #showCamera() {
    const on = this.ownCamera;
    byId('camera').setAttribute('aria-pressed', String(on));
    byId('camera').title = on ? 'Back to the main dream (V)' : 'Use this device’s camera (V)';
    this.#video.classList.toggle('mirrored', Boolean(this.#camera?.mirrored));
    byId('turn').hidden = !on || await Camera.count() < 2;
  }

  #liveWords() {
    return this.#camera ? 'Live, from this device’s camera' : this.#source;
  }

  /**
   * The server takes no more cameras; say so and watch the main dream.
   *
   * @param {import('./http.js').Refusal} refusal
   */
  #isFull({ status, message }) {
    if (!this.#camera || status !== 503) return false;
    notice('full', message);
    this.#giveCameraBack();
    return true;
  }
}
