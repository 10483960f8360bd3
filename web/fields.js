// @ts-check
// One control per knob, made from its part of the schema. Each is {element, show(value)}.

import { make } from './elements.js';
import { sentence } from './http.js';

const POSITIONS = 100;

/**
 * One knob's part of the server's schema.
 *
 * @typedef {object} Knob
 * @property {string} [type]
 * @property {string[]} [enum]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [step]
 * @property {string} [unit]
 * @property {string} [label]
 * @property {string} [title]
 * @property {string} [description]
 * @property {string} [group]
 * @property {unknown} [default]
 */

/** @typedef {{type?: string, minimum: number, maximum: number, step?: number, unit?: string}} Range */

/**
 * @template T
 * @typedef {{element: HTMLElement, show: (value: T) => void}} Field
 */

/**
 * A slider, a switch or a list for the knob; null for a kind that is drawn elsewhere (the mix).
 *
 * @param {string} name
 * @param {Knob} spec
 * @param {(value: any) => void} onInput
 * @returns {Field<any> | null}
 */
export function fieldFor(name, spec, onInput) {
  if (spec.type === 'boolean') return toggle(name, spec, onInput);
  if (spec.enum) return choice(name, spec, spec.enum, onInput);
  if (spec.type === 'number' || spec.type === 'integer') return slider(name, spec, onInput);
  return null;
}

/**
 * How a slider's positions and a knob's values go together: step by step, or, where the range spans a
 * hundredfold (seconds from a blink to a minute), by equal ratios and two significant digits.
 *
 * @param {Range} range
 */
export function scaleOf({ type, minimum, maximum, step = type === 'integer' ? 1 : (maximum - minimum) / 100 }) {
  if (minimum > 0 && maximum / minimum >= 100) {
    const ratio = Math.log(maximum / minimum);
    return {
      min: 0,
      max: POSITIONS,
      step: 1,
      position: (/** @type {number} */ value) => Math.round((POSITIONS * Math.log(value / minimum)) / ratio),
      value: (/** @type {number} */ position) => (
        Number((minimum * Math.exp((ratio * position) / POSITIONS)).toPrecision(2))),
      text: (/** @type {number} */ value) => String(Number(value.toPrecision(2))),
    };
  }
  const decimals = (String(step).split('.')[1] ?? '').length;
  const same = (/** @type {number} */ value) => value;
  const text = (/** @type {number} */ value) => value.toFixed(decimals);
  return { min: minimum, max: maximum, step, position: same, value: same, text };
}

/**
 * A bare range input with its value in words beside it; used for knobs, weights and the brush.
 *
 * @param {string} id
 * @param {Range} spec
 * @param {(value: number) => void} onInput
 * @param {Record<string, string>} [attributes]
 */
export function range(id, spec, onInput, attributes = {}) {
  const scale = scaleOf(spec);
  const { min, max, step } = scale;
  const input = make('input', { type: 'range', id, min, max, step, ...attributes });
  const output = make('output', { for: id, 'aria-live': 'off' }); // the slider says its value itself
  const say = (/** @type {number} */ value) => {
    const text = withUnit(scale.text(value), spec.unit);
    output.textContent = text;
    input.setAttribute('aria-valuetext', text);
    input.style.setProperty('--filled', `${(100 * (Number(input.value) - min)) / (max - min)}%`);
  };
  input.addEventListener('input', () => {
    const value = scale.value(Number(input.value));
    say(value);
    onInput(value);
  });
  const show = (/** @type {number} */ value) => {
    input.value = String(scale.position(value));
    say(value);
  };
  return { input, output, show };
}

/**
 * @param {string} name
 * @param {Knob} spec
 * @param {(value: number) => void} onInput
 * @returns {Field<number>}
 */
function slider(name, spec, onInput) {
  const id = `knob-${name}`;
  const { input, output, show } = range(id, /** @type {Range} */ (spec), onInput, { 'aria-describedby': `${id}-help` });
  const element = make('div', { class: 'field' },
    make('div', { class: 'row' }, make('label', { for: id }, labelOf(name, spec)), output),
    input, help(id, spec));
  return { element, show };
}

/**
 * @param {string} name
 * @param {Knob} spec
 * @param {(value: boolean) => void} onInput
 * @returns {Field<boolean>}
 */
function toggle(name, spec, onInput) {
  const id = `knob-${name}`;
  const input = make('input', { type: 'checkbox', role: 'switch', id, 'aria-describedby': `${id}-help` });
  input.addEventListener('change', () => onInput(input.checked));
  const element = make('div', { class: 'field' },
    make('label', { class: 'row switch', for: id }, labelOf(name, spec), input), help(id, spec));
  return { element, show: (value) => { input.checked = value; } };
}

/**
 * @param {string} name
 * @param {Knob} spec
 * @param {string[]} values
 * @param {(value: string) => void} onInput
 * @returns {Field<string>}
 */
function choice(name, spec, values, onInput) {
  const id = `knob-${name}`;
  const options = values.map((value) => make('option', { value }, value || 'its own choice'));
  const select = make('select', { id, 'aria-describedby': `${id}-help` }, ...options);
  select.addEventListener('change', () => onInput(select.value));
  const element = make('div', { class: 'field' },
    make('div', { class: 'row' }, make('label', { for: id }, labelOf(name, spec)), select), help(id, spec));
  return { element, show: (value) => { select.value = value; } };
}

/**
 * What the knob does, in a sentence.
 *
 * @param {string} id
 * @param {Knob} spec
 */
export function help(id, spec) {
  return make('p', { id: `${id}-help`, class: 'about' }, spec.description ? sentence(spec.description) : '');
}

/**
 * @param {string} name
 * @param {Knob} spec
 */
function labelOf(name, spec) {
  return spec.label || spec.title || name;
}

/**
 * @param {string} text
 * @param {string} [unit]
 */
function withUnit(text, unit = '') {
  if (unit === '×') return `× ${text}`;
  return unit ? `${text} ${unit}` : text;
}
