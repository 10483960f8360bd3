// The video as a texture, told of each frame as it comes; and how far it has faded since none came.

import { LinearFilter, RepeatWrapping, SRGBColorSpace, VideoTexture } from '../vendor/three/three.module.js';

const STALLED_MS = 1000;
const FADE_S = 0.35; // the time in which a fade gets two thirds of its way

export class Picture {
  #video;
  #onTexture;
  #texture = null;
  #size = '';
  #frameAt = -Infinity;

  /** 0: the picture. 1: the neutral, and nothing of the picture. */
  faded = 1;

  /** Frames that came. */
  frames = 0;

  /** `onTexture(texture, width, height)` is told when there is one, and of another when the size has changed. */
  constructor(video, onTexture) {
    [this.#video, this.#onTexture] = [video, onTexture];
    const frame = (now) => {
      this.#frameAt = now;
      this.frames += 1;
      this.#fit();
      video.requestVideoFrameCallback(frame);
    };
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(frame);
    else video.addEventListener('timeupdate', () => { this.#frameAt = performance.now(); this.#fit(); });
  }

  get stalled() { return performance.now() - this.#frameAt > STALLED_MS; }

  /** Once per frame of the display, `seconds` after the last. */
  advance(seconds) {
    const goal = this.stalled ? 1 : 0;
    this.faded += (goal - this.faded) * (1 - Math.exp(-seconds / FADE_S));
    if (Math.abs(goal - this.faded) < 0.004) this.faded = goal;
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
    this.#texture.wrapS = RepeatWrapping; // the picture goes on behind one's back
    this.#texture.minFilter = LinearFilter;
    this.#texture.needsUpdate = true;
    this.#onTexture(this.#texture, width, height);
  }
}
