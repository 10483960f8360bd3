// One control per knob, made from its part of the schema. Each is {element, show(value)}.

import { make } from './dom.js';

const POSITIONS = 100;

/** A slider, a switch or a list for the knob; null for a kind that is drawn elsewhere (the mix). */
export function fieldFor(name, spec, onInput) {
  if (spec.type === 'boolean') return toggle(name, spec, onInput);
  if (spec.enum) return choice(name, spec, onInput);
  if (spec.type === 'number' || spec.type === 'integer') return slider(name, spec, onInput);
  return null;
}

/**
 * How a slider's positions and a knob's values go together: step by step, or, where the range spans a
 * hundredfold (seconds from a blink to a minute), by equal ratios and two significant digits.
 */
export function scaleOf({ type, minimum, maximum, step = type === 'integer' ? 1 : (maximum - minimum) / 100 }) {
  if (minimum > 0 && maximum / minimum >= 100) {
    const ratio = Math.log(maximum / minimum);
    return {
      min: 0,
      max: POSITIONS,
      step: 1,
      position: (value) => Math.round((POSITIONS * Math.log(value / minimum)) / ratio),
      value: (position) => Number((minimum * Math.exp((ratio * position) / POSITIONS)).toPrecision(2)),
      text: (value) => String(Number(value.toPrecision(2))),
    };
  }
  const decimals = (String(step).split('.')[1] ?? '').length;
  const same = (value) => value;
  return { min: minimum, max: maximum, step, position: same, value: same, text: (value) => value.toFixed(decimals) };
}

/** A bare range input with its value in words beside it; used for knobs, weights and the brush. */
export function range(id, spec, onInput, attributes = {}) {
  const scale = scaleOf(spec);
  const { min, max, step } = scale;
  const input = make('input', { type: 'range', id, min, max, step, ...attributes });
  const output = make('output', { for: id, 'aria-live': 'off' }); // the slider says its value itself
  const say = (value) => {
    const text = withUnit(scale.text(value), spec.unit);
    output.textContent = text;
    input.setAttribute('aria-valuetext', text);
    input.style.setProperty('--filled', `${(100 * (input.value - input.min)) / (input.max - input.min)}%`);
  };
  input.addEventListener('input', () => {
    const value = scale.value(Number(input.value));
    say(value);
    onInput(value);
  });
  return { input, output, show: (value) => { input.value = scale.position(value); say(value); } };
}

function slider(name, spec, onInput) {
  const id = `knob-${name}`;
  const { input, output, show } = range(id, spec, onInput, { 'aria-describedby': `${id}-help` });
  const element = make('div', { class: 'field' },
    make('div', { class: 'row' }, make('label', { for: id }, labelOf(name, spec)), output),
    input, help(id, spec));
  return { element, show };
}

function toggle(name, spec, onInput) {
  const id = `knob-${name}`;
  const input = make('input', { type: 'checkbox', role: 'switch', id, 'aria-describedby': `${id}-help` });
  input.addEventListener('change', () => onInput(input.checked));
  const element = make('div', { class: 'field' },
    make('label', { class: 'row switch', for: id }, labelOf(name, spec), input), help(id, spec));
  return { element, show: (value) => { input.checked = value; } };
}

function choice(name, spec, onInput) {
  const id = `knob-${name}`;
  const options = spec.enum.map((value) => make('option', { value }, value || 'its own choice'));
  const select = make('select', { id, 'aria-describedby': `${id}-help` }, ...options);
  select.addEventListener('change', () => onInput(select.value));
  const element = make('div', { class: 'field' },
    make('div', { class: 'row' }, make('label', { for: id }, labelOf(name, spec)), select), help(id, spec));
  return { element, show: (value) => { select.value = value; } };
}

function help(id, spec) {
  return make('p', { id: `${id}-help`, class: 'about' }, spec.description ?? '');
}

function labelOf(name, spec) {
  return spec.label || spec.title || name;
}

function withUnit(text, unit = '') {
  if (unit === '×') return `× ${text}`;
  return unit ? `${text} ${unit}` : text;
}
