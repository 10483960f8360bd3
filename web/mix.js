// What is asked for, all together: motifs, parts of layers, and a guide picture, each with its weight.

import { Chooser, said } from './chooser.js';
import { icon, make } from './dom.js';
import { range } from './fields.js';

const WEIGHT = { type: 'number', minimum: 0, maximum: 1, step: 0.01 };
const MOST_PICTURES = 100; // beyond that nobody looks through them, and there are none to show

let rows = 0;

/** A weight in the mix: what it is of, a slider, and the button that takes it out. */
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
  #now = { motifs: {}, layers: {}, guide: 0 };
  #rows = new Map();
  #weights = make('div', { class: 'weights', role: 'group', 'aria-label': 'What is dreamed of, and how much of each' });
  #nothing = make('p', { class: 'about' }, 'Nothing is asked for: this is the camera’s own picture.');
  #motifs;
  #layers;
  #unit;
  #guide;
  #onChange;

  /** `knobs` are the schema's; `guide` is the guide picture's row and button. `onChange(changes)` gets new settings. */
  constructor(knobs, guide, onChange) {
    [this.#guide, this.#onChange] = [guide, onChange];
    this.#unit = new UnitFields(knobs.layers.channels ?? {}, () => this.#draw());
    this.#motifs = this.#motifChooser(knobs.motifs);
    this.#layers = this.#layerChooser(knobs.layers);
    const { names } = this.#layers;
    const layers = make('details', { class: 'layers' }, make('summary', {}, 'Layers'), this.#unit.element, this.#layers.chooser.element);
    layers.hidden = !names.length;
    this.#weights.append(this.#nothing, guide.row);
    this.element = make('div', { class: 'field mix' }, this.#motifs.element, this.#weights, guide.element, layers);
  }

  show({ motifs, layers, guide }) {
    this.#now = { motifs, layers, guide };
    this.#draw();
  }

  #motifChooser(spec) {
    const names = spec.propertyNames.enum;
    const pictures = names.length <= MOST_PICTURES ? (name) => `motifs/${encodeURIComponent(name)}.jpg` : null;
    const help = names.length ? 'Tap one to dream of nothing else; + adds it to the mix.' : 'This network has no names for what it sees; ask for layers.';
    const options = { label: 'Motifs', word: 'motif', names, families: spec.families, pictures, most: spec.maxProperties, help };
    return new Chooser('knob-motifs', options, {
      only: (name) => this.#choose({ motifs: { [name]: 1 }, layers: {}, guide: 0 }),
      toggle: (name) => this.#choose({ motifs: toggled(this.#now.motifs, name) }),
    });
  }

  #layerChooser(spec) {
    const names = spec.propertyNames.enum;
    const help = 'Whatever a layer sees, more of it: edges in the first ones, things in the last.';
    const chooser = new Chooser('knob-layers', { label: 'Layers', word: 'layer', names, most: spec.maxProperties, help }, {
      only: (layer) => this.#choose({ motifs: {}, layers: { [this.#unit.of(layer)]: 1 }, guide: 0 }),
      toggle: (layer) => this.#choose({ layers: toggled(this.#now.layers, this.#unit.of(layer)) }),
    });
    return { names, chooser };
  }

  #choose(changes) {
    this.show({ ...this.#now, ...changes });
    this.#onChange(changes);
  }

  #draw() {
    const { motifs, layers, guide } = this.#now;
    this.#motifs.show(motifs);
    const asked = ([entry]) => this.#unit.of(entry.split(':')[0]) === entry;
    const chosen = Object.entries(layers).filter(asked).map(([entry, weight]) => [entry.split(':')[0], weight]);
    this.#layers.chooser.show(Object.fromEntries(chosen), Object.keys(layers).length);
    const wanted = new Map();
    for (const [knob, mix] of [['motifs', motifs], ['layers', layers]]) {
      for (const [name, weight] of Object.entries(mix)) wanted.set(`${knob} ${name}`, { knob, name, weight });
    }
    for (const [key, { row }] of this.#rows) {
      if (!wanted.has(key)) { row.remove(); this.#rows.delete(key); }
    }
    for (const [key, { knob, name, weight }] of wanted) this.#row(key, knob, name).show(weight);
    this.#guide.show(this.#now);
    this.#nothing.hidden = wanted.size > 0 || guide > 0;
  }

  #row(key, knob, name) {
    if (this.#rows.has(key)) return this.#rows.get(key);
    const words = knob === 'layers' ? unitWords(name) : said(name);
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
  #channels;
  #channel = make('input', { type: 'number', id: 'unit-channel', min: 0, step: 1, inputmode: 'numeric', placeholder: 'all' });
  #centre = make('input', { type: 'checkbox', role: 'switch', id: 'unit-centre' });

  /** `channels` is how many each layer has, where that is known. */
  constructor(channels, onChange) {
    this.#channels = channels;
    const most = Math.max(...Object.values(channels));
    if (Number.isFinite(most)) this.#channel.max = most - 1;
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

  /** The setting's name for that part of this layer; a number that the layer has not is for the server to refuse. */
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

/** mixed4c:12@centre → mixed4c, channel 12, in the middle. */
function unitWords(entry) {
  const [, layer, channel, centre] = /^([^:]+)(?::(\d+)(@centre)?)?$/.exec(entry);
  return [layer, channel && `channel ${channel}`, centre && 'in the middle'].filter(Boolean).join(', ');
}

/** The mix with the name in it, or without it if it was. */
function toggled(mix, name) {
  const { [name]: had, ...rest } = mix;
  return had === undefined ? { ...rest, [name]: 1 } : rest;
}
