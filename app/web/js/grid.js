// Cells and maps of cells, in SVG. A cell is made once and then moved, filled and marked.

import { h, svg } from "./dom.js";
import { t } from "./messages.js";
import { fitted, range } from "./numbers.js";

const SMALLEST_WITH_TEXT = 17;
export const LABEL = 26;

/** A rounded square with a number. `role` is a class and so a colour. */
export function makeCell(size, role, value) {
	const text = size >= SMALLEST_WITH_TEXT && svg("text", { x: size / 2, y: size / 2 });
	const square = svg("rect", { x: 1, y: 1, width: Math.max(1, size - 2), height: Math.max(1, size - 2), rx: Math.min(5, size / 8) });
	const g = svg(`g.cell.${role}`, square, text);
	let [shown, said] = [];
	const cell = {
		g,
		set(number) {
			if (number === shown || !text) return;
			shown = number;
			write(text, number, size);
		},
		shade(share) {
			square.style.fillOpacity = (0.15 + 0.85 * share).toFixed(2);
		},
		place(x, y) {
			g.style.transform = `translate(${x}px, ${y}px)`;
		},
		mark(name, on) {
			g.classList.toggle(name, Boolean(on));
		},
		describe(words) {
			if (words !== said) g.setAttribute("aria-label", words);
			said = words;
		},
	};
	cell.set(value);
	return cell;
}

export function write(text, value, size) {
	text.textContent = value === undefined ? "" : fitted(value, size < 24 ? 3 : size < 34 ? 5 : 6);
	text.style.fontSize = `${Math.min(0.42 * size, (1.4 * size) / text.textContent.length).toFixed(1)}px`;
}

/** About how wide a name is. */
export const textWidth = (text) => [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 14 : 8.7), 4);

export const nameOf = (label, role, x = 1, y = LABEL - 10) => svg(`text.name.${role}`, { x, y }, label);

export const labelOf = (name, plane, { count, shape }) => `${t(`map.${name}`)} ${count > 1 ? `[${plane}] ` : ""}${shape}`;

/** The planes of a map, named as map.* of the messages. → {element, planes: SVG groups, each(fn(cell, place))} */
export function drawMap(name, role, { rows, columns, ...about }, size, make) {
	const cells = [];
	const planes = range(about.count, (plane) => svg("g", nameOf(labelOf(name, plane, about), role), range(rows * columns, (at) => {
		const [r, c] = [Math.floor(at / columns), at % columns];
		const cell = make(plane, r, c);
		cell.place(c * size, LABEL + r * size);
		cells.push([cell, [plane, r, c]]);
		return cell.g;
	})));
	const height = LABEL + rows * size;
	const element = h("div.map", planes.map((g, plane) => {
		const label = labelOf(name, plane, about);
		const width = Math.max(columns * size, textWidth(label));
		return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", aria: label }, g);
	}));
	return { element, planes, each: (see) => cells.forEach(([cell, place]) => see(cell, place)) };
}
