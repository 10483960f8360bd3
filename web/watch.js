// @ts-check
// The page to watch: one picture, one control channel, one drawer, and what is pressed.

import { ControlChannel } from './control-channel.js';
import { Controls } from './controls.js';
import { Drawer } from './drawer.js';
import { byId, enabler } from './elements.js';
import { figuresLine, skippedFrames } from './figures.js';
import { GuidePicture, onPictures } from './guide-picture.js';
import { holdToCompare } from './hold-to-compare.js';
import { messageOf, request, sentence } from './http.js';
import { onKeys } from './keyboard.js';
import { Latency } from './latency.js';
import { Networks } from './networks.js';
import { Painter } from './paint.js';
import { Player, wasAccepted } from './player.js';
import { FullScreen, fitPicture, hideWhenIdle } from './screen.js';
import { dismiss, notice, setState, state } from './state.js';

const MOST_MEASURED_S = 600;

/**
 * What `GET /api/about` says; what this page reads of it is listed.
 *
 * @typedef {{source?: string, network?: string}} About
 */

/**
 * The control channel and the drawer: drawn afresh when a server comes (back) with other knobs or motifs.
 *
 * @param {Player} player
 * @param {number} measureFor seconds, or 0
 */
function connectControls(player, measureFor) {
  /** @type {About} */
  let about = {};
  let drawn = '';
  let noted = '';
  /** @type {number | null} */
  let skippedBefore = null;
  const enable = enabler(byId('controls', HTMLFieldSetElement));
  const channel = new ControlChannel({
    settings: (settings) => controls.show(settings),
    error: (words) => {
      notice('setting', sentence(words));
      controls.giveUp();
    },
    stats: (stats) => {
      const skipped = skippedFrames(stats);
      showFigures(player, stats, about, skipped - (skippedBefore ?? skipped));
      skippedBefore = skipped;
      const { loop } = stats;
      player.sourceSays(loop.status, loop.status_text);
      networks.show(loop.network);
      guide.setThere(loop.pictures.includes('guide'));
      painter.setThere(loop.pictures.includes('mask'));
      if (loop.notice && loop.notice !== noted) notice('engine', sentence(loop.notice));
      noted = loop.notice;
    },
    network: () => void draw(),
    link: (up) => {
      enable(up);
      if (up) void draw();
    },
  });
  /** The controls that this server, with this network, has. */
  const draw = async () => {
    void networks.update();
    try {
      let schema;
      [schema, about] = await Promise.all(['api/schema', 'api/about'].map(async (url) => (await request(url)).json()));
      const now = JSON.stringify(schema);
      if (now !== drawn) {
        guide.forget();
        controls.build(schema);
      }
      drawn = now;
      byId('drawer-open', HTMLButtonElement).disabled = false;
    } catch (error) {
      notice('controls', messageOf(error));
    }
  };
  const latency = new Latency(player, channel);
  const patch = (/** @type {Partial<import('./control-channel.js').Settings>} */ changes) => channel.patch(changes);
  const guide = new GuidePicture(patch);
  const painter = new Painter(player.video, patch);
  const networks = new Networks();
  const parts = { guide, painter, network: networks.element, latency: latency.element };
  const controls = new Controls(byId('controls'), patch, parts);
  if (!document.body.classList.contains('kiosk')) onPictures((file) => guide.take(file));
  byId('drawer-open').addEventListener('click', () => guide.reload());
  channel.open();
  if (measureFor) whenLive(() => latency.runByItself(measureFor));
}

/**
 * The quiet line. It changes each second and is no live region: nobody wants that read out.
 *
 * @param {Player} player
 * @param {import('./control-channel.js').Stats} stats
 * @param {About} about
 * @param {number} skipped frames since the stats before; fewer than none after a new start of the server
 */
function showFigures(player, stats, about, skipped) {
  const source = player.ownCamera ? '' : about.source;
  const line = () => figuresLine(stats, { fps: player.fps, skipped, source, network: about.network });
  byId('figures').textContent = state() === 'live' ? line() : '';
}

/** What needs a picture waits for one. */
function enableByState() {
  new MutationObserver(() => {
    const [playing, started] = [state() === 'live', ['live', 'retrying', 'connecting'].includes(state())];
    for (const id of ['compare', 'snapshot']) byId(id, HTMLButtonElement).disabled = !playing;
    for (const id of ['camera', 'turn']) byId(id, HTMLButtonElement).disabled = !started;
  }).observe(document.body, { attributeFilter: ['data-state'] });
}

/**
 * Once, when the picture plays.
 *
 * @param {() => unknown} act
 */
function whenLive(act) {
  const watching = new MutationObserver(() => {
    if (state() !== 'live') return;
    watching.disconnect();
    act();
  });
  watching.observe(document.body, { attributeFilter: ['data-state'] });
}

/** Not modal: Stop can be pressed beside it. */
function toggleHelp() {
  const help = byId('help', HTMLDialogElement);
  if (help.open) help.close();
  else help.show();
}

function main() {
  const params = new URLSearchParams(window.location.search);
  const kiosk = params.has('kiosk');
  document.body.classList.toggle('kiosk', kiosk);

  const video = byId('picture', HTMLVideoElement);
  const camera = byId('camera', HTMLButtonElement);
  const player = new Player(params.get('dream'));
  const drawer = new Drawer();
  const stop = () => !['idle', 'stopped'].includes(state()) && player.stop();
  const full = new FullScreen(stop);
  const compare = holdToCompare(video, byId('compare', HTMLButtonElement), (on) => player.compare(on));

  byId('start').addEventListener('click', () => player.start());
  byId('stop').addEventListener('click', stop);
  camera.addEventListener('click', () => player.toggleCamera());
  byId('turn').addEventListener('click', () => player.turnCamera());
  byId('snapshot').addEventListener('click', () => player.snapshot());
  byId('notice-close').addEventListener('click', dismiss);
  byId('help-open').addEventListener('click', toggleHelp);
  onKeys({
    Escape: () => (byId('help', HTMLDialogElement).open ? toggleHelp() : stop()),
    s: stop,
    c: compare,
    f: () => full.toggle(),
    ...(!kiosk && {
      m: () => drawer.toggle(),
      p: () => player.snapshot(),
      v: () => !camera.disabled && player.toggleCamera(),
      '?': toggleHelp,
    }),
  });
  window.addEventListener('pagehide', () => player.leave());
  window.addEventListener('pageshow', ({ persisted }) => persisted && state() !== 'stopped' && player.start());

  enableByState();
  hideWhenIdle();
  fitPicture(video);
  connectControls(player, Math.min(MOST_MEASURED_S, Number(params.get('measure')) || 0));
  // Who set up a kiosk has read the notice; so has who pressed reload.
  if (kiosk || wasAccepted()) player.start();
  else setState('idle', '');
}

main();
