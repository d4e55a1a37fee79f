// Cells and grids of cells, in SVG. A cell is made once and then moved, filled and marked.

import { svg } from "./dom.js";
import { exactly, fitted } from "./numbers.js";

/** Cells smaller than this show no number, only shade and tooltip. */
export const SMALLEST_WITH_TEXT = 17;
const GAP = 2;

/**
 * One cell: a rounded square with a number. `role` is a class and so a colour: input, kernel, output, product,
 * zero, padding. → {g, set(value), place(x, y), mark(class, on), describe(text)}
 */
export function makeCell(size, role) {
  const text = svg("text", { x: size / 2, y: size / 2, "text-anchor": "middle", "dominant-baseline": "central" });
  const title = svg("title");
  const square = svg("rect", { x: GAP / 2, y: GAP / 2, width: size - GAP, height: size - GAP, rx: Math.min(5, size / 8) });
  const g = svg(`g.cell.${role}`, {}, square, size >= SMALLEST_WITH_TEXT ? text : null, title);
  const room = size < 24 ? 3 : size < 34 ? 4 : 6;
  let shown;
  return {
    g,
    set(value) {
      if (value === shown) return;
      shown = value;
      const short = value === undefined ? "" : fitted(value, room);
      text.textContent = short;
      text.style.fontSize = `${Math.min(0.42 * size, (1.5 * size) / Math.max(short.length, 1)).toFixed(1)}px`;
      g.classList.toggle("negative", value < 0);
    },
    shade(share) {
      square.style.fillOpacity = share === undefined ? "" : (0.08 + 0.55 * share).toFixed(3);
    },
    place(x, y) {
      g.style.transform = `translate(${x}px, ${y}px)`;
    },
    mark(name, on) {
      g.classList.toggle(name, Boolean(on));
    },
    describe(words) {
      if (title.textContent === words) return;
      title.textContent = words;
      g.setAttribute("aria-label", words);
    },
  };
}

/** How strongly each value is shaded: its magnitude beside the largest. */
export function shader(planes) {
  let most = 0;
  for (const plane of planes) for (const row of plane) for (const value of row) most = Math.max(most, Math.abs(Number(value)));
  return (value) => (most ? Math.abs(Number(value)) / most : 0);
}

/**
 * A grid of numbers with a name above it, for pictures that do not move.
 * → {g, cells: rows of cells, width, height}; the name takes the first LABEL pixels of the height.
 */
export function drawGrid(rows, { role, label, size = 36, name = (r, c) => `(${r}, ${c})` }) {
  const cells = rows.map((row, r) => row.map((value, c) => {
    const cell = makeCell(size, role);
    cell.set(value);
    cell.describe(`${label} ${name(r, c)} = ${exactly(value)}`);
    cell.place(c * size, LABEL + r * size);
    return cell;
  }));
  const g = svg("g", { role: "img", "aria-label": label }, nameOf(label, role), cells.flat().map((cell) => cell.g));
  return { g, cells, width: size * (rows[0]?.length ?? 0), height: LABEL + size * rows.length };
}

export const LABEL = 26;

/** The name of a map, in its colour. */
export const nameOf = (label, role) => svg(`text.name.${role}`, { x: 1, y: LABEL - 10 }, label);

/** What hatched cells are filled with; every picture that has padding needs it once. */
export const hatching = () => svg("defs", {}, svg("pattern",
  { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
  svg("rect.hatch-ground", { width: 6, height: 6 }), svg("line.hatch-line", { x1: 0, y1: 0, x2: 0, y2: 6 })));
