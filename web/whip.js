// Send: this device's camera goes up (WHIP), and comes back as a dream of its own.

import { exchange, leave, location } from './exchange.js';

const WORDS = {
  NotAllowedError: 'The camera was refused. Allow it beside the page’s address, then press again.',
  NotFoundError: 'This device has no camera that the browser can see.',
  NotReadableError: 'The camera is there but gives no picture; is another program using it?',
  OverconstrainedError: 'This device has no other camera.',
};

/** The camera cannot be had; the message says why and what to do. */
export class CameraRefused extends Error {}

export class Camera {
  #stream;
  #size;
  #sender = null;
  #peer = null;
  #location = null;
  #dream = null;

  /** Called when the camera itself ends: unplugged, or taken back in the browser. */
  onEnded = () => {};

  /** Called when the way to the server is lost; the camera itself is still there. */
  onLost = () => {};

  /** Ask for a camera, the one that looks at the person if there are two; `size` is what the dream is shown at. */
  static async open(size) {
    return new Camera(await lend({ facingMode: 'user' }, size), size);
  }

  constructor(stream, size) {
    this.#size = size;
    this.#take(stream);
  }

  get track() { return this.#stream.getVideoTracks()[0]; }

  /** People know themselves from mirrors; what lies in front of a phone is not mirrored. */
  get mirrored() { return this.track.getSettings().facingMode !== 'environment'; }

  /** How many cameras this device has; a browser tells once it has lent one. */
  static async count() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({ kind }) => kind === 'videoinput').length;
  }

  /** The other camera, into the same dream. Phones open one at a time, so the first is given back before. */
  async turn() {
    const { facingMode, deviceId } = this.track.getSettings();
    this.track.stop();
    const other = facingMode === 'user' ? 'environment' : 'user';
    this.#take(await lend(facingMode ? { facingMode: { exact: other } } : await after(deviceId), this.#size));
    await this.#sender?.replaceTrack(this.track);
  }

  /** The id of this camera's dream, sending the camera up first when it is not already there. */
  async dream(signal) {
    if (this.#dream && !isGone(this.#peer)) return this.#dream;
    await this.hangUp();
    const peer = new RTCPeerConnection();
    this.#peer = peer;
    peer.addEventListener('connectionstatechange', () => peer === this.#peer && isGone(peer) && this.onLost());
    this.#sender = peer.addTransceiver(this.track, { direction: 'sendonly', streams: [this.#stream] }).sender;
    const response = await exchange(peer, 'whip', signal);
    this.#location = location(response);
    this.#dream = response.headers.get('Hallucinate-Dream');
    await fluent(this.#sender);
    return this.#dream;
  }

  /** End the sending, keep the camera: the next `dream()` sends afresh. */
  async hangUp() {
    const [peer, address] = [this.#peer, this.#location];
    [this.#peer, this.#sender, this.#location, this.#dream] = [null, null, null, null];
    if (address) await leave(address);
    peer?.close();
  }

  /** End both; the camera's light goes out. */
  close() {
    this.track.stop();
    return this.hangUp();
  }

  #take(stream) {
    this.#stream = stream;
    this.track.addEventListener('ended', () => this.onEnded());
  }
}

function isGone(peer) {
  return ['failed', 'closed'].includes(peer.connectionState);
}

async function lend(which, size) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CameraRefused('Browsers lend a camera only to pages opened over https, or as localhost on the '
      + 'machine itself. Open this page at an https address to use this device’s camera.');
  }
  const video = {
    ...which,
    width: { ideal: size.width || 640 },
    height: { ideal: size.height || 360 },
    frameRate: { ideal: 30 },
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new CameraRefused(WORDS[error.name] ?? `The camera did not open: ${error.message}`);
  }
}

/** The camera that follows this one, where cameras do not say which way they face. */
async function after(deviceId) {
  const ids = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput').map((device) => device.deviceId);
  return { deviceId: { exact: ids[(ids.indexOf(deviceId) + 1) % ids.length] } };
}

/** When the way up is narrow, rather coarser pictures than fewer: the dream lives on motion. */
async function fluent(sender) {
  const parameters = sender.getParameters();
  parameters.degradationPreference = 'maintain-framerate';
  await sender.setParameters(parameters).catch(() => {}); // not every browser has it
}
