// @ts-check
// Against markers that the server drew: markers.json, which test_markers.py compares with today's server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COLUMNS, ROWS, cellSize, readMarker } from '../../web/marker.js';

/** @type {{width: number, size: number, ms: number, rows: string[]}[]} */
const MARKERS = JSON.parse(readFileSync(new URL('markers.json', import.meta.url), 'utf8'));

/**
 * A marker's RGBA pixels. level(bit, x, y): 0 to 255, x and y from 0 to 1 within the cell.
 *
 * @param {string[]} rows
 * @param {number} size
 * @param {(bit: number, x: number, y: number) => number} level
 */
function pixels(rows, size, level) {
  const data = new Uint8ClampedArray(4 * COLUMNS * ROWS * size * size);
  for (let y = 0; y < ROWS * size; y += 1) {
    for (let x = 0; x < COLUMNS * size; x += 1) {
      const bit = Number(rows[Math.floor(y / size)][Math.floor(x / size)]);
      const grey = level(bit, (x % size) / size, (y % size) / size);
      data.set([grey, grey, grey, 255], 4 * (y * COLUMNS * size + x));
    }
  }
  return data;
}

const clean = (/** @type {number} */ bit) => 255 * bit;

test('what the server draws is read, in every size of picture', () => {
  assert.ok(MARKERS.length >= 12);
  for (const { width, size, ms, rows } of MARKERS) {
    assert.equal(cellSize(width), size, `${width} px`);
    assert.equal(readMarker(pixels(rows, size, clean), size), ms, `${ms} at ${width} px`);
  }
});

test('a codec may flatten the contrast and soil the edges of the cells', () => {
  for (const { size, ms, rows } of MARKERS) {
    const coded = (/** @type {number} */ bit, /** @type {number} */ x, /** @type {number} */ y) => (
      Math.min(x, y, 1 - x, 1 - y) < 0.24 ? 128 : 60 + 120 * bit);
    assert.equal(readMarker(pixels(rows, size, coded), size), ms);
  }
});

test('one wrong cell, no contrast, or no marker at all is not read', () => {
  const { size, rows } = MARKERS[0];
  for (let cell = 2; cell < COLUMNS * ROWS - 2; cell += 1) {
    const bits = [...rows.join('')];
    bits[cell] = bits[cell] === '1' ? '0' : '1';
    const wrong = Array.from({ length: ROWS }, (_, row) => bits.slice(row * COLUMNS, (row + 1) * COLUMNS).join(''));
    assert.equal(readMarker(pixels(wrong, size, clean), size), null, `cell ${cell}`);
  }
  assert.equal(readMarker(pixels(rows, size, (bit) => 100 + 90 * bit), size), null);
  assert.equal(readMarker(pixels(rows, size, () => 128), size), null);
});
