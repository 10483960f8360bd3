// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal, request, sendJson, sentence } from '../../web/http.js';

/** @param {typeof fetch} answer */
function serve(answer) {
  Object.assign(globalThis, { fetch: answer });
}

test("the server's line becomes a sentence, a setting's name in it stays", () => {
  assert.equal(sentence('no such motif'), 'No such motif.');
  assert.equal(sentence('Is it on?'), 'Is it on?');
  assert.equal(sentence('dream_width_min: at most 480'), 'dream_width_min: at most 480.');
  assert.equal(sentence('fps: at most 60'), 'fps: at most 60.');
});

test('a refusal has the status, and what the server says of it', async () => {
  serve(async () => new Response('{"error": "this needs the token"}', { status: 401 }));
  const refusal = await request('api/settings').catch((/** @type {unknown} */ error) => error);
  assert.ok(refusal instanceof Refusal);
  assert.deepEqual([refusal.status, refusal.final, refusal.message], [401, true, 'This needs the token.']);

  serve(async () => new Response('<html>', { status: 503 }));
  const full = await request('whip').catch((/** @type {unknown} */ error) => error);
  assert.ok(full instanceof Refusal);
  assert.deepEqual([full.status, full.final], [503, false]);
});

test('nobody there is an error in words, a stop stays a stop', async () => {
  serve(async () => { throw new TypeError('fetch failed'); });
  await assert.rejects(request('api/settings'), { message: 'The server does not answer.' });
  serve(async () => { throw new DOMException('stopped', 'AbortError'); });
  await assert.rejects(request('api/settings'), { name: 'AbortError' });
});

test('a value is sent as JSON', async () => {
  /** @type {unknown[]} */
  const sent = [];
  serve(async (url, options) => {
    sent.push([url, options?.method, options?.body, new Headers(options?.headers).get('content-type')]);
    return new Response('{}');
  });
  await sendJson('POST', 'api/network', { network: 'motif' });
  assert.deepEqual(sent, [['api/network', 'POST', '{"network":"motif"}', 'application/json']]);
});
