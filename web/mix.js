// @ts-check
// What is dreamed of, all together: motifs, parts of layers, and a guide picture, each with its weight.

import { icon, make } from './elements.js';
import { range } from './fields.js';
import { NamePicker, displayName } from './name-picker.js';

/** @typedef {import('./control-channel.js').Weights} Weights */
/** @typedef {import('./control-channel.js').Settings} Settings */
/** @typedef {import('./guide-picture.js').GuidePicture} GuidePicture */

/**
 * The schema of a setting that maps names to weights; `families` are of the motifs, `channels` how many a layer has.
 *
 * @typedef {import('./fields.js').Knob & {
 *   propertyNames: {enum: string[]}, maxProperties?: number,
 *   families?: Record<string, string>, channels?: Record<string, number>,
 * }} NamesKnob
 */

/** @typedef {{motifs: NamesKnob, layers: NamesKnob}} MixKnobs */
/** @typedef {Pick<Settings, 'motifs' | 'layers' | 'guide'>} Objectives */

const WEIGHT = { type: 'number', minimum: 0, maximum: 1, step: 0.01 };
const MOST_PICTURES = 100; // beyond that nobody looks through them, and there are no pictures to show

let rows = 0;

/**
 * A weight in the mix: what it is of, a slider, and the button that takes it out.
 *
 * @param {object} options
 * @param {string} [options.id] of the slider
 * @param {(Node | string)[]} options.label
 * @param {string} options.name for people
 * @param {(weight: number) => void} options.onWeight
 * @param {() => void} options.onRemove
 */
export function weightRow({ id = `weight-${rows += 1}`, label, name, onWeight, onRemove }) {
  const { input, output, show } = range(id, WEIGHT, onWeight);
  const remove = make('button', { type: 'button', 'aria-label': `Remove ${name}` }, icon('close'));
  remove.addEventListener('click', onRemove);
  const row = make('div', { class: 'weight' }, make('label', { for: id, title: name }, ...label), input, output, remove);
  return { row, show };
}

export class Mix {
  names = ['motifs', 'layers', 'guide'];
  element;
  /** @type {Objectives} */
  #now = { motifs: {}, layers: {}, guide: 0 };
  /** @type {Map<string, ReturnType<typeof weightRow>>} */
  #rows = new Map();
  #weights = make('div', { class: 'weights', role: 'group', 'aria-label': 'What is dreamed of, and how much of each' });
  #nothing = make('p', { class: 'about' }, 'Nothing is chosen: this is the camera’s own picture.');
  #motifs;
  #layers;
  #unit;
  #guide;
  #onChange;

  /**
   * @param {MixKnobs} knobs
   * @param {GuidePicture} guide its row and its button
   * @param {(changes: Partial<Settings>) => void} onChange gets new settings
   */
  constructor(knobs, guide, onChange) {
    this.#guide = guide;
    this.#onChange = onChange;
    this.#unit = new UnitFields(knobs.layers.channels ?? {}, () => this.#draw());
    this.#motifs = this.#motifPicker(knobs.motifs);
    this.#layers = this.#layerPicker(knobs.layers);
    const { names, picker } = this.#layers;
    const layers = make('details', { class: 'layers' }, make('summary', {}, 'Layers'), this.#unit.element, picker.element);
    layers.hidden = !names.length;
    this.#weights.append(this.#nothing, guide.row);
    this.element = make('div', { class: 'field mix' }, this.#motifs.element, this.#weights, guide.element, layers);
  }

  /** @param {Objectives} objectives */
  show({ motifs, layers, guide }) {
    this.#now = { motifs, layers, guide };
    this.#draw();
  }

  /** @param {NamesKnob} spec */
  #motifPicker(spec) {
    const names = spec.propertyNames.enum;
    const pictures = names.length <= MOST_PICTURES ? (/** @type {string} */ name) => `motifs/${encodeURIComponent(name)}.jpg` : null;
    const help = names.length ? 'Tap one to dream of nothing else. Its + adds it to the mix.' : 'This network has no names for what it sees. Choose layers instead.';
    const options = { label: 'Motifs', word: 'motif', names, families: spec.families, pictures, most: spec.maxProperties, help };
    return new NamePicker('knob-motifs', options, {
      only: (name) => this.#choose({ motifs: { [name]: 1 }, layers: {}, guide: 0 }),
      toggle: (name) => this.#choose({ motifs: toggled(this.#now.motifs, name) }),
    });
  }

  /** @param {NamesKnob} spec */
  #layerPicker(spec) {
    const names = spec.propertyNames.enum;
    const help = 'More of whatever a layer sees: edges in the first layers, things in the last ones.';
    const picker = new NamePicker('knob-layers', { label: 'Layers', word: 'layer', names, most: spec.maxProperties, help }, {
      only: (layer) => this.#choose({ motifs: {}, layers: { [this.#unit.of(layer)]: 1 }, guide: 0 }),
      toggle: (layer) => this.#choose({ layers: toggled(this.#now.layers, this.#unit.of(layer)) }),
    });
    return { names, picker };
  }

