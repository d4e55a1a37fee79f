// The picture of the play, made once for an answer; `draw` shows a frame.

import { h, svg } from "./dom.js";
import { LABEL, drawMap, labelOf, makeCell, nameOf, textWidth } from "./grid.js";
import { t } from "./messages.js";
import { exactly, fitted, range, rounded, times } from "./numbers.js";
import { related, turned } from "./scenes.js";

/** Cells: at most, and at least where maps stand beside one another; else at most, and at least. */
const [LARGEST, BESIDE, SCROLLED, SMALLEST] = [72, 18, 36, 16];
const GAP = 44;
const ROOM_FOR_WEIGHT = 30;

/** As the API counts: with the channel where there are several, without rows in 1-D. */
export function indexOf(map, kind, [plane, ...place]) {
	const channels = { input: map.inChannels, output: map.outChannels, kernel: 1 }[kind];
	return `(${[...(channels > 1 ? [plane] : []), ...place.slice(-map.dims)].join(", ")})`;
}

/** null where there is a zero. */
export function elementAt(map, [plane, ...place]) {
	const own = place.map((at, axis) => at / map.apart[axis]);
	return own.every((at, axis) => Number.isInteger(at) && at >= 0 && at < map.size[axis]) ? [plane, ...own] : null;
}

/** {kind, place} of a cell's name. */
export function focusFrom(name, map) {
	if (!name) return null;
	const [kind, plane, r, c] = name.split("-");
	const first = kind === "input" ? map.span.map(([least]) => least) : [0, 0];
	return { kind, name, place: [Number(plane), Number(r) + first[0], Number(c) + first[1]] };
}

/** → [size of cells, whether all maps fit beside one another]; for a whole setting, so that nothing moves. */
function cellIn(parts, width, height) {
	for (let cell = LARGEST; cell >= BESIDE; cell -= 1) {
		const across = parts.reduce((sum, { columns, names }) => sum + Math.max(columns * cell, names) + GAP, 0);
		if (across <= width && parts.every(({ count, rows }) => count * (rows * cell + LABEL + 16) <= height)) return [cell, true];
	}
	return [Math.max(SMALLEST, Math.min(SCROLLED, Math.floor(width / Math.max(...parts.map(({ columns }) => columns))))), false];
}

