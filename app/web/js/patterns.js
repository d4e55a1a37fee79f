// Numbers to fill a tensor with, from a place and size alone, so that a plane keeps its numbers while it grows.

import { range } from "./numbers.js";

export function pascal(n) {
	const row = [1];
	for (let k = 1; k < n; k += 1) row.push((row[k - 1] * (n - k)) / k);
	return row;
}

/** A shorter row of Pascal's triangle, weighted: with -1 0 1 it is the slope of what the row smooths. */
export const line = (n, weights) => range(n, (k) => weights.reduce((sum, w, j) => sum + w * (pascal(n - 2)[k - j] ?? 0), 0));
export const slope = (n) => (n > 2 ? line(n, [-1, 0, 1]) : [[1], [-1, 1]][n - 1]);

export const grid = (rows, columns, value) => range(rows, (r) => range(columns, (c) => value(r, c)));

/** Whole numbers without a visible order; the same for the same place and seed. */
const scramble = (...place) => place.reduce((x, part) => {
	const mixed = Math.imul(x ^ (part + 0x7f4a7c15), 0x2c1b3c6d);
	return Math.imul(mixed ^ (mixed >>> 15), 0x297a2d39);
}, 0x9e3779b9) >>> 8;

const FACE = [0x3c, 0x42, 0xa5, 0x81, 0xa5, 0x99, 0x42, 0x3c];

const middle = (index, length) => index === Math.floor((length - 1) / 2);

function tent(length) {
	const factor = Math.ceil(length / 2);
	const centre = (2 * factor - 1 - (factor % 2)) / (2 * factor);
	return range(length, (i) => 1 - Math.abs(i / factor - centre));
}

const outer = (rows, columns, whole = 1) => (r, c) => (rows[r] * columns[c]) / whole;

// ({rows, columns, plane, seed, same}) → (row, column) → value. `same`: input channel = output channel.
const ramp = ({ rows, columns, plane }) => (r, c) => 1 + c + columns * (r + rows * plane);
const ones = () => () => 1;
const impulse = ({ rows, columns, same }) => (r, c) => Number(same && middle(r, rows) && middle(c, columns));

export const PATTERNS = {
	input: {
		ramp, ones,
		random: ({ plane, seed }) => (r, c) => scramble(seed, plane, r, c) % 10,
		picture: ({ rows, columns }) => (r, c) => {
			const [y, x] = [((r + 0.5) * 8) / rows, ((c + 0.5) * 8) / columns].map(Math.floor);
			return rows === 1 ? (x > 2 && x < 6 ? 9 : 0) : (FACE[y] >> (7 - x)) & 1 ? 9 : 0;
		},
		impulse,
	},
	weights: {
		ramp, ones,
		random: ({ plane, seed }) => (r, c) => (scramble(seed + 101, plane, r, c) % 7) - 3,
		identity: impulse,
		blur: ({ rows, columns }) => outer(pascal(rows), pascal(columns), 2 ** (rows + columns - 2)),
		sobel: ({ rows, columns }) => outer(pascal(rows), slope(columns)),
		bilinear: ({ rows, columns }) => outer(tent(rows), tent(columns)),
	},
};

/** `sameAt(plane)` tells where input and output channel are one. */
export const filled = (pattern, { count, rows, columns, seed, sameAt = () => true }) =>
	range(count, (plane) => grid(rows, columns, pattern({ rows, columns, plane, seed, same: sameAt(plane) })));
