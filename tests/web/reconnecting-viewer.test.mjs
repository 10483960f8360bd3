// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../../web/http.js';
import { ReconnectingViewer } from '../../web/reconnecting-viewer.js';
import { state } from '../../web/state.js';
import { FakeClock, settled } from './fake-clock.mjs';
import { fakePage } from './fake-page.mjs';

/** @type {any} */
const VIDEO = { srcObject: 'a picture' };

/**
 * A viewer whose requests fail, each with the next of these; the last again and again.
 *
 * @param {import('node:test').TestContext} t
 * @param {string | null} dream
 * @param {Error[]} failures
 */
function failing(t, dream, failures) {
  const clock = new FakeClock(t);
  const { elements } = fakePage(['state', 'panel', 'panel-words', 'start', 'notice', 'notice-words']);
  class ScriptedPeer extends EventTarget { close() {} }
  Object.assign(globalThis, { RTCPeerConnection: ScriptedPeer });
  /** @type {unknown[]} */
  const seen = [];
  const viewer = new ReconnectingViewer(VIDEO, dream, {
    toRequest: async (id) => {
      seen.push(id);
      throw failures.length > 1 ? failures.shift() : failures[0];
    },
    lost: async () => seen.push('lost'),
  });
  return { clock, elements, viewer, seen };
}

test('a failure is said and tried again after longer and longer waits, until a stop', async (t) => {
  const { clock, elements, viewer, seen } = failing(t, null, [new Error('The server does not answer.')]);
  viewer.start();
  await settled();
  assert.equal(state(), 'retrying');
  assert.match(elements.state.textContent, /The server does not answer\./);
  await clock.advance(499);
  assert.deepEqual(seen, [null, 'lost']);
  await clock.advance(1);
  assert.deepEqual(seen, [null, 'lost', null, 'lost']);
  await clock.advance(999);
  assert.equal(seen.length, 4);
  await clock.advance(1);
  assert.equal(seen.length, 6);
  viewer.stop();
  await clock.advance(60_000);
  assert.equal(seen.length, 6);
  assert.deepEqual([state(), VIDEO.srcObject], ['stopped', null]);
});

test('a refusal that stays one is not tried again', async (t) => {
  const { clock, viewer, seen } = failing(t, null, [new Refusal(401, 'This needs the token.')]);
  viewer.start();
  await clock.advance(60_000);
  assert.deepEqual([state(), seen], ['refused', [null]]);
});

test('an error that is no refusal of the linked dream keeps the link', async (t) => {
  const { clock, viewer, seen } = failing(t, 'viewer-7', [new Refusal(503, 'Busy.')]);
  viewer.start();
  await clock.advance(500);
  assert.deepEqual(seen, ['viewer-7', 'lost', 'viewer-7', 'lost']);
  viewer.stop();
});
