// The page: one picture, one control channel, one drawer, and the hands on them.

import { Drawer, FullScreen, fitPicture, hideWhenIdle } from './chrome.js';
import { Controls } from './controls.js';
import { byId, usable } from './dom.js';
import { ask, sentence } from './exchange.js';
import { Guide, onPictures } from './guide.js';
import { holdToCompare, onKeys } from './hands.js';
import { Latency } from './latency.js';
import { Live } from './live.js';
import { Networks } from './networks.js';
import { Painter } from './paint.js';
import { Player, wasAccepted } from './player.js';
import { dismiss, notice, setState, state } from './state.js';

const MOST_MEASURED_S = 600;

/** The control channel and the drawer: drawn afresh when a server comes (back) with other knobs or motifs. */
function connectControls(player, measureFor) {
  let about = {};
  let drawn = '';
  let noted = '';
  const use = usable(byId('controls'));
  const live = new Live({
    settings: (settings) => controls.show(settings),
    error: (words) => {
      notice('setting', sentence(words));
      controls.giveUp();
    },
    stats: (stats) => {
      showFigures(player, stats, about);
      const { loop } = stats;
      player.sourceSays(loop.status, loop.status_text);
      networks.show(loop.network);
      guide.is(loop.pictures.includes('guide'));
      painter.is(loop.pictures.includes('mask'));
      if (loop.notice && loop.notice !== noted) notice('engine', sentence(loop.notice));
      noted = loop.notice;
    },
    network: () => draw(),
    link: (up) => {
      use(up);
      if (up) draw();
    },
  });
  /** The controls that this server, with this network, has. */
  const draw = async () => {
    networks.look();
    try {
      let schema;
      [schema, about] = await Promise.all(['api/schema', 'api/about'].map(async (url) => (await ask(url)).json()));
      const now = JSON.stringify(schema);
      if (now !== drawn) {
        guide.forget();
        controls.build(schema);
      }
      drawn = now;
      byId('drawer-open').disabled = false;
    } catch (error) {
      notice('controls', error.message);
    }
  };
  const latency = new Latency(player, live);
  const patch = (changes) => live.patch(changes);
  const guide = new Guide(patch);
  const painter = new Painter(player.video, patch);
  const networks = new Networks();
  const parts = { guide, painter, network: networks.element, latency: latency.element };
  const controls = new Controls(byId('controls'), patch, parts);
  if (!document.body.classList.contains('kiosk')) onPictures((file) => guide.take(file));
  byId('drawer-open').addEventListener('click', () => guide.look());
  live.open();
  if (measureFor) whenLive(() => latency.runByItself(measureFor));
}

/** The quiet line. It changes each second and is no live region: nobody wants that read out. */
function showFigures(player, stats, about) {
  const rate = player.fps === null ? '' : `${Math.round(player.fps)} fps`;
  const age = stats.encoding.capture_to_packet_ms;
  const latency = age ? `${Math.round(age)} ms` : '';
  const source = player.ownCamera ? '' : about.source;
  const network = about.network ? `network ${about.network}` : '';
  byId('figures').textContent = state() === 'live' ? [rate, latency, source, network].filter(Boolean).join(' · ') : '';
}

/** What needs a picture waits for one. */
function enableByState() {
  new MutationObserver(() => {
    const [playing, started] = [state() === 'live', ['live', 'retrying', 'connecting'].includes(state())];
    for (const id of ['compare', 'snapshot']) byId(id).disabled = !playing;
    byId('camera').disabled = !started;
    byId('turn').disabled = !started;
  }).observe(document.body, { attributeFilter: ['data-state'] });
}

/** Once, when the picture plays. */
function whenLive(act) {
  const watching = new MutationObserver(() => {
    if (state() !== 'live') return;
    watching.disconnect();
    act();
  });
  watching.observe(document.body, { attributeFilter: ['data-state'] });
}

/** Not modal: Stop stays within reach. */
function toggleHelp() {
  const help = byId('help');
  if (help.open) help.close();
  else help.show();
}

function main() {
  const params = new URLSearchParams(window.location.search);
  const kiosk = params.has('kiosk');
  document.body.classList.toggle('kiosk', kiosk);

  const player = new Player(params.get('dream'));
  const drawer = new Drawer();
  const stop = () => !['idle', 'stopped'].includes(state()) && player.stop();
  const full = new FullScreen(stop);
  const compare = holdToCompare(byId('picture'), byId('compare'), (on) => player.compare(on));

  byId('start').addEventListener('click', () => player.start());
  byId('stop').addEventListener('click', stop);
  byId('camera').addEventListener('click', () => player.toggleCamera());
  byId('turn').addEventListener('click', () => player.turnCamera());
  byId('snapshot').addEventListener('click', () => player.snapshot());
  byId('notice-close').addEventListener('click', dismiss);
  byId('help-open').addEventListener('click', toggleHelp);
  onKeys({
    Escape: () => (byId('help').open ? toggleHelp() : stop()),
    s: stop,
    c: compare,
    f: () => full.toggle(),
    ...(!kiosk && {
      m: () => drawer.toggle(),
      p: () => player.snapshot(),
      v: () => !byId('camera').disabled && player.toggleCamera(),
      '?': toggleHelp,
    }),
  });
  window.addEventListener('pagehide', () => player.leave());
  window.addEventListener('pageshow', ({ persisted }) => persisted && state() !== 'stopped' && player.start());

  enableByState();
  hideWhenIdle();
  fitPicture(byId('picture'));
  connectControls(player, Math.min(MOST_MEASURED_S, Number(params.get('measure')) || 0));
  // Who set up a kiosk has read the notice; a reload was pressed by somebody who had.
  if (kiosk || wasAccepted()) player.start();
  else setState('idle', '');
}

main();
