// @ts-check
import assert from 'node:assert/strict';
import test from 'node:test';

import { figuresLine } from '../../web/figures.js';

/**
 * @param {{source?: number, before?: number, after?: number, age?: number | null}} [counts]
 * @returns {import('../../web/control-channel.js').Stats}
 */
function stats({ source = 0, before = 0, after = 0, age = null } = {}) {
  return {
    loop: {
      status: 'playing', status_text: '', notice: '', fps: 20, dream_width_px: 320, pictures: [],
      source_skipped_frames: source, dropped_frames: before,
      network: { name: 'motif', loading: '', share: null, error: '' },
    },
    encoding: { capture_to_packet_ms: age, dropped_frames: after },
  };
}

test('every frame that was skipped is counted, wherever it was', () => {
  assert.equal(figuresLine(stats({ source: 4, before: 20, after: 300 }), { fps: 19.6 }), '20 fps · 324 skipped');
});

test('what is not known yet, or is nothing, is left out', () => {
  assert.equal(figuresLine(stats(), { fps: null }), '');
  assert.equal(figuresLine(stats({ age: 81.4 }), { fps: null, source: 'camera 0', network: 'motif' }),
    '81 ms · camera 0 · network motif');
});
