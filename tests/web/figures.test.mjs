// @ts-check
import assert from 'node:assert/strict';
import test from 'node:test';

import { figuresLine, skippedFrames } from '../../web/figures.js';

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
  assert.equal(skippedFrames(stats({ source: 4, before: 20, after: 300 })), 324);
});

test('what is skipped now is shown', () => {
  assert.equal(figuresLine(stats(), { fps: 19.6, skipped: 3 }), '20 fps · 3 skipped a second');
});

test('what is not known yet, or is nothing, is left out', () => {
  assert.equal(figuresLine(stats(), { fps: null, skipped: 0 }), '');
  assert.equal(figuresLine(stats({ age: 81.4 }), { fps: null, skipped: -7, source: 'camera 0', network: 'motif' }),
    '81 ms · camera 0 · network motif');
});
