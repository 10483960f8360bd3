// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignment, inWords, latencies, quantile, result } from '../../web/latency.js';
import { CYCLE_MS } from '../../web/marker.js';

// The server's clock is 1000 ms ahead; the second answer came quickly, the others were held up in one direction.
const EXCHANGES = [
  { sent: 0, received: 50, server: 1001 },
  { sent: 100, received: 104, server: 1103 },
  { sent: 200, received: 230, server: 1229 },
];

test('the quickest exchange aligns the clocks', () => {
  assert.deepEqual(alignment(EXCHANGES), { offset: 1001, error: 2 });
  assert.equal(alignment([]), null);
  for (const one of EXCHANGES) { // the error said is never less than the one made
    const found = alignment([one]);
    assert.ok(found && Math.abs(found.offset - 1000) <= found.error);
  }
});

test("latencies run on over the end of the marker's cycle", () => {
  const [captured, displayed] = [5 * CYCLE_MS + 65_500, 5 * CYCLE_MS + 65_600]; // 100 ms, with the cycle's end between
  const samples = [
    { displayed: displayed - 7000, captured: captured % CYCLE_MS },
    { displayed: displayed - 7000 - 103, captured: captured % CYCLE_MS }, // a clock's error may put it before
  ];
  assert.deepEqual(latencies(samples, 7000), [100, -3]);
});

test('a quantile is between its neighbours in proportion', () => {
  assert.deepEqual([0.5, 0.95].map((share) => quantile([30, 10, 20, 40], share)), [25, 38.5]);
  assert.equal(quantile([], 0.5), null);
});

test('a measurement has its figures, and its words for a person', () => {
  const samples = [10, 20, 30].map((ms) => ({ displayed: 1000 + ms, captured: 2001 }));
  const measured = result({ samples, unreadable: 2 }, EXCHANGES, 1.5);
  assert.deepEqual(measured, { seconds: 1.5, frames: 3, unreadable: 2, median_ms: 20, p95_ms: 29, clock_error_ms: 2 });
  assert.match(inWords(measured, 'Capture'), /^Capture to screen: median 20 ms, 95 % within 29 ms\. 3 frames/);

  const clockless = result({ samples, unreadable: 0 }, [], 1.5);
  assert.deepEqual([clockless.frames, clockless.median_ms, clockless.clock_error_ms], [0, null, null]);
  assert.match(inWords(clockless, 'Capture'), /clock did not answer/);
  const blank = result({ samples: [], unreadable: 7 }, EXCHANGES, 1.5);
  assert.match(inWords(blank, 'Capture'), /7 frames/);
});
