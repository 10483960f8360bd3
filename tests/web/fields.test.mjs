// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaults } from '../../web/controls.js';
import { scaleOf } from '../../web/fields.js';
import { toggled, unitWords } from '../../web/mix.js';

test('a slider goes step by step, with as many decimals as its step', () => {
  const scale = scaleOf({ type: 'number', minimum: 0, maximum: 1, step: 0.01 });
  assert.deepEqual([scale.min, scale.max, scale.step], [0, 1, 0.01]);
  assert.equal(scale.value(scale.position(0.6)), 0.6);
  assert.equal(scale.text(0.6), '0.60');
  assert.equal(scaleOf({ type: 'integer', minimum: 1, maximum: 6 }).text(3), '3');
  assert.equal(scaleOf({ type: 'number', minimum: -2, maximum: 2 }).step, 0.04);
});

test('a range over a hundredfold goes by ratios: its middle is the geometric mean', () => {
  const scale = scaleOf({ type: 'number', minimum: 0.05, maximum: 60, step: 0.05 });
  assert.deepEqual([scale.min, scale.max, scale.step], [0, 100, 1]);
  assert.deepEqual([0, 50, 100].map(scale.value), [0.05, 1.7, 60]);
  assert.deepEqual([0.05, 60].map(scale.position), [0, 100]);
  assert.equal(scale.text(1.5), '1.5');
  for (let position = 0; position <= 100; position += 1) {
    assert.ok(Math.abs(scale.position(scale.value(position)) - position) <= 1, `position ${position}`);
  }
});

test('a name goes into the mix at its full weight, and out of it again', () => {
  assert.deepEqual(toggled({ eye: 0.5 }, 'spiral'), { eye: 0.5, spiral: 1 });
  assert.deepEqual(toggled({ eye: 0.5, spiral: 0 }, 'spiral'), { eye: 0.5 });
});

test('a part of a layer is read out in words', () => {
  const words = ['mixed4c', 'mixed4c:12', 'mixed4c:12@centre'].map(unitWords);
  assert.deepEqual(words, ['mixed4c', 'mixed4c, channel 12', 'mixed4c, channel 12, in the middle']);
});

test('a reset sets what the schema says, and only motifs that this network knows', () => {
  const layers = { propertyNames: { enum: ['stem'] }, default: {} };
  const strength = { type: 'number', default: 0.6 };
  const known = { propertyNames: { enum: ['eye', 'spiral'] }, default: { eye: 1 } };
  assert.deepEqual(defaults({ motifs: known, layers, strength, fps: {} }), { motifs: { eye: 1 }, layers: {}, strength: 0.6 });
  const others = { propertyNames: { enum: ['tabby'] }, default: { eye: 1 } };
  assert.deepEqual(defaults({ motifs: others, layers, strength }), { layers: {}, strength: 0.6 });
});
