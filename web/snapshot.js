// @ts-check
// The picture as a file.

import { contextOf } from './canvas.js';
import { notice } from './state.js';

/**
 * Save what the video shows right now as a JPEG named after the moment.
 *
 * @param {HTMLVideoElement} video
 * @param {boolean} [mirrored]
 */
export async function saveSnapshot(video, mirrored) {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = contextOf(canvas);
  if (mirrored) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
  context.drawImage(video, 0, 0);
  /** @type {Blob | null} */
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', 0.95); });
  if (!blob) {
    notice('saved', 'This browser could not make a JPEG of the picture.');
    return;
  }
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `hallucinate-${stamp(new Date())}.jpg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the download has begun by then
  notice('saved', `Saved as ${link.download}.`);
}

/**
 * 2026-11-20-22-31-05, by the clock on the wall.
 *
 * @param {Date} now
 */
export function stamp(now) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  return [now.getFullYear(), now.getMonth() + 1, now.getDate(), now.getHours(), now.getMinutes(), now.getSeconds()]
    .map(two).join('-');
}
