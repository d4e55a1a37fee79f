// The settings: a slider and a number field each, for all sides at once or for each when unlocked.

import { freshId, h, segmented, select, tick } from "./dom.js";
import { t } from "./messages.js";
import { WORDS, limitOf, open, patchOf, replaced, set, settingAt, state } from "./state.js";

/** Settings worth a look, as links. */
const EXAMPLES = {
	conv: {
		same: "in=5&k=3&pad=same&f=1",
		full: "in=5&k=3&pad=full&f=1",
		dilated: "in=7&k=3&d=2",
		sobel: "in=8&k=3&p=1&x=picture&w=sobel&f=1",
		channels: "in=4&k=2&ci=2&co=2&x=random&w=random.3",
		depthwise: "in=4&k=3&ci=3&co=3&g=3&p=1&x=random&w=random.3&f=1",
		causal: "dims=1&in=8&k=3&p=0,0;2,0&w=ones&f=1",
	},
	conv_transpose: {
		usual: "in=2&k=3&s=2&p=1",
		outputPadding: "in=3&k=3&s=2&p=1&op_pad=1",
		checkerboard: "in=4&k=3&s=2&x=ones&w=ones",
		bilinear: "in=3&k=4&s=2&p=1&x=ramp&w=bilinear",
	},
};
const PAIRS = ["size", "kernel", "stride", "dilation", "outputPadding"];
const COUNTS = ["inChannels", "outChannels", "groups"];

function dial(key, label, describedBy, read, write) {
	const [least, most] = limitOf(key);
	const about = { min: least, max: most, aria: label, "aria-describedby": describedBy };
	const slider = h("input", { type: "range", ...about, oninput: () => write(Number(slider.value)) });
	const field = h("input.number", { type: "number", ...about, title: `${least} – ${most}`,
		oninput: () => {
			const value = Number(field.value);
			if (field.value && Number.isInteger(value) && value >= least && value <= most) write(value);
		},
		onblur: () => (field.value = read()) });
	return {
		element: h("div.dial", h("span.axis", label), slider, field),
		show(wrong) {
			slider.value = read();
			if (Number(field.value) !== read() || !field.value) field.value = read();
			for (const each of [slider, field]) each.setAttribute("aria-invalid", String(wrong));
		},
	};
}

/** Say what the API says is wrong. What stays the same is left alone: a button made anew between press and release is never clicked. */
export function explain(element, faults, title) {
	const told = JSON.stringify([title, faults]);
	if (element.told === told) return;
	element.told = told;
	element.replaceChildren(faults.length && title ? h("h2", title) : "", ...faults.map(({ message, suggestion }) => {
		const patch = suggestion && patchOf(suggestion);
		const words = patch && t("controls.use", { field: suggestion.pointer.slice(1).replaceAll("/", " "), value: JSON.stringify(suggestion.value) });
		return h("p", message, patch && h("button.suggestion", { onclick: () => set(patch) }, words));
	}));
}

