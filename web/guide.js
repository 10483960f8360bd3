// The guide picture: dropped, pasted or chosen on any page, dreamed of on all.

import { byId, make } from './dom.js';
import { ask } from './exchange.js';
import { weightRow } from './mix.js';
import { dismiss, notice } from './state.js';

const LONGEST_PX = 1024; // more than the network looks at
const QUALITY = 0.92;

export class Guide {
  row;
  element;
  #thumbnail = make('img', { alt: '', width: 44, height: 44 });
  #button = make('button', { type: 'button', class: 'quiet-button' });
  #showWeight;
  #patch;
  #now = null; // the mix as it stands
  #before = null; // and as it was when a picture took its place
  #there = null;

  /** `patch(changes)` sends changes of settings. */
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
    [this.row, this.#showWeight] = [row, show];
    // On a phone this offers the camera as well.
    const file = make('input', { type: 'file', accept: 'image/*', id: 'guide-file' });
    file.addEventListener('change', () => {
      this.take(file.files[0]);
      file.value = '';
    });
    this.#button.addEventListener('click', () => file.click());
    this.element = make('div', { class: 'buttons' }, make('label', { hidden: '' }, 'Guide picture', file), this.#button);
    this.is(false);
  }

  show({ motifs, layers, guide }) {
    this.#now = { motifs, layers, guide };
    this.#showWeight(guide);
  }

  /** Another network: what was asked for before is no longer to be had. */
  forget() { this.#before = null; }

  /** Whether the server has a guide picture. */
  is(there) {
    if (there === this.#there) return;
    this.#there = there;
    this.row.hidden = !there;
    this.#button.textContent = there ? 'Another picture to dream of …' : 'Dream of a picture …';
    if (there) this.look();
  }

  /** See again what the picture is: another page may have brought another. */
  look() {
    if (this.#there) this.#thumbnail.src = `api/guide?${Date.now()}`;
  }

  /** Hand a picture file in, and dream of it and nothing else. */
  async take(file) {
    if (!file) return;
    try {
      const body = await shrunk(file);
      await ask('api/guide', { method: 'PUT', body, headers: { 'Content-Type': body.type || 'application/octet-stream' } });
    } catch (error) {
      notice('guide', error.message);
      return;
    }
    this.is(true);
    this.look();
    const { motifs = {}, layers = {} } = this.#now ?? {};
    if (Object.keys({ ...motifs, ...layers }).length) this.#before = { motifs, layers };
    this.#patch({ guide: 1, motifs: {}, layers: {} });
    notice('guide', 'Dreaming of this picture.');
  }

  /** Away with it; where nothing else is asked for, what was before it comes back. */
  async remove() {
    try {
      await ask('api/guide', { method: 'DELETE' });
    } catch (error) {
      notice('guide', error.message);
      return;
    }
    dismiss();
    this.#button.focus({ focusVisible: false });
    this.is(false);
    const { motifs = {}, layers = {} } = this.#now ?? {};
    if (this.#before && !Object.keys({ ...motifs, ...layers }).length) this.#patch(this.#before);
    this.#before = null;
  }
}

/** A picture dropped anywhere on the page, or pasted; `take(file)` gets it. */
export function onPictures(take) {
  const files = ({ dataTransfer }) => dataTransfer?.types.includes('Files');
  const over = (on) => { byId('dropping').hidden = !on; };
  document.addEventListener('dragover', (event) => {
    if (!files(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    over(true);
  });
  document.addEventListener('dragleave', ({ relatedTarget }) => !relatedTarget && over(false));
  document.addEventListener('drop', (event) => {
    over(false);
    if (!files(event)) return;
    event.preventDefault(); // or the browser leaves for the file
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener('paste', ({ clipboardData }) => {
    const file = [...clipboardData.files].find(({ type }) => type.startsWith('image/'));
    if (file) take(file);
  });
}

/** The picture at the size that is looked at, upright, as a JPEG; a file that this browser cannot read as it is. */
async function shrunk(file) {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return file;
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve) => { canvas.toBlob((blob) => resolve(blob ?? file), 'image/jpeg', QUALITY); });
}
