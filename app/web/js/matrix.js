// The operation as one matrix product, beside the maps that its rows and columns stand for.

import { h, scrolled } from "./dom.js";
import { cellFor, countsOf, drawProduct, figureOf } from "./maps.js";
import { t } from "./messages.js";
import { exactly, listed } from "./numbers.js";
import { OTHER, askBack } from "./roundtrip.js";
import { planesOf } from "./scenes.js";
import { indexOf } from "./stage.js";
import { keep, state } from "./state.js";

const HIGHEST = 560;
const NARROW = 700;
const [WIDEST, BESIDE] = [760, 400];
const NAMES = { conv: ["I", "C", "O"], conv_transpose: ["O", "Cᵀ", "P"] };
const ARROWS = { ArrowRight: ["column", 1], ArrowLeft: ["column", -1], ArrowDown: ["row", 1], ArrowUp: ["row", -1], Escape: ["column", 0] };

const row = (at) => ({ row: at, column: -1 });
const column = (at) => ({ row: -1, column: at });
const swapped = (at) => ({ row: at.column, column: at.row });

/** r5 is a row, c3 a column. */
function pinned() {
	const [, kind, at] = /^([rc])(\d+)$/.exec(state.extra.matrix ?? "") ?? [];
	return kind === "r" ? row(Number(at)) : column(Number(at ?? 0));
}

const pin = (at) => keep("matrix", at.column > 0 ? `c${at.column}` : at.column < 0 ? `r${at.row}` : "");

function build(root, answer) {
	const { request: { op }, response: { steps, geometry }, input } = answer;
	const width = root.clientWidth;
	const map = countsOf(geometry);
	const step = (name) => steps.find((each) => each.name === name);
	const { tensor: matrix, title, detail, recoverable, invertible } = step("matrix");
	const counts = { row: matrix.length, column: matrix[0].length };
	const output = planesOf(step("reshape").tensor, map.dims);
	const [inputShape, outputShape] = [input, output].map(([plane]) => [plane.length, plane[0].length]);
	const [, called] = NAMES[op];
	const others = [];

	/** `turn` makes a place of it one of the first product. */
	function product(kind, all, room, roles, turn = (at) => at) {
		const [from, entries, to] = ["flatten_input", "matrix", "multiply"].map((name) => all.find((each) => each.name === name).tensor);
		const [rows, columns] = [entries.length, entries[0].length];
		const sizes = [`1×${rows}`, `${rows}×${columns}`, `1×${columns}`];
		return drawProduct([from.flat(), entries, to.flat()], { width: room, height: HIGHEST, roles, names: NAMES[kind].map((name, at) => `${name} ${sizes[at]}`),
			point: (at) => draw(at ? turn(at) : pinned()), pin: (at) => pin(turn(at)) });
	}

	const flat = ([plane, r, c], [rows, columns]) => (plane * rows + r) * columns + c;
	const nameIn = (kind, at, [rows, columns]) => indexOf(map, kind, [Math.floor(at / (rows * columns)), Math.floor(at / columns) % rows, at % columns]);
	const inputAt = (at) => nameIn("input", at, inputShape);
	const outputAt = (at) => nameIn("output", at, outputShape);

	const own = product(op, steps, Math.min(width, WIDEST), ["input", "output"]);
	const size = cellFor(Math.max(inputShape[1], outputShape[1]), Math.min(width, 360));
	const figure = (planes, name, shape, to, about) => {
		const made = figureOf(planes, name, { map, size, ...about });
		made.each(({ g }, place) => {
			const at = to(flat(place, shape));
			g.addEventListener("pointerenter", () => draw(at));
			g.addEventListener("pointerleave", () => draw());
			g.addEventListener("click", () => pin(at));
		});
		return made;
	};
	const maps = {
		input: figure(input, "input", inputShape, row),
		placement: figure(input, "placement", inputShape, row, { role: "kernel", kind: "input" }),
		output: figure(output, "output", outputShape, column),
	};
	const readout = h("p.readout", { "aria-live": "polite" });
	const way = recoverable ? (invertible ? "inverse" : "back") : "none";
	const other = h("section.other");
	const laid = step(op === "conv" ? "placements" : "column_kernels");
	root.replaceChildren(h("h2", title), h("p.verdict", h(`strong.way.${way}`, t(`matrix.way_${way}`)), " ", detail),
		h("div.beside", scrolled(title, own.element), h("div.maps", Object.values(maps).map((each) => each.element)), other),
		readout, h("p.hint", laid.title, ". ", laid.detail, " ", t("matrix.hint")));

	/** Mark a column (an output), a row (an input element), or one place of the matrix. */
	function draw(at = pinned()) {
		const [r, c] = [Math.min(at.row, counts.row - 1), Math.min(at.column, counts.column - 1)];
		own.mark(r, c);
		for (const each of others) each.mark(c, r);
		const lone = c < 0;
		const weight = (place) => (lone ? undefined : matrix[flat(place, inputShape)][c]);
		maps.placement.each((cell, place) => {
			const value = weight(place);
			cell.set(value);
			cell.describe(lone ? "" : `${t("map.placement")} ${indexOf(map, "input", place)} = ${exactly(value)}`);
			cell.mark("empty", !Number(value ?? 0));
		});
		maps.input.each((cell, place) => {
			cell.mark("focus", flat(place, inputShape) === r);
			cell.mark("related", Number(weight(place) ?? 0));
		});
		maps.output.each((cell, place) => {
			cell.mark("now", flat(place, outputShape) === c);
			cell.mark("related", lone && Number(matrix[r][flat(place, outputShape)]));
		});
		readout.textContent = lone ? saidOfRow(r) : saidOfColumn(c, r);
	}

	function saidOfColumn(c, r) {
		const count = matrix.filter((line) => Number(line[c])).length;
		const words = t("matrix.column", { name: called, column: c, output: outputAt(c), count, all: counts.row });
		return r < 0 ? words : `${words} ${called}[${r}, ${c}] = ${exactly(matrix[r][c])}`;
	}
	function saidOfRow(r) {
		const outputs = matrix[r].flatMap((value, at) => (Number(value) ? [outputAt(at)] : []));
		return t("matrix.row", { name: called, row: r, input: inputAt(r), count: outputs.length, where: listed(outputs) });
	}

	async function showOther() {
		const { response, none } = await askBack(answer, ["matrix"]);
		if (none) other.replaceChildren(h("p.hint", none));
		if (!response || !other.isConnected) return;
		const turned = product(OTHER[op], response.steps, width < NARROW ? width : Math.max(400, width - BESIDE), ["output", "input"], swapped);
		others.push(turned);
		const words = t(`matrix.other_${op}`);
		other.replaceChildren(h("h3", words), scrolled(words, turned.element));
		draw();
	}
	draw();
	showOther();
	return { draw, counts };
}

export function mount(root) {
	let view = null;
	return {
		build: (answer) => (view = build(root, answer)),
		draw: () => view.draw(),
		key({ key }) {
			if (!view || !(key in ARROWS)) return false;
			const [axis, by] = ARROWS[key];
			const [now, count] = [pinned()[axis], view.counts[axis]];
			const next = by && now >= 0 ? (now + by + count) % count : 0;
			pin(axis === "row" ? row(next) : column(next));
			return true;
		},
	};
}
