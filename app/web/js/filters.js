// Kernels that filter pictures, in the sizes 3, 5, 7 and 9: whole numbers over a divisor.

export const SIZES = [3, 5, 7, 9];

/** A row of Pascal's triangle: n = 3 is 1 2 1. */
function pascal(n) {
  const row = [1];
  for (let k = 1; k < n; k += 1) row.push((row[k - 1] * (n - k)) / k);
  return row;
}

// Lines of length n. The short row, with differences taken of it: the longer, the smoother.
const at = (row, k) => row[k] ?? 0;
const line = (n, value) => Array.from({ length: n }, (_, k) => value(pascal(n - 2), k));
const middle = (n) => line(n, (row, k) => at(row, k - 1));
const slope = (n) => line(n, (row, k) => at(row, k - 2) - at(row, k));
const bend = (n) => line(n, (row, k) => at(row, k - 2) - 2 * at(row, k - 1) + at(row, k));

const grid = (n, value) => Array.from({ length: n }, (_r, r) => Array.from({ length: n }, (_c, c) => value(r, c)));
const outer = (down, across) => grid(down.length, (r, c) => down[r] * across[c]);
const centre = (n, r, c) => Number(r === (n - 1) / 2 && c === r);

const laplacian = (n) => grid(n, (r, c) => bend(n)[r] * middle(n)[c] + middle(n)[r] * bend(n)[c]);

/** Name → (size) → {cells, divisor}. */
export const FILTERS = {
  identity: (n) => ({ cells: grid(n, (r, c) => centre(n, r, c)), divisor: 1 }),
  box: (n) => ({ cells: grid(n, () => 1), divisor: n * n }),
  gaussian: (n) => ({ cells: outer(pascal(n), pascal(n)), divisor: 4 ** (n - 1) }),
  sharpen: (n) => ({ cells: laplacian(n).map((row, r) => row.map((w, c) => 4 ** (n - 3) * centre(n, r, c) - w)), divisor: 4 ** (n - 3) }),
  emboss: (n) => {
    const half = (n - 1) / 2;
    return { cells: grid(n, (r, c) => r + c - 2 * half + half * half * centre(n, r, c)), divisor: half * half };
  },
  sobel_x: (n) => ({ cells: outer(pascal(n), slope(n)), divisor: 1 }),
  sobel_y: (n) => ({ cells: outer(slope(n), pascal(n)), divisor: 1 }),
  laplacian: (n) => ({ cells: laplacian(n), divisor: 1 }),
};

/** The same numbers around the centre of another size. */
export const resized = (cells, n) => grid(n, (r, c) => {
  const shift = (cells.length - n) / 2;
  return cells[r + shift]?.[c + shift] ?? 0;
});

/** Whether positive and negative weights cancel, so that an even surface becomes zero. */
export function isBalanced(cells) {
  const all = cells.flat();
  const size = all.reduce((sum, w) => sum + Math.abs(w), 0);
  return size > 0 && Math.abs(all.reduce((sum, w) => sum + w, 0)) < 1e-9 * size;
}