export function makeStage({ input, weights }, map, width, height) {
	const extent = map.span.map(([first, past]) => past - first);
	const written = (size) => times(size.slice(-map.dims));
	const [taken, slid, made] = [[map.inChannels, extent], [map.perGroup, map.kernel], [map.outChannels, map.output]].map(([count, [rows, columns]]) =>
		({ count, rows, columns, shape: written([rows, columns]) }));
	taken.shape = [...new Set([written(map.size), taken.shape])].join(" → ");
	const parts = Object.entries({ input: taken, kernel: slid, product: slid, output: made }).map(([name, part]) => ({ ...part, names: textWidth(labelOf(name, 0, part)) }));
	const [cell, beside] = cellIn(parts, width, height);
	const said = Object.fromEntries(["input", "kernel", "output", "zero", "padding"].map((name) => [name, t(`map.${name}`)]));
	const inputs = drawMap("input", "input", taken, cell, inputCell);
	const kernels = drawMap("kernel", "kernel", slid, cell, (_, r, c) => focusable("", r, c, "kernel"));
	const products = drawMap("product", "product", slid, cell, () => makeCell(cell, "product"));
	const outputs = drawMap("output", "output", made, cell, (o, r, c) => focusable(`output-${o}-${r}-${c}`, r, c, "output"));
	const overlays = inputs.planes.map(overlay);
	const total = nameOf("", "output", 1, LABEL + map.kernel[0] * cell + 18);
	products.planes.at(-1).append(total);
	const element = h("div.stage", [inputs, kernels, products, outputs].map((each) => each.element));
	element.classList.toggle("row", beside);

	/** Tab reaches the first cell of a map, the arrows the others. */
	function focusable(name, r, c, role, value) {
		const shown = makeCell(cell, role, value);
		shown.g.dataset.focus = name;
		shown.g.setAttribute("role", "button");
		shown.g.setAttribute("tabindex", r || c ? -1 : 0);
		return shown;
	}

	function inputCell(plane, r, c) {
		const place = [r + map.span[0][0], c + map.span[1][0]];
		const own = elementAt(map, [plane, ...place]);
		const kind = own ? "input" : place.every((each, axis) => each >= 0 && each < map.length[axis]) ? "zero" : "padding";
		const kept = map.padded[plane][place[0] + map.around[0][0]]?.[place[1] + map.around[1][0]];
		const value = own ? input[plane][own[1]][own[2]] : kind === "zero" ? 0 : kept ?? 0;
		const shown = focusable(`input-${plane}-${r}-${c}`, r, c, kind, value);
		shown.describe(`${said[kind]}${own ? ` ${indexOf(map, "input", own)}` : ""} = ${exactly(value)}`);
		// Before the zeros come in, the elements stand together in the middle.
		const far = [c * cell, LABEL + r * cell];
		const near = own ? [1, 0].map((axis) => (axis ? 0 : LABEL) + cell * ((map.length[axis] - map.size[axis]) / 2 - map.span[axis][0] + own[axis + 1])) : far;
		return Object.assign(shown, { kind, kept: kept !== undefined, near, far, at: String([plane, ...place]) });
	}

	/** The kernel as it lies over a plane of the input. */
	function overlay(plane) {
		const over = svg("g.window", svg("rect.reach", { width: map.reach[1] * cell, height: map.reach[0] * cell, rx: 6 }));
		const texts = range(map.kernel[0], (a) => range(map.kernel[1], (b) => {
			const [x, y] = [b * map.dilation[1] * cell, a * map.dilation[0] * cell];
			const text = svg("text.weight", { x: x + cell - 5, y: y + cell - 5 });
			over.append(svg("rect.tap", { x: x + 2, y: y + 2, width: cell - 4, height: cell - 4, rx: 4 }), cell >= ROOM_FOR_WEIGHT ? text : "");
			return text;
		}));
		plane.append(over);
		return { over, texts };
	}

	const last = {};
	const changed = (name, ...values) => last[name] !== String(values) && (last[name] = String(values));

	/** `look`: the window whose products stand there; `focus`, `pin`: elements to mark. */
	function draw(frame, { focus = null, pin = null, look = frame.window } = {}) {
		const window = map.windows[look];
		const o = window?.place[0] ?? 0;
		if (changed("input", frame.apart, frame.zeros, frame.padded, frame.cropping)) drawInput(frame);
		if (changed("kernel", o, frame.turn)) drawKernel(frame, o);
		if (changed("window", look)) drawWindow(window, o);
		if (changed("output", frame.window, frame.biased)) drawOutput(frame);
		if (changed("marks", focus?.name, pin?.name, o)) drawMarks(focus ?? pin, pin);
	}

	function drawInput({ apart, zeros, padded, cropping }) {
		inputs.each(({ place, mark, kind, kept, near, far }) => {
			place(...(apart ? far : near));
			const there = kind === "input" || (kind === "zero" ? zeros : padded);
			mark("gone", !there || (padded && !kept));
			mark("cropped", cropping && there && !kept);
		});
	}

	function drawKernel({ turn }, o) {
		kernels.each((shown, [c, a, b]) => {
			const plane = o * map.perGroup + c;
			const weight = weights[plane][a][b];
			const over = turned(map, a, b);
			const y = turn === 2 || (turn && map.kernel[0] > 1) ? over[0] : a;
			shown.set(weight);
			shown.place((turn === 2 ? over[1] : b) * cell, LABEL + y * cell);
			shown.describe(`${said.kernel} ${indexOf(map, "kernel", [0, a, b])} = ${exactly(weight)}`);
			shown.g.dataset.focus = `kernel-${plane}-${a}-${b}`;
			overlays[map.firstOf(o) + c].texts[over[0]][over[1]].textContent = fitted(weight, 4);
		});
	}

	function drawWindow(window, o) {
		const [y, x] = (window?.start ?? [0, 0]).map((start, axis) => start - map.span[axis][0]);
		overlays.forEach(({ over }, plane) => {
			over.classList.toggle("gone", !window || plane < map.firstOf(o) || plane >= map.firstOf(o) + map.perGroup);
			over.style.transform = `translate(${x * cell}px, ${LABEL + y * cell}px)`;
		});
		products.each((shown, [c, a, b]) => {
			const product = window?.products[c][a][b];
			const [row, column] = turned(map, a, b);
			shown.set(product);
			shown.mark("empty", !window);
			shown.describe(window ? `${exactly(window.window[c][a][b])} · ${exactly(weights[o * map.perGroup + c][row][column])} = ${exactly(product)}` : "");
		});
		const [text, cut] = rounded(window?.value ?? 0, 7);
		total.textContent = window ? `Σ ${cut ? "≈" : "="} ${text}` : "";
	}

	function drawOutput({ window, biased, scene }) {
		const values = map.outputs[biased ? "after" : "before"];
		outputs.each((shown, place) => {
			const [o, r, c] = place;
			const index = (o * map.output[0] + r) * map.output[1] + c;
			const value = index <= window ? values[o][r][c] : undefined;
			shown.set(value);
			shown.mark("empty", value === undefined);
			shown.mark("now", index === window && scene === "slide");
			shown.describe(`${said.output} ${indexOf(map, "output", place)}${value === undefined ? "" : ` = ${exactly(value)}`}`);
		});
	}

	function drawMarks(focused, pin) {
		const found = focused && related(map, focused);
		const is = (one, kind, at) => one?.kind === kind && String(one.place) === at;
		for (const [kind, cells] of Object.entries({ input: inputs, kernel: kernels, output: outputs })) {
			cells.each(({ g, mark, at = String(g.dataset.focus.split("-").slice(1)) }) => {
				const own = is(focused, kind, at);
				mark("related", found?.[kind].has(at) && !own);
				mark("focus", own);
				g.setAttribute("aria-pressed", String(is(pin, kind, at)));
			});
		}
	}

	return { element, draw, turned: () => map.flipped && last.kernel.endsWith(2) };
}
