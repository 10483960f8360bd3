// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitted } from '../../web/canvas.js';
import { clamp, within } from '../../web/paint.js';

const PICTURE = { width: 512, height: 288 };
const PHONE = { left: 0, top: 100, width: 256, height: 600 };

test('a whole picture has black bars, a filling one is cut', () => {
  assert.deepEqual(fitted(PICTURE, PHONE, false), { scale: 0.5, left: 0, top: 100 + (600 - 144) / 2 });
  const scale = 600 / 288;
  assert.deepEqual(fitted(PICTURE, PHONE, true), { scale, left: (256 - 512 * scale) / 2, top: 100 });
});

test('a finger in the middle of the screen is in the middle of the picture', () => {
  for (const fill of [false, true]) {
    const { x, y } = within(fitted(PICTURE, PHONE, fill), { x: 128, y: 400 });
    assert.ok(Math.abs(x - 256) < 1e-9 && Math.abs(y - 144) < 1e-9, `${x}, ${y}`);
  }
  assert.deepEqual(within(fitted(PICTURE, PHONE, false), { x: 0, y: 328 }), { x: 0, y: 0 });
});

test('the brush stays on the picture', () => {
  assert.deepEqual([-0.01, 0, 0.5, 1.04].map(clamp), [0, 0, 0.5, 1]);
});