  /** @param {Partial<Objectives>} changes */
  #choose(changes) {
    this.show({ ...this.#now, ...changes });
    this.#onChange(changes);
  }

  #draw() {
    const { motifs, layers, guide } = this.#now;
    this.#motifs.show(motifs);
    // The picker marks the layers of which the part that its fields say is in the mix.
    const marked = Object.entries(layers)
      .map(([unit, weight]) => ({ unit, layer: unit.split(':')[0], weight }))
      .filter(({ unit, layer }) => this.#unit.of(layer) === unit)
      .map(({ layer, weight }) => [layer, weight]);
    this.#layers.picker.show(Object.fromEntries(marked), Object.keys(layers).length);
    const entries = entriesOf({ motifs, layers });
    const keys = new Set(entries.map(({ key }) => key));
    for (const [key, { row }] of this.#rows) {
      if (!keys.has(key)) { row.remove(); this.#rows.delete(key); }
    }
    for (const { key, knob, name, weight } of entries) this.#row(key, knob, name).show(weight);
    this.#guide.show(this.#now);
    this.#nothing.hidden = entries.length > 0 || guide > 0;
  }

  /**
   * @param {string} key
   * @param {'motifs' | 'layers'} knob
   * @param {string} name
   */
  #row(key, knob, name) {
    const before = this.#rows.get(key);
    if (before) return before;
    const words = knob === 'layers' ? unitWords(name) : displayName(name);
    const made = weightRow({
      label: [words],
      name: words,
      onWeight: (weight) => {
        this.#now = { ...this.#now, [knob]: { ...this.#now[knob], [name]: weight } };
        this.#onChange({ [knob]: this.#now[knob] });
      },
      onRemove: () => this.#choose({ [knob]: toggled(this.#now[knob], name) }),
    });
    this.#guide.row.before(made.row);
    this.#rows.set(key, made);
    return made;
  }
}

/** Which part of a layer: all of it, one channel, or that channel's one neuron in the middle. */
class UnitFields {
  element;
  #channel = make('input', { type: 'number', id: 'unit-channel', min: 0, step: 1, inputmode: 'numeric', placeholder: 'all' });
  #centre = make('input', { type: 'checkbox', role: 'switch', id: 'unit-centre' });

  /**
   * @param {Record<string, number>} channels how many each layer has, where that is known
   * @param {() => void} onChange
   */
  constructor(channels, onChange) {
    const most = Math.max(...Object.values(channels));
    if (Number.isFinite(most)) this.#channel.max = String(most - 1);
    this.#channel.addEventListener('input', () => {
      this.#centre.disabled = this.#number() === null;
      onChange();
    });
    this.#centre.disabled = true;
    this.#centre.addEventListener('change', onChange);
    this.element = make('div', { class: 'unit' },
      make('label', { class: 'row', for: 'unit-channel' }, 'Channel', this.#channel),
      make('label', { class: 'row switch', for: 'unit-centre' }, 'Only in the middle', this.#centre));
  }

  /**
   * The setting's name for that part of this layer; a number that the layer has not is for the server to refuse.
   *
   * @param {string} layer
   */
  of(layer) {
    const number = this.#number();
    if (number === null) return layer;
    return `${layer}:${number}${this.#centre.checked ? '@centre' : ''}`;
  }

  #number() {
    const number = this.#channel.valueAsNumber;
    return Number.isInteger(number) && number >= 0 ? number : null;
  }
}

/**
 * What is in the mix, one by one.
 *
 * @param {Pick<Objectives, 'motifs' | 'layers'>} mix
 */
function entriesOf(mix) {
  return /** @type {const} */ (['motifs', 'layers']).flatMap((knob) => (
    Object.entries(mix[knob]).map(([name, weight]) => ({ key: `${knob} ${name}`, knob, name, weight }))));
}

/**
 * mixed4c:12@centre → mixed4c, channel 12, in the middle.
 *
 * @param {string} unit
 */
export function unitWords(unit) {
  const [, layer, channel, centre] = /^([^:]+)(?::(\d+)(@centre)?)?$/.exec(unit) ?? [null, unit];
  return [layer, channel && `channel ${channel}`, centre && 'in the middle'].filter(Boolean).join(', ');
}

/**
 * The mix with the name in it, or without it if it was.
 *
 * @param {Weights} mix
 * @param {string} name
 * @returns {Weights}
 */
export function toggled(mix, name) {
  const { [name]: weight, ...others } = mix;
  return weight === undefined ? { ...others, [name]: 1 } : others;
}
