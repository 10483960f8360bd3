// @ts-check
// The marker in a frame's corner: its capture time as a block code, as hallucinate/outputs/marker.py draws it.

export const [COLUMNS, ROWS] = [8, 4];
export const CYCLE_MS = 65536;

const [WHITES, BLACKS] = [[0, COLUMNS * ROWS - 1], [1, COLUMNS * ROWS - 2]];
const [CHECK_BITS, POLYNOMIAL] = [12, 0x180f];
const CLEAR = 96; // by how much the whites are brighter than the blacks, at least

/**
 * Pixels along a cell's edge in a picture so wide.
 *
 * @param {number} width
 */
export function cellSize(width) {
  return Math.max(8, Math.floor(width / 80) * 2);
}

/**
 * The capture time in ms, modulo CYCLE_MS; null when there is no marker, or not a whole one.
 *
 * @param {ArrayLike<number>} data the marker's RGBA pixels, row by row
 * @param {number} size of a cell
 */
export function readMarker(data, size) {
  /** @type {number[]} */
  const levels = [];
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) levels.push(level(data, size, row, column));
  }
  const mean = (/** @type {number[]} */ cells) => cells.reduce((sum, cell) => sum + levels[cell], 0) / cells.length;
  const [white, black] = [mean(WHITES), mean(BLACKS)];
  if (!(white - black >= CLEAR)) return null;
  const code = levels.slice(2, -2).reduce((word, grey) => (word << 1) | Number(grey > (white + black) / 2), 0);
  const ms = code >> CHECK_BITS;
  return withCheck(ms) === code ? ms : null;
}

/**
 * The middle of a cell, 0 to 255: its edges run over into its neighbours.
 *
 * @param {ArrayLike<number>} data
 * @param {number} size
 * @param {number} row
 * @param {number} column
 */
function level(data, size, row, column) {
  const quarter = Math.floor(size / 4);
  let sum = 0;
  for (let y = quarter; y < size - quarter; y += 1) {
    for (let x = quarter; x < size - quarter; x += 1) {
      const at = 4 * ((row * size + y) * COLUMNS * size + column * size + x);
      sum += data[at] + data[at + 1] + data[at + 2];
    }
  }
  return sum / (3 * (size - 2 * quarter) ** 2);
}

/**
 * 16 bits → 28: the bits, then the remainder of their division by the polynomial.
 *
 * @param {number} ms
 */
function withCheck(ms) {
  let remainder = ms << CHECK_BITS;
  for (let bit = CHECK_BITS + 15; bit >= CHECK_BITS; bit -= 1) {
    if ((remainder >> bit) & 1) remainder ^= POLYNOMIAL << (bit - CHECK_BITS);
  }
  return (ms << CHECK_BITS) | remainder;
}
