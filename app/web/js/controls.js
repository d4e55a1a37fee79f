// The settings: a slider and a number field each, for all dimensions at once or for each when unlocked.

import { freshId, h, icon, segmented, select, tick } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import { t } from "./messages.js";
import { WORDS, limitOf, open, patchOf, set, settingAt, state } from "./state.js";

const SHACKLE = { true: "M7 10V7a5 5 0 0 1 9.6-2l-1.8.8A3 3 0 0 0 9 7v3", false: "M7 10V8a5 5 0 0 1 10 0v2h-2V8a3 3 0 0 0-6 0v2" };
const LOCK = "h9a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1z";
const PAIRS = ["size", "kernel", "stride", "dilation", "outputPadding"];
const COUNTS = ["inChannels", "outChannels", "groups"];
/** What may be typed although no setting has it: the API says what is wrong. Tensors cannot be that small. */
const LEAST = { stride: -9, padding: -9, dilation: -9, outputPadding: -9 };

/** A slider and a number field for one whole number. */
function dial(key, label, describedBy, read, write) {
	const [least, most] = limitOf(key);
	const typed = LEAST[key] ?? least;
	const about = { min: least, max: most, "aria-label": label, "aria-describedby": describedBy };
	const slider = h("input", { type: "range", ...about, oninput: () => write(Number(slider.value)) });
	const field = h("input.number", { type: "number", ...about, title: `${least} – ${most}`,
		oninput: () => {
			const value = Number(field.value);
			if (field.value && Number.isInteger(value) && value >= typed && value <= most) write(value);
		},
		onchange: () => {
			if (field.value) write(Math.min(most, Math.max(typed, Math.round(Number(field.value)))));
			field.value = read();
		} });
	return {
		element: h("div.dial", h("span.axis", label), slider, field),
		show(wrong) {
			slider.value = read();
			if (Number(field.value) !== read() || !field.value) field.value = read();
			for (const each of [slider, field]) each.setAttribute("aria-invalid", String(wrong));
		},
	};
}

/**
 * Say in `element` what the API says is wrong, each with its suggestion as a button. What stays the same is left
 * alone: a button that is made anew between press and release is never clicked.
 */
export function explain(element, faults, title) {
	const told = JSON.stringify([title, faults]);
	if (element.told === told) return;
	element.told = told;
	element.replaceChildren(faults.length && title ? h("h2", title) : "", ...faults.map(({ message, suggestion }, at) => {
		// Faults beside each other may have the same suggestion; it stands once, at the last.
		const patch = suggestion && JSON.stringify(suggestion) !== JSON.stringify(faults[at + 1]?.suggestion) && patchOf(suggestion);
		const words = patch && t("controls.use", { field: suggestion.pointer.slice(1).replaceAll("/", " "), value: JSON.stringify(suggestion.value) });
		return h("p", message, patch && h("button.suggestion", { onclick: () => set(patch) }, words));
	}));
}

