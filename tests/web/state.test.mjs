// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notice, setState, state } from '../../web/state.js';
import { FakeClock } from './fake-clock.mjs';
import { fakePage } from './fake-page.mjs';

const IDS = ['state', 'panel', 'panel-words', 'start', 'notice', 'notice-words'];

test('the states that wait for a press show the panel and its button', (t) => {
  new FakeClock(t);
  const { elements } = fakePage(IDS);
  for (const name of /** @type {const} */ (['blocked', 'refused', 'stopped'])) {
    elements.start.focused = false;
    setState(name, 'In words.');
    assert.equal(state(), name);
    assert.deepEqual([elements.panel.hidden, elements.start.focused], [false, true], name);
    assert.deepEqual([elements.state.textContent, elements['panel-words'].textContent], ['In words.', 'In words.']);
  }
  for (const name of /** @type {const} */ (['connecting', 'live', 'retrying'])) {
    setState(name, 'In words.');
    assert.equal(elements.panel.hidden, true, name);
  }
});

test('a notice goes by itself, and a newer one stays its own time', async (t) => {
  const clock = new FakeClock(t);
  const { elements } = fakePage(IDS);
  notice('saved', 'Saved.');
  await clock.advance(11_000);
  notice('guide', 'Dreaming of this picture.');
  await clock.advance(11_000);
  assert.deepEqual([elements.notice.hidden, elements.notice.dataset.notice], [false, 'guide']);
  await clock.advance(1000);
  assert.deepEqual([elements.notice.hidden, elements['notice-words'].textContent], [true, '']);
});
