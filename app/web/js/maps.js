// Maps that stand still, and matrix products, for the tabs beside the play.

import { svg } from "./dom.js";
import { LABEL, drawMap, makeCell, nameOf, textWidth, write } from "./grid.js";
import { exactly, times } from "./numbers.js";
import { indexOf } from "./stage.js";

/** Cells of a matrix; with numbers from WITH_TEXT on, if they are not too many. */
const [LARGEST, SMALLEST, WITH_TEXT, MOST_TEXTS] = [36, 3, 18, 1500];
const GAP = 8;

export const countsOf = ({ in_channels: inChannels, out_channels: outChannels, input_size: size }) => ({ dims: size.length, inChannels, outChannels });

/** `kind` says how places are counted. */
export function figureOf(planes, name, { role = name, map, size, kind = role }) {
	const [rows, columns] = [planes[0].length, planes[0][0].length];
	const about = { count: planes.length, rows, columns, shape: times([rows, columns].slice(-map.dims)) };
	return drawMap(name, role, about, size, (plane, r, c) => {
		const value = planes[plane][r][c];
		const cell = makeCell(size, role, value);
		cell.describe(`${indexOf(map, kind, [plane, r, c])} = ${exactly(value)}`);
		return cell;
	});
}

export const cellFor = (columns, width, most = 40) => Math.max(12, Math.min(most, Math.floor(width / columns)));

/** Equal values have the same strength of colour; zeros have none. One path for each value. */
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

function numbers(matrix, cell) {
	if (cell < WITH_TEXT || matrix.length * matrix[0].length > MOST_TEXTS) return [];
	return matrix.flatMap((row, r) => row.map((value, c) => {
		const text = svg(Number(value) ? "text" : "text.nothing", { x: (c + 0.5) * cell, y: (r + 0.5) * cell });
		write(text, value, cell);
		return text;
	}));
}

const vector = (values, role, size, x, y, down) => values.map((value, at) => {
	const cell = makeCell(size, role, value);
	cell.place(x + (down ? 0 : at * size), y + (down ? at * size : 0));
	return cell.g;
});

/** row · matrix = result, as one picture: each element of the row stands beside its row of the matrix, each of the result below its column.
 * `point({row, column})`, or with nothing when the pointer leaves; → {element, mark(row, column)}, −1 for none. */
export function drawProduct([row, matrix, result], { width, height, names, roles, point, pin }) {
	const [rows, columns] = [matrix.length, matrix[0].length];
	const cell = Math.max(SMALLEST, Math.min(LARGEST, Math.floor(Math.min((width - 2 * GAP) / (columns + 1.5), height / (rows + 2)))));
	const [left, top] = [cell + GAP, 2 * LABEL];
	const below = top + rows * cell + GAP;
	const bands = [0, 1].map(() => svg("rect.band"));
	const size = { width: columns * cell, height: rows * cell };
	const hit = svg("rect.hit", { x: left, y: top, ...size });
	const total = Math.max(left + size.width, textWidth(names[0]), left + textWidth(names[1])) + 4;
	const tall = below + cell + LABEL;
	const element = svg("svg.product-picture", { width: total, height: tall, role: "img",
		viewBox: `0 0 ${total} ${tall}`, aria: `${names[0]} · ${names[1]} = ${names[2]}` },
	nameOf(names[0], roles[0], 0), nameOf(names[1], "kernel", left, top - 10), nameOf(names[2], roles[1], left, below + cell + 18),
	svg("g", { transform: `translate(${left} ${top})` }, svg("rect.ground", size), squares(matrix, cell), numbers(matrix, cell)),
	vector(row, roles[0], cell, 0, top, true), vector(result, roles[1], cell, left, below, false), bands, hit);
	const at = ({ clientX, clientY }) => {
		const box = hit.getBoundingClientRect();
		const inRange = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
		return { row: inRange((clientY - box.top) / box.height, rows), column: inRange((clientX - box.left) / box.width, columns) };
	};
	hit.addEventListener("pointermove", (event) => point(at(event)));
	hit.addEventListener("pointerleave", () => point());
	hit.addEventListener("click", (event) => pin(at(event)));
	const lay = (band, on, ...box) => {
		band.style.visibility = on ? "" : "hidden";
		["x", "y", "width", "height"].forEach((name, side) => band.setAttribute(name, box[side]));
	};
	return {
		element,
		mark(r, c) {
			lay(bands[0], r >= 0, 0, top + r * cell - 1, left + size.width, cell + 1);
			lay(bands[1], c >= 0, left + c * cell - 1, top - 1, cell + 1, size.height + GAP + cell + 1);
		},
	};
}
