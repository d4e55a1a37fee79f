// Maps that stand still: figures of grids, and one matrix, for the tabs beside the play.

import { h, svg } from "./dom.js";
import { LABEL, drawGrid } from "./grid.js";
import { exactly, fitted } from "./numbers.js";
import { indexOf, textWidth } from "./stage.js";

/** Cells of a matrix: at most and at least so large, and with a number from this size on, if they are not too many. */
const [LARGEST, SMALLEST, WITH_TEXT, MOST_TEXTS] = [36, 3, 18, 1500];
const GAP = 8;

/** What `indexOf` needs, from a geometry alone. */
export const countsOf = ({ in_channels: inChannels, out_channels: outChannels, input_size: size }) => ({ dims: size.length, inChannels, outChannels });

/**
 * The planes of one map beside one another. → {element, cells: [plane][row][column], each(fn(cell, place))}
 * `label` names it (where there are several planes, each with its number); `map` is what countsOf gives.
 */
export function figureOf(planes, { role, label, map, size = 36, kind = role }) {
  const names = planes.map((_, plane) => (planes.length > 1 ? `${label} [${plane}]` : label));
  const grids = planes.map((rows, plane) => drawGrid(rows, { role, size, label: names[plane], name: (r, c) => indexOf(map, kind, [plane, r, c]) }));
  const element = h("div.map", {}, grids.map(({ g, width, height }, plane) => {
    const room = Math.max(width, textWidth(names[plane], 1));
    return svg("svg", { width: room, height, viewBox: `0 0 ${room} ${height}`, role: "group", "aria-label": names[plane] }, g);
  }));
  const cells = grids.map((grid) => grid.cells);
  const each = (see) => cells.forEach((rows, plane) => rows.forEach((row, r) => row.forEach((cell, c) => see(cell, [plane, r, c]))));
  return { element, cells, each };
}

/** Cells so large that `columns` of them fit. */
export const cellFor = (columns, width, most = 40) => Math.max(12, Math.min(most, Math.floor(width / columns)));

/** Equal values have the same strength of the kernel's colour; zeros have none. One path for each value. */
function squares(matrix, cell) {
  const paths = new Map([...new Set(matrix.flat().filter(Number))].sort((a, b) => Number(a) - Number(b)).map((value) => [value, []]));
  const side = cell > 8 ? cell - 1 : cell;
  matrix.forEach((row, r) => row.forEach((value, c) => paths.get(value)?.push(`M${c * cell} ${r * cell}h${side}v${side}h${-side}z`)));
  return [...paths.values()].map((path, at) => {
    const made = svg("path.entry", { d: path.join("") });
    made.style.fillOpacity = (0.2 + (0.6 * (at + 1)) / paths.size).toFixed(2);
    return made;
  });
}

const numberAt = (value, x, y, cell) => {
  const text = svg("text", { x, y, "text-anchor": "middle", "dominant-baseline": "central" }, fitted(value, cell < 26 ? 3 : 5));
  text.style.fontSize = `${Math.min(0.4 * cell, (1.35 * cell) / text.textContent.length).toFixed(1)}px`;
  return text;
};

function numbers(matrix, cell) {
  if (cell < WITH_TEXT || matrix.length * matrix[0].length > MOST_TEXTS) return [];
  return matrix.flatMap((row, r) => row.map((value, c) => {
    const text = numberAt(value, (c + 0.5) * cell, (r + 0.5) * cell, cell);
    text.setAttribute("class", Number(value) ? "entry" : "nothing");
    return text;
  }));
}

/** A vector beside the matrix: cells without a name, from (x, y) on, down or across. */
function vector(values, role, cell, x, y, down) {
  return svg(`g.vector.${role}`, {}, values.map((value, at) => {
    const [left, top] = down ? [x, y + at * cell] : [x + at * cell, y];
    return svg("g", {}, svg("rect", { x: left, y: top, width: Math.max(1, cell - 1), height: Math.max(1, cell - 1), rx: cell / 8 }),
      cell >= WITH_TEXT && numberAt(value, left + cell / 2, top + cell / 2, cell));
  }));
}

/**
 * row · matrix = result, as one picture: the row vector stands beside the matrix, written downwards, each element at
 * the matrix row that it is multiplied with; the result lies below, each element under the column that makes it.
 * `named`: {row: [role, name], matrix: name, result: [role, name]}; `point({row, column})`, or with nothing when the
 * pointer leaves, and `pin` when it is pressed. → {element, mark(row, column)}, either −1 for none
 */
export function drawProduct(row, matrix, result, { width, height, named, point, pin }) {
  const [rows, columns] = [matrix.length, matrix[0].length];
  const cell = Math.max(SMALLEST, Math.min(LARGEST, Math.floor(Math.min((width - 2 * GAP) / (columns + 1.5), height / (rows + 2)))));
  const [left, top] = [cell + GAP, 2 * LABEL];
  const below = top + rows * cell + GAP;
  const band = () => svg("rect.band", { visibility: "hidden" });
  const [across, down] = [band(), band()];
  const hit = svg("rect.hit", { x: left, y: top, width: columns * cell, height: rows * cell });
  const names = [[named.row, 0, LABEL - 10], [["kernel", named.matrix], left, top - 10]];
  const total = Math.max(left + columns * cell, textWidth(named.row[1], 1), left + textWidth(named.matrix, 1)) + 4;
  const inside = svg("g", {}, svg("rect.ground", { width: columns * cell, height: rows * cell }), squares(matrix, cell), numbers(matrix, cell));
  inside.setAttribute("transform", `translate(${left} ${top})`);
  const element = svg("svg.product-picture", { width: total, height: below + cell + LABEL, role: "img",
    viewBox: `0 0 ${total} ${below + cell + LABEL}`, "aria-label": `${named.row[1]} · ${named.matrix} = ${named.result[1]}` },
  names.map(([[role, name], x, y]) => svg(`text.name.${role}`, { x, y }, name)), inside, vector(row, named.row[0], cell, 0, top, true),
  vector(result, named.result[0], cell, left, below, false), svg(`text.name.${named.result[0]}`, { x: left, y: below + cell + 18 }, named.result[1]), across, down, hit);
  const at = ({ clientX, clientY }) => {
    const box = hit.getBoundingClientRect();
    const inRange = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    return { row: inRange((clientY - box.top) / box.height, rows), column: inRange((clientX - box.left) / box.width, columns) };
  };
  hit.addEventListener("pointermove", (event) => point(at(event)));
  hit.addEventListener("pointerleave", () => point());
  hit.addEventListener("click", (event) => pin(at(event)));
  const lay = (rect, on, x, y, w, tall) => {
    rect.setAttribute("visibility", on ? "visible" : "hidden");
    for (const [name, value] of Object.entries({ x, y, width: w, height: tall })) rect.setAttribute(name, value);
  };
  return {
    element,
    mark(r, c) {
      lay(across, r >= 0, 0, top + r * cell - 1, left + columns * cell, cell + 1);
      lay(down, c >= 0, left + c * cell - 1, top - 1, cell + 1, rows * cell + GAP + cell + 1);
    },
    /** What is written at a place, for a sentence. */
    entry: (r, c) => exactly(matrix[r][c]),
  };
}
