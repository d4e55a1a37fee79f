// Transposed convolution as stamps: each input element times the kernel, added up on the full map; then the crop.

import { h } from "./dom.js";
import { cellFor, countsOf, figureOf } from "./maps.js";
import { t } from "./messages.js";
import { exactly } from "./numbers.js";
import { pair, planesOf } from "./scenes.js";
import { indexOf } from "./stage.js";
import { state } from "./state.js";
import { makeTimeline, stepsIn } from "./timeline.js";

const SCENES = ["stamps", "overlap", "accumulate", "crop", "add_bias"];

/** Exact where both are whole. */
function plus(a, b) {
	if (typeof a === "bigint" || typeof b === "bigint") return BigInt(a) + BigInt(b);
	const sum = a + b;
	return Number.isInteger(a) && Number.isInteger(b) && !Number.isSafeInteger(sum) ? BigInt(a) + BigInt(b) : sum;
}

/** `put`: [[place on the map, value]]. */
function stampsOf(step, geometry) {
	const dims = geometry.input_size.length;
	const [rows, columns] = pair(geometry.input_size, 1);
	const [ins, outs] = [geometry.in_channels, geometry.out_channels].map((count) => count / geometry.groups);
	const apart = pair(geometry.dilation, 1);
	return step.tensor.flat(step.shape.length === 2 * dims ? dims - 1 : dims).map((values, number) => {
		const channel = Math.floor(number / (rows * columns));
		const origin = pair(step.origins[number], 0);
		const planes = planesOf(values, dims);
		const put = planes.flatMap((plane, o) => plane.flatMap((row, a) => row.map((value, b) =>
			[[Math.floor(channel / ins) * outs + o, origin[0] + a * apart[0], origin[1] + b * apart[1]], value])));
		return { place: [channel, Math.floor(number / columns) % rows, number % columns], planes, put };
	});
}

export function mount(root) {
	let [draw, frames] = [null, []];
	const words = h("div.words");
	const maps = h("div.maps");
	const readout = h("p.readout", { "aria-live": "polite" });
	const timeline = makeTimeline();
	root.replaceChildren(words, maps, timeline.element, readout, h("p.hint", t("stamps.hint")));

	function build({ response: { geometry, steps, output }, input, weights }) {
		const width = root.clientWidth;
		const map = countsOf(geometry);
		const step = (name) => steps.find((each) => each.name === name);
		const planes = (name) => step(name) && planesOf(step(name).tensor, map.dims);
		const stamps = stampsOf(step("stamps"), geometry);
		const [whole, [overlap], crop, after] = [planes("accumulate"), planes("overlap"), planes("crop") ?? planes("accumulate"), planesOf(output, map.dims)];
		const most = Math.max(...overlap.flat());
		const size = cellFor(whole[0][0].length, Math.min(width - 16, 560), 48);
		const small = Math.min(size, width > 620 ? 38 : 28);
		const figures = {
			input: figureOf(input, "input", { map, size: small }), kernel: figureOf(weights, "kernel", { map, size: small }),
			stamp: figureOf(stamps[0].planes, "stamp", { role: "product", kind: "kernel", map, size: small }),
			full: figureOf(whole, "full", { role: "output", kind: "output", map, size }),
		};
		maps.replaceChildren(h("div.column.small", figures.input.element, figures.kernel.element, figures.stamp.element), figures.full.element);
		const [, ...later] = SCENES.filter(step);
		frames = [...stamps.map((_, number) => ({ scene: "stamps", number })), ...later.map((scene) => ({ scene }))];
		words.replaceChildren(...stepsIn(SCENES.filter(step).map(step)));
		const [begin, kept] = [pair(geometry.padding, [0, 0]).map(([before]) => before), pair(geometry.output_size, 1)];

		function added(count) {
			const sums = whole.map((rows) => rows.map((row) => row.map(() => undefined)));
			for (const { put } of stamps.slice(0, count)) {
				for (const [[o, r, c], value] of put) sums[o][r][c] = sums[o][r][c] === undefined ? value : plus(sums[o][r][c], value);
			}
			return sums;
		}
		/** Outside of the crop it stays what it was. */
		function valuesIn(scene, number) {
			const sums = scene === "stamps" ? added(number + 1) : whole;
			const cropped = { crop, add_bias: after }[scene];
			return ([o, r, c]) => (scene === "overlap" ? overlap[r][c] : cropped?.[o][r - begin[0]]?.[c - begin[1]] ?? sums[o][r][c]);
		}

		draw = (at = state.frame) => {
			const { scene, number } = frames[Math.min(at, frames.length - 1)];
			const stamp = stamps[number];
			const over = new Set(stamp?.put.map(([place]) => String(place)));
			const valueAt = valuesIn(scene, number);
			const ended = ["crop", "add_bias"].includes(scene);
			figures.full.each((cell, place) => {
				const value = valueAt(place);
				cell.set(value);
				cell.shade(scene === "overlap" ? value / (most || 1) : 1);
				cell.mark("cropped", ended && begin.some((first, axis) => place[axis + 1] < first || place[axis + 1] >= first + kept[axis]));
				cell.mark("empty", value === undefined);
				cell.mark("related", over.has(String(place)));
				cell.describe(value === undefined ? "" : `${indexOf(map, "output", place)} = ${exactly(value)}`);
			});
			figures.input.each((cell, place) => cell.mark("focus", stamp && String(place) === String(stamp.place)));
			figures.stamp.each((cell, [o, a, b]) => {
				const value = stamp?.planes[o]?.[a]?.[b];
				cell.set(value);
				cell.mark("empty", value === undefined);
			});
			for (const each of words.children) each.classList.toggle("on", each.dataset.step === scene);
			readout.textContent = stamp
				? t("stamps.one", { number: number + 1, of: stamps.length, at: indexOf(map, "input", stamp.place), first: indexOf({ ...map, outChannels: 1 }, "output", stamp.put[0][0]) })
				: "";
			timeline.update();
		};
		timeline.show(frames, false);
		draw();
	}

	return {
		build,
		draw: () => draw(),
		key: timeline.key,
		destroy: timeline.stop,
		frameCount: () => frames.length,
		drawFrame: (at) => draw(at),
	};
}
