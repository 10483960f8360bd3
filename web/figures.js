// @ts-check
// The quiet line of figures: how fast it is, how old, what was skipped on its path, and what dreams.

/**
 * @typedef {object} Seen
 * @property {number | null} fps frames a second that the screen shows, null until they are known
 * @property {string} [source] where frames come from
 * @property {string} [network] which network dreams
 */

/**
 * The line in words. Skipped is every frame that did not get to the screen's encoder: at the source, before the dream,
 * and after it.
 *
 * @param {import('./control-channel.js').Stats} stats
 * @param {Seen} seen
 * @returns {string}
 */
export function figuresLine({ loop, encoding }, { fps, source, network }) {
  const age = encoding.capture_to_packet_ms;
  const skipped = loop.source_skipped_frames + loop.dropped_frames + encoding.dropped_frames;
  const parts = [
    fps === null ? '' : `${Math.round(fps)} fps`,
    age ? `${Math.round(age)} ms` : '',
    skipped ? `${skipped} skipped` : '',
    source ?? '',
    network ? `network ${network}` : '',
  ];
  return parts.filter(Boolean).join(' · ');
}
