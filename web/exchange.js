// One offer, one answer: what WHEP (watch) and WHIP (send) have in common.

const GATHER_S = 2;
const LEAVE_S = 2;

/** The server understood and said no; `status` is HTTP's, the message is its sentence for a person. */
export class Refusal extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }

  /** Asking again changes nothing until somebody does something. */
  get final() { return this.status === 401 || this.status === 403; }
}

/**
 * Offer the peer at `url` and take the answer. Returns the response: its Location is what DELETE frees.
 * Neither side trickles, so the offer goes out with its candidates in it.
 */
export async function exchange(peer, url, signal) {
  await peer.setLocalDescription();
  await gathered(peer);
  const response = await ask(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: peer.localDescription.sdp,
    signal,
  });
  try {
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    signal?.throwIfAborted();
  } catch (error) {
    leave(location(response));
    throw error;
  }
  return response;
}

/** `fetch`, with its failures in words: a Refusal for 4xx and 5xx, a plain Error when nobody answers. */
export async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The server does not answer.');
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Refusal(response.status, sentence(said.error ?? `the server answered ${response.status}`));
}

/** Where the session lives, as an absolute address. */
export function location(response) {
  return new URL(response.headers.get('Location'), response.url).href;
}

/**
 * Free a session; it also goes through while the page is being left. Told before the connection is closed,
 * for a server that sees that first has already forgotten the session.
 */
export function leave(url) {
  return fetch(url, { method: 'DELETE', keepalive: true, signal: AbortSignal.timeout(LEAVE_S * 1000) }).catch(() => {});
}

/** A server's one line as a sentence; a setting's name at its start stays as it is. */
export function sentence(words) {
  const text = /^\w+(_|:)/.test(words) ? words : words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function gathered(peer) {
  return new Promise((resolve) => {
    const check = () => peer.iceGatheringState === 'complete' && resolve();
    peer.addEventListener('icegatheringstatechange', check);
    setTimeout(resolve, GATHER_S * 1000); // with what there is by then
    check();
  });
}
