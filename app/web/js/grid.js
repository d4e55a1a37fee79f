// Cells and grids of cells, in SVG. A cell is made once and then moved, filled and marked.

import { svg } from "./dom.js";
import { exactly, fitted } from "./numbers.js";

/** Cells smaller than this show no number, only their colour and a tooltip. */
const SMALLEST_WITH_TEXT = 17;
/** The height of the name above a map. */
export const LABEL = 26;

/** One cell: a rounded square with a number. `role` is a class and so a colour: input, kernel, output, product, zero, padding. */
export function makeCell(size, role) {
  const text = svg("text", { x: size / 2, y: size / 2, "text-anchor": "middle", "dominant-baseline": "central" });
  const title = svg("title");
  const square = svg("rect", { x: 1, y: 1, width: size - 2, height: size - 2, rx: Math.min(5, size / 8) });
  const g = svg(`g.cell.${role}`, {}, square, size >= SMALLEST_WITH_TEXT && text, title);
  const room = size < 24 ? 3 : size < 34 ? 4 : 6;
  let shown;
  return {
    g,
    set(value) {
      if (value === shown) return;
      shown = value;
      text.textContent = value === undefined ? "" : fitted(value, room);
      text.style.fontSize = `${Math.min(0.42 * size, (1.4 * size) / text.textContent.length).toFixed(1)}px`;
    },
    /** How strong its colour is, from 0 to 1. */
    shade(share) {
      square.style.fillOpacity = (0.15 + 0.85 * share).toFixed(2);
    },
    place(x, y) {
      g.style.transform = `translate(${x}px, ${y}px)`;
    },
    mark(name, on) {
      g.classList.toggle(name, Boolean(on));
    },
    /** A button that Tab reaches (the first of a map) or the arrows. */
    focusable(first) {
      g.setAttribute("role", "button");
      g.setAttribute("tabindex", first ? 0 : -1);
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
  const most = planes.flat(2).reduce((top, value) => Math.max(top, Math.abs(Number(value))), 0);
  return (value) => (most ? Math.abs(Number(value)) / most : 0);
}

/** A grid of numbers with a name above it, LABEL high. → {g, cells: rows of cells, width, height} */
export function drawGrid(rows, { role, label, size = 36, name = (r, c) => `(${r}, ${c})` }) {
  const cells = rows.map((row, r) => row.map((value, c) => {
    const cell = makeCell(size, role);
    cell.set(value);
    cell.describe(`${label} ${name(r, c)} = ${exactly(value)}`);
    cell.place(c * size, LABEL + r * size);
    return cell;
  }));
  const g = svg("g", { role: "group", "aria-label": label }, nameOf(label, role), cells.flat().map((cell) => cell.g));
  return { g, cells, width: size * (rows[0]?.length ?? 0), height: LABEL + size * rows.length };
}

/** The name of a map, in its colour. */
export const nameOf = (label, role) => svg(`text.name.${role}`, { x: 1, y: LABEL - 10 }, label);

/** What hatched cells are filled with; every picture that has padding needs it once. */
export const hatching = () => svg("defs", {}, svg("pattern",
  { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
  svg("rect.hatch-ground", { width: 6, height: 6 }), svg("line.hatch-line", { x1: 0, y1: 0, x2: 0, y2: 6 })));
