// @ts-check
// Send: this device's camera goes up (WHIP), and comes back as a dream of its own.

import { endSession, negotiate, sessionUrl } from './signalling.js';

const WORDS = new Map([
  ['NotAllowedError', 'The camera was refused. Allow it beside the page’s address, then press again.'],
  ['NotFoundError', 'This device has no camera that the browser can see.'],
  ['NotReadableError', 'The camera is there but gives no picture. Is another program using it?'],
  ['OverconstrainedError', 'This device has no other camera.'],
]);

/** The camera cannot be had; the message says why and what to do. */
export class CameraRefused extends Error {}

/** @typedef {{width: number, height: number}} Size */

export class Camera {
  #stream;
  #size;
  /** @type {RTCRtpSender | null} */
  #sender = null;
  /** @type {RTCPeerConnection | null} */
  #peer = null;
  /** @type {string | null} */
  #session = null;
  /** @type {string | null} */
  #dream = null;

  /** Called when the camera itself ends: unplugged, or taken back in the browser. */
  onEnded = () => {};

  /** Called when the connection to the server is lost; the camera itself is still there. */
  onLost = () => {};

  /**
   * Open a camera, the one that looks at the person if there are two.
   *
   * @param {Size} size what the dream is displayed at
   */
  static async open(size) {
    return new Camera(await openStream({ facingMode: 'user' }, size), size);
  }

  /**
   * @param {MediaStream} stream
   * @param {Size} size
   */
  constructor(stream, size) {
    this.#size = size;
    this.#stream = stream;
    this.#listen();
  }

  get track() { return this.#stream.getVideoTracks()[0]; }

  /** People know themselves from mirrors; what is in front of a phone is not mirrored. */
  get mirrored() { return this.track.getSettings().facingMode !== 'environment'; }

  /** How many cameras this device has; a browser tells once it has opened one. */
  static async count() {
    return (await cameraIds()).length;
  }

  /** The other camera, into the same dream. Phones open one at a time, so the first is closed before. */
  async turn() {
    const { facingMode, deviceId } = this.track.getSettings();
    this.track.stop();
    const other = facingMode === 'user' ? 'environment' : 'user';
    const which = facingMode ? { facingMode: { exact: other } } : await cameraAfter(deviceId);
    this.#stream = await openStream(which, this.#size);
    this.#listen();
    await this.#sender?.replaceTrack(this.track);
  }

  /**
   * The id of this camera's dream, sending the camera up first when it is not already there.
   *
   * @param {AbortSignal} [signal]
   */
  async dream(signal) {
    if (this.#dream && this.#peer && !isGone(this.#peer)) return this.#dream;
    await this.hangUp();
    const peer = new RTCPeerConnection();
    this.#peer = peer;
    peer.addEventListener('connectionstatechange', () => peer === this.#peer && isGone(peer) && this.onLost());
    const { sender } = peer.addTransceiver(this.track, { direction: 'sendonly', streams: [this.#stream] });
    this.#sender = sender;
    const response = await negotiate(peer, 'whip', signal);
    this.#session = sessionUrl(response);
    this.#dream = response.headers.get('Hallucinate-Dream');
    await preferFrameRate(sender);
    return this.#dream;
  }

  /** End the sending, keep the camera: the next `dream()` sends afresh. */
  async hangUp() {
    const [peer, session] = [this.#peer, this.#session];
    [this.#peer, this.#sender, this.#session, this.#dream] = [null, null, null, null];
    if (session) await endSession(session);
    peer?.close();
  }

  /** End both; the camera's light goes out. */
  close() {
    this.track.stop();
    return this.hangUp();
  }

  #listen() {
    this.track.addEventListener('ended', () => this.onEnded());
  }
}

/** @param {RTCPeerConnection} peer */
function isGone(peer) {
  return ['failed', 'closed'].includes(peer.connectionState);
}

/**
 * @param {MediaTrackConstraints} which
 * @param {Size} size
 */
async function openStream(which, size) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CameraRefused('Browsers open a camera only for pages with an https address, or with a localhost address '
      + 'on the machine itself. Open this page at an https address to use this device’s camera.');
  }
  // As large as the dream that is displayed, but whole: without a resizeMode browsers crop what comes to the size.
  const longest = Math.max(size.width, size.height) || 640;
  /** @type {MediaTrackConstraints & {resizeMode: {ideal: string}}} */
  const video = {
    ...which,
    width: { ideal: longest },
    height: { ideal: Math.round((longest * 9) / 16) },
    resizeMode: { ideal: 'none' },
    frameRate: { ideal: 30 },
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    throw new CameraRefused(WORDS.get(name) ?? `The camera did not open: ${message}.`);
  }
}

async function cameraIds() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === 'videoinput').map(({ deviceId }) => deviceId);
}

/**
 * The camera that follows this one, where cameras do not say in which direction they look.
 *
 * @param {string | undefined} deviceId
 * @returns {Promise<MediaTrackConstraints>}
 */
async function cameraAfter(deviceId) {
  const ids = await cameraIds();
  return { deviceId: { exact: ids[(ids.indexOf(deviceId ?? '') + 1) % ids.length] } };
}

/**
 * When the connection up is narrow, rather coarser pictures than fewer: the dream lives on motion.
 *
 * @param {RTCRtpSender} sender
 */
async function preferFrameRate(sender) {
  /** @type {RTCRtpSendParameters} */
  const parameters = { ...sender.getParameters(), degradationPreference: 'maintain-framerate' };
  await sender.setParameters(parameters).catch(() => {}); // not every browser has it
}
