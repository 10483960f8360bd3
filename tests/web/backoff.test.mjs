// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, sleep } from '../../web/backoff.js';
import { FakeClock, settled } from './fake-clock.mjs';

test('waits double up to five seconds, and begin afresh after a success', () => {
  const backoff = new Backoff();
  assert.deepEqual(Array.from({ length: 6 }, () => backoff.seconds()), [0.5, 1, 2, 4, 5, 5]);
  backoff.reset();
  assert.equal(backoff.seconds(), 0.5);
});

test('a sleep ends after its time, or with its signal', async (t) => {
  const clock = new FakeClock(t);
  /** @type {string[]} */
  const ended = [];
  const stop = new AbortController();
  void sleep(2).then(() => ended.push('slept'));
  void sleep(60, stop.signal).then(() => ended.push('stopped'));
  await clock.advance(1999);
  assert.deepEqual(ended, []);
  await clock.advance(1);
  assert.deepEqual(ended, ['slept']);
  stop.abort();
  await settled();
  assert.deepEqual(ended, ['slept', 'stopped']);
  await sleep(60, stop.signal); // of a signal that has gone already
});