export function makeControls() {
	const element = h("div.controls");
	let [settings, shape, told] = [[], "", []];
	const unlocked = new Set();

	/** `dials`: [label, read, write]. */
	function setting(key, dials, { head, lock } = {}) {
		const label = t(`controls.${key}`);
		const message = h("div.problem", { id: freshId("problem"), role: "status" });
		const made = dials.map(([name, read, write]) => dial(key, name ?? label, message.id, read, write));
		const free = unlocked.has(key);
		const words = t(`controls.${free ? "lock" : "unlock"}`);
		const button = lock && h("button.quiet", { "aria-pressed": String(free), "data-key": `lock ${key}`, title: words, aria: `${label}: ${words}`,
			onclick: () => (free ? lockUp(key) : unlocked.add(key)) && update(told) }, free ? "≠" : "=");
		settings.push((faults) => {
			const own = faults.filter(({ pointer }) => settingAt(pointer) === key);
			for (const each of made) each.show(own.length > 0);
			explain(message, own);
		});
		return h(made.length > 1 ? "div.setting.several" : "div.setting", { "data-setting": key },
			h("div.head", h("span.label", label), head, button), made.map((each) => each.element), message);
	}

	const both = (key) => (value) => set({ [key]: key === "padding" ? [[value, value], [value, value]] : [value, value] });

	function lockUp(key) {
		both(key)(state[key].flat().at(-1));
		return unlocked.delete(key);
	}
	/** Whether each side is set by itself; it stays so while a hand is on its slider. */
	function isFree(key) {
		if (new Set(state[key].slice(2 - state.dims).flat()).size > 1) unlocked.add(key);
		return unlocked.has(key);
	}

	/** The dials of a setting: one for all sides, or one for each, which is at a place of its value. */
	function dials(key, sides) {
		if (!isFree(key)) return [[null, () => [state[key]].flat(2).at(-1), both(key)]];
		return sides.map(([name, ...place]) => [t(`controls.${name}`), () => place.reduce((value, at) => value[at], state[key]),
			(value) => set({ [key]: replaced(state[key], place, value) })]);
	}
	const pair = (key) => setting(key, dials(key, [["rows", 0], ["columns", 1]].slice(2 - state.dims)), { lock: state.dims === 2 });

	function padding() {
		const sides = [["top", 0, 0], ["bottom", 0, 1], ["left", 1, 0], ["right", 1, 1]].slice(state.dims === 1 ? 2 : 0);
		const words = WORDS.paddingWord.filter((word) => word !== "full" || state.op === "conv" || state.paddingWord === word);
		const head = choice("paddingWord", ["", ...words], (word) => word || t("controls.number"));
		return setting("padding", state.paddingWord ? [] : dials("padding", sides), { head, lock: !state.paddingWord });
	}

	const choice = (key, words, name = String) => select({ aria: t(`controls.${key}`), "data-key": key },
		words.map((value) => [value, name(value)]), state[key], (value) => set({ [key]: value }));
	const count = (key) => setting(key, [[null, () => state[key], (value) => set({ [key]: value })]]);
	const word = (key) => setting(key, [], { head: choice(key, WORDS[key]) });

	function examples() {
		const groups = WORDS.op.map((op) => [t(`controls.${op}`), Object.keys(EXAMPLES[op]).map((name) => [name, t(`examples.${name}`)])]);
		return select({ aria: t("controls.example") }, [["", t("controls.example")], ...groups], "", (name, field) => {
			unlocked.clear();
			const op = WORDS.op.find((each) => name in EXAMPLES[each]);
			open(`op=${op}&${EXAMPLES[op][name]}&tab=${state.tab}`);
			field.value = "";
		});
	}

	function build() {
		settings = [];
		const conv = state.op === "conv";
		const isOpen = element.querySelector("details")?.open ?? (state.inChannels + state.outChannels > 2 || state.bias !== null);
		const dims = t("controls.dims");
		element.replaceChildren(
			examples(),
			h("div.setting", h("div.head", h("span.label", dims), segmented(dims, [[1, "1-D"], [2, "2-D"]], state.dims, (value) => set({ dims: value })))),
			pair("size"), pair("kernel"), pair("stride"), padding(), conv ? word("paddingMode") : "", pair("dilation"), conv ? "" : pair("outputPadding"),
			h("details", { open: isOpen }, h("summary", t("controls.more")), COUNTS.map(count),
				h("div.ticks", tick(t("controls.bias"), Boolean(state.bias), (on) => set({ bias: on ? [1, 2, 3, 4] : null })),
					tick(t("controls.flip"), state.flip, (on) => set({ flip: on })))));
	}

	const structure = () => [state.op, state.dims, state.paddingWord, state.paddingMode, state.flip, state.bias === null,
		...[...PAIRS, "padding"].map(isFree)].join();

	function update(faults) {
		told = faults;
		if (shape !== structure()) {
			const { key } = document.activeElement.dataset;
			shape = structure();
			build();
			if (key) element.querySelector(`[data-key="${key}"]`)?.focus();
		}
		for (const show of settings) show(faults);
		if (element.querySelector("details .problem:not(:empty)")) element.querySelector("details").open = true;
	}
	return { element, update };
}
