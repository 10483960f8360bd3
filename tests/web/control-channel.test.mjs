// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlChannel } from '../../web/control-channel.js';
import { FakeClock } from './fake-clock.mjs';
import { fakePage } from './fake-page.mjs';

/** A server at the other end of every WebSocket: what came to it, and what it sends. */
class ScriptedSocket extends EventTarget {
  static OPEN = 1;
  /** @type {ScriptedSocket[]} */
  static made = [];
  readyState = 0;
  /** @type {any[]} */
  received = [];

  /** @param {URL} url */
  constructor(url) {
    super();
    this.url = String(url);
    ScriptedSocket.made.push(this);
  }

  accept() {
    this.readyState = ScriptedSocket.OPEN;
    this.dispatchEvent(new Event('open'));
  }

  /** @param {string} text */
  send(text) { this.received.push(JSON.parse(text)); }

  /** @param {unknown} message */
  says(message) {
    this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(message) }));
  }

  close() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
}

/** @param {import('node:test').TestContext} t */
function opened(t) {
  const clock = new FakeClock(t);
  fakePage([]);
  Object.assign(globalThis, { WebSocket: ScriptedSocket });
  ScriptedSocket.made = [];
  /** @type {unknown[]} */
  const heard = [];
  const channel = new ControlChannel({
    settings: (settings) => heard.push(['settings', settings]),
    stats: (stats) => heard.push(['stats', stats]),
    network: () => heard.push(['network']),
    error: (words) => heard.push(['error', words]),
    link: (up) => heard.push(['link', up]),
  });
  channel.open();
  const [socket] = ScriptedSocket.made;
  socket.accept();
  return { clock, channel, socket, heard };
}

test('each message of the server goes to whom it is for', (t) => {
  const { socket, heard } = opened(t);
  assert.equal(socket.url, 'ws://dream.test/api/live');
  socket.says({ type: 'settings', settings: { strength: 0.5 } });
  socket.says({ type: 'stats', stats: { notice: '' } });
  socket.says({ type: 'network', network: 'motif' });
  socket.says({ type: 'error', error: 'strength: at most 1' });
  socket.says({ type: 'of a newer server' });
  assert.deepEqual(heard, [
    ['link', true],
    ['settings', { strength: 0.5 }],
    ['stats', { notice: '' }],
    ['network'],
    ['error', 'strength: at most 1'],
  ]);
});

test('a dragged slider sends its first value at once, and then its newest now and then', async (t) => {
  const { clock, channel, socket } = opened(t);
  for (const strength of [0.1, 0.2, 0.3]) channel.patch({ strength });
  channel.patch({ guide: 1 });
  assert.deepEqual(socket.received.map(({ changes }) => changes), [{ strength: 0.1 }]);
  await clock.advance(50);
  assert.deepEqual(socket.received.at(-1).changes, { strength: 0.3, guide: 1 });
  await clock.advance(1000);
  assert.equal(socket.received.length, 2);
  assert.deepEqual(socket.received.map(({ type }) => type), ['patch', 'patch']);
});

test('a connection that is lost comes back, at longer and longer intervals', async (t) => {
  const { clock, heard } = opened(t);
  const { made } = ScriptedSocket;
  made[0].close();
  assert.deepEqual(heard, [['link', true], ['link', false]]);
  for (const [ms, count] of [[499, 1], [1, 2]]) {
    await clock.advance(ms);
    assert.equal(made.length, count);
  }
  made[1].close(); // it was never accepted
  for (const [ms, count] of [[999, 2], [1, 3]]) {
    await clock.advance(ms);
    assert.equal(made.length, count);
  }
  made[2].accept();
  made[2].close(); // once it was accepted, the first wait is short again
  await clock.advance(500);
  assert.equal(made.length, 4);
});

test('a silent server is replaced by a new connection, and what it says later is not heard', async (t) => {
  const { clock, socket, heard } = opened(t);
  await clock.advance(5900);
  socket.says({ type: 'settings', settings: {} });
  await clock.advance(5900);
  assert.equal(socket.readyState, 1);
  await clock.advance(100);
  assert.equal(socket.readyState, 3);
  const before = heard.length;
  socket.says({ type: 'settings', settings: { strength: 0.9 } });
  assert.equal(heard.length, before);
});

test('what was moved before a gap is not sent after it', async (t) => {
  const { clock, channel, socket } = opened(t);
  channel.patch({ strength: 0.1 });
  channel.patch({ strength: 0.2 });
  socket.close();
  await clock.advance(500);
  ScriptedSocket.made[1].accept();
  channel.patch({ guide: 1 });
  await clock.advance(1000);
  assert.deepEqual(ScriptedSocket.made[1].received.map(({ changes }) => changes), [{ guide: 1 }]);
});

test('a ping pairs the clocks; without an answer, or a connection, there is no exchange', async (t) => {
  const { clock, channel, socket } = opened(t);
  const exchange = channel.ping();
  await clock.advance(30);
  const { type, id } = socket.received[0];
  assert.equal(type, 'ping');
  socket.says({ type: 'pong', id: id + 1, now_ms: 1 }); // of another ping
  socket.says({ type: 'pong', id, now_ms: 9000 });
  assert.deepEqual(await exchange, { sent: 0, received: 30, server: 9000 });

  const unanswered = channel.ping();
  await clock.advance(1000);
  assert.equal(await unanswered, null);
  socket.close();
  assert.equal(await channel.ping(), null);
});
