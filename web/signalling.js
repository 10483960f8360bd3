// @ts-check
// One offer, one answer: what WHEP (watch) and WHIP (send) have in common.

import { request } from './http.js';

const GATHER_S = 2;
const END_S = 2;

/**
 * Offer the peer at `url` and take the answer. Returns the response: its Location is what DELETE frees.
 * Neither side trickles, so the offer goes out with its candidates in it.
 *
 * @param {RTCPeerConnection} peer
 * @param {string} url
 * @param {AbortSignal} [signal]
 */
export async function negotiate(peer, url, signal) {
  await peer.setLocalDescription();
  await gathered(peer);
  const response = await request(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: peer.localDescription?.sdp,
    signal,
  });
  try {
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    signal?.throwIfAborted();
  } catch (error) {
    void endSession(sessionUrl(response));
    throw error;
  }
  return response;
}

/**
 * Where the session can be ended, as an absolute address.
 *
 * @param {Response} response
 */
export function sessionUrl(response) {
  const location = response.headers.get('Location');
  if (!location) throw new Error('The server answered without a Location; is it an older one?');
  // Below what was posted to, as a proxy may serve the pages under a path that the server does not know.
  const { origin, pathname } = new URL(response.url);
  return `${origin}${pathname}/${location.split('/').pop()}`;
}

/**
 * Free a session; it also goes through while the page is being closed. Sent before the connection is closed,
 * for a server that sees that first has already forgotten the session.
 *
 * @param {string} url
 */
export async function endSession(url) {
  const options = { method: 'DELETE', keepalive: true, signal: AbortSignal.timeout(END_S * 1000) };
  await fetch(url, options).catch(() => {}); // a server that is gone has freed it
}

/** @param {RTCPeerConnection} peer */
function gathered(peer) {
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    const check = () => peer.iceGatheringState === 'complete' && resolve();
    peer.addEventListener('icegatheringstatechange', check);
    setTimeout(resolve, GATHER_S * 1000); // with what there is by then
    check();
  }));
}
