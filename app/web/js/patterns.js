// Numbers to fill a tensor with. Each pattern gives the value at (row, column) of one plane, from its
// place and size alone, so that a plane keeps its numbers while it grows.

const binomial = (n) => Array.from({ length: n }, (_, k) => {
  let value = 1;
  for (let i = 0; i < k; i += 1) value = (value * (n - 1 - i)) / (i + 1);
  return Math.round(value);
});

/** Whole numbers without a visible order; the same for the same place and seed. */
function scramble(seed, ...place) {
  let x = 0x9e3779b9 ^ Math.imul(seed, 0x85ebca6b);
  for (const part of place) {
    x = Math.imul(x ^ (part + 0x7f4a7c15), 0x2c1b3c6d);
    x ^= x >>> 15;
    x = Math.imul(x, 0x297a2d39);
    x ^= x >>> 13;
  }
  return x >>> 0;
}

// A smiling face, 8 by 8.
const FACE = [0x3c, 0x42, 0xa5, 0x81, 0xa5, 0x99, 0x42, 0x3c];

const middle = (index, length) => index === Math.floor((length - 1) / 2);

/** First differences of what binomial weights smooth: -1 0 1 for three, -1 1 for two. */
function slope(length) {
  if (length === 1) return [1];
  if (length === 2) return [-1, 1];
  const smooth = [0, 0, ...binomial(length - 2), 0, 0];
  return Array.from({ length }, (_, i) => smooth[i] - smooth[i + 2]);
}

function tent(length) {
  const factor = Math.ceil(length / 2);
  const centre = (2 * factor - 1 - (factor % 2)) / (2 * factor);
  return Array.from({ length }, (_, i) => 1 - Math.abs(i / factor - centre));
}

const outer = (rows, columns) => (r, c) => rows[r] * columns[c];
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** pattern → ({rows, columns, plane, seed, same}) → (row, column) → value. `same`: input channel = output channel. */
export const INPUT_PATTERNS = {
  ramp: ({ rows, columns, plane }) => (r, c) => 1 + c + columns * (r + rows * plane),
  ones: () => () => 1,
  random: ({ plane, seed }) => (r, c) => scramble(seed, plane, r, c) % 10,
  picture: ({ rows, columns }) => (r, c) => {
    const y = Math.floor(((r + 0.5) * 8) / rows);
    const x = Math.floor(((c + 0.5) * 8) / columns);
    return rows === 1 ? (x > 2 && x < 6 ? 9 : 0) : (FACE[y] >> (7 - x)) & 1 ? 9 : 0;
  },
  impulse: ({ rows, columns }) => (r, c) => Number(middle(r, rows) && middle(c, columns)),
};

export const KERNEL_PATTERNS = {
  ramp: ({ rows, columns, plane }) => (r, c) => 1 + c + columns * (r + rows * plane),
  ones: () => () => 1,
  random: ({ plane, seed }) => (r, c) => (scramble(seed + 101, plane, r, c) % 7) - 3,
  identity: ({ rows, columns, same }) => (r, c) => Number(same && middle(r, rows) && middle(c, columns)),
  blur: ({ rows, columns }) => {
    const [down, across] = [binomial(rows), binomial(columns)];
    const whole = sum(down) * sum(across);
    return (r, c) => (down[r] * across[c]) / whole;
  },
  sobel: ({ rows, columns }) => outer(binomial(rows), slope(columns)),
  bilinear: ({ rows, columns }) => outer(tent(rows), tent(columns)),
};

/** Planes of numbers: `count` of rows × columns. `sameAt(plane)` tells where input and output channel are one. */
export function filled(pattern, { count, rows, columns, seed, sameAt = () => true }) {
  return Array.from({ length: count }, (_, plane) => {
    const value = pattern({ rows, columns, plane, seed, same: sameAt(plane) });
    return Array.from({ length: rows }, (_r, r) => Array.from({ length: columns }, (_c, c) => value(r, c)));
  });
}
