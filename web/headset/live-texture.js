// @ts-check
// The video as a texture, which notices each frame as it comes; and how far it has faded since none came.

import { LinearFilter, SRGBColorSpace, VideoTexture } from '../vendor/three/three.module.js';

const STALLED_MS = 1000;
const FADE_S = 0.35; // the time in which a fade is two thirds done

export class LiveTexture {
  #video;
  #onTexture;
  /** @type {VideoTexture | null} */
  #texture = null;
  #size = '';
  #frameAt = -Infinity;
  #counted = 0;

  /** 0: the picture. 1: the neutral, and nothing of the picture. */
  faded = 1;

  /**
   * @param {HTMLVideoElement} video
   * @param {(texture: VideoTexture, width: number, height: number) => void} onTexture
   *   called when there is one, and again when the size has changed
   */
  constructor(video, onTexture) {
    this.#video = video;
    this.#onTexture = onTexture;
    const frame = () => {
      this.#came();
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback?.(frame);
  }

  get stalled() { return performance.now() - this.#frameAt > STALLED_MS; }

  /**
   * Once per frame of the display.
   *
   * @param {number} seconds since the last
   */
  advance(seconds) {
    // A browser that calls nobody back for frames, or not while it draws for a headset, has counted them.
    const counted = this.#video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
    const another = counted !== this.#counted;
    this.#counted = counted;
    if (another && this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
      this.#came();
      if (this.#texture) this.#texture.needsUpdate = true;
    }
    const goal = this.stalled ? 1 : 0;
    this.faded += (goal - this.faded) * (1 - Math.exp(-seconds / FADE_S));
    if (Math.abs(goal - this.faded) < 0.004) this.faded = goal;
  }

  #came() {
    this.#frameAt = performance.now();
    this.#fit();
  }

  // A texture keeps the size that it was first drawn with.
  #fit() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    const size = `${width}×${height}`;
    if (!width || size === this.#size) return;
    this.#size = size;
    this.#texture?.dispose();
    this.#texture = new VideoTexture(this.#video);
    this.#texture.colorSpace = SRGBColorSpace;
    this.#texture.minFilter = LinearFilter;
    this.#texture.needsUpdate = true;
    this.#onTexture(this.#texture, width, height);
  }
}
