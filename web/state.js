// @ts-check
// What the page is doing, by one name and in words. The style sheet draws by the name, people read the words.

import { byId } from './elements.js';

/**
 * idle → connecting → live; retrying by itself; blocked, refused and stopped wait for a press.
 *
 * @typedef {'idle' | 'connecting' | 'live' | 'retrying' | 'blocked' | 'refused' | 'stopped'} State
 */

/** @type {Partial<Record<State, string>>} */
const BUTTONS = { idle: 'Start', blocked: 'Play', refused: 'Try again', stopped: 'Start again' };
const NOTICE_MS = 12_000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let noticeTimer;

/**
 * All changes of the state go through here. `words` go to the status line and, where a press is needed, to the panel.
 *
 * @param {State} name
 * @param {string} words
 */
export function setState(name, words) {
  document.body.dataset.state = name;
  byId('state').textContent = words;
  const button = BUTTONS[name];
  byId('panel').hidden = !button;
  byId('panel-words').textContent = name === 'idle' ? '' : words;
  if (button) {
    dismiss();
    byId('start').textContent = button;
    byId('start').focus();
  }
}

/** @returns {State} */
export function state() {
  return /** @type {State} */ (document.body.dataset.state);
}

/**
 * Say something that is not the state: what could not be done and the fix, or what was saved.
 *
 * @param {string} name
 * @param {string} words
 */
export function notice(name, words) {
  clearTimeout(noticeTimer);
  byId('notice').dataset.notice = name;
  byId('notice').hidden = false;
  byId('notice-words').textContent = words;
  noticeTimer = setTimeout(dismiss, NOTICE_MS);
}

export function dismiss() {
  byId('notice').hidden = true;
  byId('notice-words').textContent = '';
}