/** The settings' panel. → {element, update(faults)} */
export function makeControls() {
	const element = h("div.controls");
	let [settings, shape, told] = [[], "", []];
	const unlocked = new Set();

	/** A setting: its name, what stands beside it, its dials [label, read, write], and room for what the API says. */
	function setting(key, dials, { head, lock } = {}) {
		const label = t(`controls.${key}`);
		const message = h("div.problem", { id: freshId("problem"), role: "status" });
		const made = dials.map(([name, read, write]) => dial(key, name ?? label, message.id, read, write));
		const free = unlocked.has(key);
		const words = t(`controls.${free ? "lock" : "unlock"}`);
		const button = lock && h("button.quiet", { "aria-pressed": String(free), "data-key": `lock ${key}`, title: words, "aria-label": `${label}: ${words}`,
			onclick: () => (free ? lockUp(key) : unlocked.add(key)) && update(told) }, icon(SHACKLE[free] + LOCK));
		settings.push((faults) => {
			const own = faults.filter(({ pointer }) => settingAt(pointer) === key);
			for (const each of made) each.show(own.length > 0);
			explain(message, own);
		});
		return h(made.length > 1 ? "div.setting.several" : "div.setting", { "data-setting": key },
			h("div.head", h("span.label", label), head, button), made.map((each) => each.element), message);
	}

	/** What gives all sides of a setting the same value. */
	const both = (key) => (value) => set({ [key]: key === "padding" ? [[value, value], [value, value]] : [value, value] });

	/** All sides become as the last one is. */
	function lockUp(key) {
		both(key)(state[key].flat().at(-1));
		return unlocked.delete(key);
	}
	/** Whether each side is set by itself; what once is stays so, while a hand is on its slider. */
	function isFree(key) {
		if (new Set(state[key].slice(2 - state.dims).flat()).size > 1) unlocked.add(key);
		return unlocked.has(key);
	}

	function pair(key) {
		const one = (axis, name) => [t(`controls.${name}`), () => state[key][axis], (value) => set({ [key]: state[key].with(axis, value) })];
		const free = state.dims === 2 && isFree(key);
		return setting(key, free ? [one(0, "rows"), one(1, "columns")] : [[null, () => state[key][1], both(key)]], { lock: state.dims === 2 });
	}

	function padding() {
		const one = (axis, end, name) => [t(`controls.${name}`), () => state.padding[axis][end],
			(value) => set({ padding: state.padding.with(axis, state.padding[axis].with(end, value)) })];
		const sides = [one(0, 0, "top"), one(0, 1, "bottom"), one(1, 0, "left"), one(1, 1, "right")].slice(state.dims === 1 ? 2 : 0);
		const words = WORDS.paddingWord.filter((word) => word !== "full" || state.op === "conv" || state.paddingWord === word);
		const head = choice("paddingWord", ["", ...words], (word) => word || t("controls.number"));
		const dials = isFree("padding") ? sides : [[null, () => state.padding[1][1], both("padding")]];
		return setting("padding", state.paddingWord ? [] : dials, { head, lock: !state.paddingWord });
	}

	const choice = (key, words, name = String) => select({ "aria-label": t(`controls.${key}`), "data-key": key },
		words.map((value) => [value, name(value)]), state[key], (value) => set({ [key]: value }));
	const count = (key) => setting(key, [[null, () => state[key], (value) => set({ [key]: value })]]);
	const word = (key) => setting(key, [], { head: choice(key, WORDS[key]) });

	function examples() {
		const groups = WORDS.op.map((op) => [t(`controls.${op}`), Object.keys(EXAMPLES[op]).map((name) => [name, t(`examples.${name}`)])]);
		return select({ "aria-label": t("controls.example") }, [["", t("controls.choose")], ...groups], "", (name, field) => {
			unlocked.clear();
			const op = WORDS.op.find((each) => name in EXAMPLES[each]);
			open(`op=${op}&${EXAMPLES[op][name]}&tab=${state.tab}`);
			field.value = "";
		});
	}

	const row = (label, content) => h("div.setting", h("div.head", h("span.label", label), content));

	function build() {
		settings = [];
		const conv = state.op === "conv";
		const isOpen = element.querySelector("details")?.open ?? (state.inChannels + state.outChannels > 2 || state.bias !== null);
		const dims = t("controls.dims");
		element.replaceChildren(
			row(t("controls.example"), examples()),
			row(dims, segmented(dims, [[1, "1-D"], [2, "2-D"]], state.dims, (value) => set({ dims: value }))),
			pair("size"), pair("kernel"), pair("stride"), padding(), conv ? word("paddingMode") : "", pair("dilation"), conv ? "" : pair("outputPadding"),
			h("details", { open: isOpen }, h("summary", t("controls.more")), COUNTS.map(count), word("dtype"),
				h("div.ticks", tick(t("controls.bias"), Boolean(state.bias), (on) => set({ bias: on ? [1, 2, 3, 4] : null })),
					tick(t("controls.flip"), state.flip, (on) => set({ flip: on })))));
	}

	/** What decides which dials there are. */
	const structure = () => [state.op, state.dims, state.paddingWord, state.paddingMode, state.dtype, state.flip, state.bias === null,
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
