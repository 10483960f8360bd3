// @ts-check
// Requests to the server, with their failures in words.

/** The server understood and refused; `status` is HTTP's, the message is its sentence for a person. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} words
   */
  constructor(status, words) {
    super(words);
    this.status = status;
  }

  /** Another try changes nothing until somebody does something. */
  get final() { return this.status === 401 || this.status === 403; }
}

/**
 * `fetch`, with its failures in words: a Refusal for 4xx and 5xx, a plain Error when nobody answers.
 *
 * @param {string} url
 * @param {RequestInit} [options]
 */
export async function request(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Error('The server does not answer.');
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new Refusal(response.status, sentence(body.error ?? `the server answered ${response.status}`));
}

/**
 * Send a value as JSON.
 *
 * @param {string} method
 * @param {string} url
 * @param {unknown} value
 */
export function sendJson(method, url, value) {
  return request(url, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
}

/**
 * A server's one line as a sentence; a setting's name at its start stays as it is.
 *
 * @param {string} words
 */
export function sentence(words) {
  const text = /^\w+(_|:)/.test(words) ? words : words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/**
 * What went wrong, for a person.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
