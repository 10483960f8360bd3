// @ts-check
// The guide picture: dropped, pasted or chosen on any page, dreamed of on all.

import { byId, focusQuietly, make } from './elements.js';
import { messageOf, request } from './http.js';
import { weightRow } from './mix.js';
import { dismiss, notice } from './state.js';

const LONGEST_PX = 1024; // more than the network looks at
const QUALITY = 0.92;

/** @typedef {import('./control-channel.js').Settings} Settings */
/** @typedef {import('./mix.js').Objectives} Objectives */

export class GuidePicture {
  row;
  element;
  #thumbnail = make('img', { alt: '', width: 44, height: 44 });
  #button = make('button', { type: 'button', class: 'quiet-button' });
  #showWeight;
  #patch;
  /** @type {Objectives | null} */
  #now = null; // the mix as it stands
  /** @type {Pick<Objectives, 'motifs' | 'layers'> | null} */
  #before = null; // and as it was when a picture took its place
  /** @type {boolean | null} */
  #there = null;

  /** @param {(changes: Partial<Settings>) => void} patch sends changes of settings */
  constructor(patch) {
    this.#patch = patch;
    const { row, show } = weightRow({
      id: 'knob-guide',
      label: [this.#thumbnail, make('span', {}, 'Picture')],
      name: 'the guide picture',
      onWeight: (guide) => this.#patch({ guide }),
      onRemove: () => this.remove(),
    });
    row.classList.add('guide');
    this.row = row;
    this.#showWeight = show;
    // On a phone this offers the camera as well.
    const file = make('input', { type: 'file', accept: 'image/*', id: 'guide-file' });
    file.addEventListener('change', () => {
      void this.take(file.files?.[0]);
      file.value = '';
    });
    this.#button.addEventListener('click', () => file.click());
    this.element = make('div', { class: 'buttons' }, make('label', { hidden: '' }, 'Guide picture', file), this.#button);
    this.setThere(false);
  }

  /** @param {Objectives} objectives */
  show({ motifs, layers, guide }) {
    this.#now = { motifs, layers, guide };
    this.#showWeight(guide);
  }

  /** Another network: what was dreamed of before is no longer to be had. */
  forget() { this.#before = null; }

  /**
   * Whether the server has a guide picture.
   *
   * @param {boolean} there
   */
  setThere(there) {
    if (there === this.#there) return;
    this.#there = there;
    this.row.hidden = !there;
    this.#button.textContent = there ? 'Another picture to dream of …' : 'Dream of a picture …';
    if (there) this.reload();
  }

  /** See again what the picture is: another page may have brought another. */
  reload() {
    if (this.#there) this.#thumbnail.src = `api/guide?${Date.now()}`;
  }

  /**
   * Send a picture file to the server, and dream of it and nothing else.
   *
   * @param {File | undefined} file
   */
  async take(file) {
    if (!file) return;
    try {
      const body = await shrunk(file);
      await request('api/guide', { method: 'PUT', body, headers: { 'Content-Type': body.type || 'application/octet-stream' } });
    } catch (error) {
      notice('guide', messageOf(error));
      return;
    }
    this.setThere(true);
    this.reload();
    const { motifs = {}, layers = {} } = this.#now ?? {};
    if (Object.keys({ ...motifs, ...layers }).length) this.#before = { motifs, layers };
    this.#patch({ guide: 1, motifs: {}, layers: {} });
    notice('guide', 'Dreaming of this picture.');
  }

  /** Remove it; where nothing else is chosen, what was there before it comes back. */
  async remove() {
    try {
      await request('api/guide', { method: 'DELETE' });
    } catch (error) {
      notice('guide', messageOf(error));
      return;
    }
    dismiss();
    focusQuietly(this.#button);
    this.setThere(false);
    const { motifs = {}, layers = {} } = this.#now ?? {};
    if (this.#before && !Object.keys({ ...motifs, ...layers }).length) this.#patch(this.#before);
    this.#before = null;
  }
}

/**
 * A picture dropped anywhere on the page, or pasted; `take(file)` gets it.
 *
 * @param {(file: File) => unknown} take
 */
export function onPictures(take) {
  const filesOf = (/** @type {DragEvent} */ { dataTransfer }) => (
    dataTransfer?.types.includes('Files') ? dataTransfer : null);
  const over = (/** @type {boolean} */ on) => { byId('dropping').hidden = !on; };
  document.addEventListener('dragover', (event) => {
    const files = filesOf(event);
    if (!files) return;
    event.preventDefault();
    files.dropEffect = 'copy';
    over(true);
  });
  document.addEventListener('dragleave', ({ relatedTarget }) => !relatedTarget && over(false));
  document.addEventListener('drop', (event) => {
    over(false);
    const files = filesOf(event);
    if (!files) return;
    event.preventDefault(); // or the browser opens the file instead of the page
    take(files.files[0]);
  });
  document.addEventListener('paste', ({ clipboardData }) => {
    const file = [...clipboardData?.files ?? []].find(({ type }) => type.startsWith('image/'));
    if (file) take(file);
  });
}

/**
 * The picture at the size that is looked at, upright, as a JPEG; a file that this browser cannot read as it is.
 *
 * @param {File} file
 * @returns {Promise<Blob>}
 */
async function shrunk(file) {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return file;
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve) => { canvas.toBlob((blob) => resolve(blob ?? file), 'image/jpeg', QUALITY); });
}
