// The play: a stage, its time line, and words for what is seen.

import { h } from "./dom.js";
import { t } from "./messages.js";
import { exactly, listed, rounded } from "./numbers.js";
import { framesOf, mapOf, related, tapsOf } from "./scenes.js";
import { elementAt, focusFrom, indexOf, makeStage } from "./stage.js";
import { set, state } from "./state.js";
import { makeTimeline, stepsIn } from "./timeline.js";

const NARROW = 640;
const AROUND_STAGE = 440;
const LOWEST = 300;
const KINDS = ["input", "kernel", "product", "output", "padding", "zero"];

export function mount(root) {
	let [shown, map, stage, focus, frames] = [null, null, null, null, []];

	const words = h("div.words");
	const holder = h("div.holder", { onpointerover: (event) => event.pointerType !== "touch" && point(under(event)), onpointerleave: () => point(),
		onfocusin: (event) => point(under(event)), onfocusout: () => point(), onclick: (event) => pin(under(event)?.dataset.focus), onkeydown: walk });
	const readout = h("p.readout");
	const sum = h("p.sum");
	const timeline = makeTimeline();
	root.replaceChildren(words, holder, timeline.element,
		h("div.explain", { "aria-live": "polite", role: "region", aria: t("play.numbers"), tabindex: 0 }, readout, sum),
		h("ul.legend", KINDS.map((kind) => h("li", h(`span.swatch.${kind}`), t(`map.${kind}`)))), h("p.hint", t("play.hint")));

	function build(answer) {
		// Asked before anything changes, so that the browser need not lay out twice.
		const [width, tall] = [root.clientWidth, innerHeight];
		const atEnd = frames.length > 1 && state.frame >= frames.length - 1;
		shown = answer;
		map = mapOf(answer);
		frames = framesOf(map);
		words.replaceChildren(...stepsIn([...new Set(frames.map(({ step }) => step))]));
		// The time line may change the frame, which is drawn on the new stage alone.
		stage = null;
		timeline.show(frames, atEnd);
		stage = makeStage(shown, map, width - 8, width < NARROW ? Infinity : Math.max(LOWEST, tall - AROUND_STAGE));
		draw();
		// Nothing moves while it comes.
		holder.classList.add("still");
		holder.replaceChildren(stage.element);
		requestAnimationFrame(() => requestAnimationFrame(() => holder.classList.remove("still")));
	}

	function draw() {
		if (!stage) return;
		const frame = frames[Math.min(state.frame, frames.length - 1)];
		const pin = focusFrom(state.pin, map);
		const seen = focus ?? pin;
		const asked = seen?.kind === "output" && !timeline.playing() ? map.windows.findIndex(({ place }) => String(place) === String(seen.place)) : -1;
		const look = asked < 0 ? frame.window : asked;
		stage.draw(frame, { focus, pin, look });
		for (const step of words.children) step.classList.toggle("on", step.dataset.step === frame.scene);
		readout.textContent = seen ? said(seen) : "";
		sum.replaceChildren(...(map.windows[look] ? sumOf(map.windows[look], frame.biased) : []));
		timeline.update();
	}

	const numbers = (text) => text.split(",").map(Number);

	function said({ kind, place }) {
		const found = related(map, { kind, place });
		const element = kind === "input" ? elementAt(map, place) : place;
		const at = element ? `${t(`map.${kind}`)} ${indexOf(map, kind, element)}` : t("play.aZero");
		if (kind === "output") return t("play.dependsOn", { at, all: found.input.size, real: [...found.input].filter((name) => elementAt(map, numbers(name))).length });
		const outputs = [...found.output].map((name) => indexOf(map, "output", numbers(name)));
		return t("play.goesInto", { at, count: outputs.length, where: listed(outputs) });
	}

	/** Output (0, 1) = 1·9 + 2·8 + … = 14, in the colours of input, kernel and output. */
	function sumOf(window, biased) {
		let cut = false;
		const short = (value) => {
			const [text, inexact] = rounded(value);
			cut ||= inexact;
			return text;
		};
		const factor = (value) => (value < 0 ? `(${short(value)})` : short(value));
		const terms = tapsOf(map, window).map(({ kernel: [plane, a, b], at: [c, y, x] }, index) => {
			const [value, weight] = [window.window[c][y][x], shown.weights[plane][a][b]];
			const term = Number(value) && Number(weight) ? "span.term" : "span.term.zero";
			return [index ? " + " : "", h(term, h("span.input", factor(value)), "·", h("span.kernel", factor(weight)))];
		});
		const total = h("strong.output", short(window.value));
		const bias = biased ? `; ${t("controls.bias")} ${exactly([shown.request.body.bias].flat()[window.place[0]])}` : "";
		return [h("span.lead", `${t("map.output")} ${indexOf(map, "output", window.place)} = `), ...terms.flat(), cut ? " ≈ " : " = ", total, bias];
	}

	const under = ({ target }) => target.closest("[data-focus]");
	function point(cell) {
		const name = cell?.dataset.focus ?? "";
		if (!map || name === (focus?.name ?? "")) return;
		focus = focusFrom(name, map);
		draw();
	}
	const pin = (name = "") => set({ pin: name === state.pin ? "" : name });

	function beside(cell, key) {
		const { kind } = focusFrom(cell.dataset.focus, map);
		const columns = { input: map.span[1][1] - map.span[1][0], kernel: map.kernel[1], output: map.output[1] }[kind];
		const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key];
		const cells = [...cell.parentNode.querySelectorAll(".cell")];
		const next = cells[cells.indexOf(cell) + (kind === "kernel" && stage.turned() ? -by : by)];
		return next?.matches(":not(.gone)") ? next : null;
	}

	function walk(event) {
		const cell = under(event);
		if (!cell || !/^(Arrow.*| |Enter)$/.test(event.key)) return;
		event.preventDefault();
		if (event.key.startsWith("Arrow")) beside(cell, event.key)?.focus();
		else pin(cell.dataset.focus);
	}

	return {
		build,
		draw,
		key(event) {
			if (event.key !== "Escape") return timeline.key(event);
			pin();
			return true;
		},
		destroy: timeline.stop,
		frameCount: () => frames.length,
		drawFrame: (at) => stage.draw(frames[at]),
	};
}
