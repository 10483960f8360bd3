// What the page is doing, by one name and in words. The style sheet draws by the name, people read the words.

import { byId } from './dom.js';

/** idle → connecting → live; retrying by itself; blocked, refused and stopped wait for a press. */
const BUTTONS = { idle: 'Start', blocked: 'Play', refused: 'Try again', stopped: 'Start again' };
const NOTICE_MS = 12_000;

let noticeTimer = null;

/** The one way to change the state. `words` go to the status line and, where a press is needed, to the panel. */
export function setState(name, words) {
  document.body.dataset.state = name;
  byId('state').textContent = words;
  const asks = name in BUTTONS;
  byId('panel').hidden = !asks;
  byId('panel-words').textContent = name === 'idle' ? '' : words;
  if (asks) {
    dismiss();
    byId('start').textContent = BUTTONS[name];
    byId('start').focus();
  }
}

export function state() {
  return document.body.dataset.state;
}

/** Say something that is not the state: what could not be done and the mend, or what was saved. */
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
