// @ts-check
// The quiet line of figures: how fast it is, how old, what is skipped on its path, and what dreams.

/**
 * @typedef {object} Seen
 * @property {number | null} fps frames a second that the screen shows, null until they are known
 * @property {number} skipped frames since the line before, a second ago
 * @property {string} [source] where frames come from
 * @property {string} [network] which network dreams
 */

/**
 * Every frame that did not get into a packet so far: skipped at the source, before the dream, or after it.
 *
 * @param {import('./control-channel.js').Stats} stats
 * @returns {number}
 */
export function skippedFrames({ loop, encoding }) {
  return loop.source_skipped_frames + loop.dropped_frames + encoding.dropped_frames;
}

/**
 * The line in words.
 *
 * @param {import('./control-channel.js').Stats} stats
 * @param {Seen} seen
 * @returns {string}
 */
export function figuresLine({ encoding }, { fps, skipped, source, network }) {
  const age = encoding.capture_to_packet_ms;
  const parts = [
    fps === null ? '' : `${Math.round(fps)} fps`,
    age ? `${Math.round(age)} ms` : '',
    skipped > 0 ? `${skipped} skipped a second` : '',
    source ?? '',
    network ? `network ${network}` : '',
  ];
  return parts.filter(Boolean).join(' · ');
}
