// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionUrl } from '../../web/signalling.js';

/**
 * @param {string} url
 * @param {string} [location]
 */
function answer(url, location) {
  const response = new Response('', location ? { headers: { Location: location } } : {});
  return Object.defineProperty(response, 'url', { value: url });
}

test('a session is below what was posted to, whatever path a proxy serves us under', () => {
  for (const [url, location, session] of [
    ['http://box:8765/whep', '/whep/a1-_', 'http://box:8765/whep/a1-_'],
    ['http://box:8765/whep?dream=main&width=1280', '/whep/a1', 'http://box:8765/whep/a1'],
    ['https://show.example.org/dream/whep', '/whep/a1', 'https://show.example.org/dream/whep/a1'],
    ['https://show.example.org/dream/whip', '/dream/whip/a1', 'https://show.example.org/dream/whip/a1'],
  ]) assert.equal(sessionUrl(answer(url, location)), session);
  assert.throws(() => sessionUrl(answer('http://box/whep')), /Location/);
});
