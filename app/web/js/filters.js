// Kernels that filter pictures, in the sizes 3, 5, 7 and 9: whole numbers over a divisor.

import { grid, line, pascal, slope } from "./patterns.js";

const middle = (n) => line(n, [0, 1, 0]);
const bend = (n) => line(n, [1, -2, 1]);

const square = (n, value) => grid(n, n, value);
const outer = (down, across) => square(down.length, (r, c) => down[r] * across[c]);
const sum = (a, b) => a.map((row, r) => row.map((value, c) => value + b[r][c]));

const identity = (n, value = 1) => square(n, (r, c) => value * Number(2 * r === n - 1 && c === r));
const laplacian = (n, sign = 1) => square(n, (r, c) => sign * (bend(n)[r] * middle(n)[c] + middle(n)[r] * bend(n)[c]));

/** Name → (size) → [rows, divisor]. */
export const FILTERS = {
	sobel_x: (n) => [outer(pascal(n), slope(n)), 1],
	sobel_y: (n) => [outer(slope(n), pascal(n)), 1],
	laplacian: (n) => [laplacian(n), 1],
	sharpen: (n) => [sum(identity(n, 4 ** (n - 3)), laplacian(n, -1)), 4 ** (n - 3)],
	box: (n) => [square(n, () => 1), n * n],
	gaussian: (n) => [outer(pascal(n), pascal(n)), 4 ** (n - 1)],
	identity: (n) => [identity(n), 1],
};

export const resized = (cells, n) => square(n, (r, c) => cells[r + (cells.length - n) / 2]?.[c + (cells.length - n) / 2] ?? 0);

export function isBalanced(cells) {
	const [total, size] = cells.flat().reduce(([all, sizes], w) => [all + w, sizes + Math.abs(w)], [0, 0]);
	return Math.abs(total) < 1e-9 * size;
}
