// The formula with the numbers put in, the sizes that belong together, and what the layer costs.

import { h, math, scrolled } from "./dom.js";
import { t } from "./messages.js";
import { exactly, times } from "./numbers.js";
import { set, state } from "./state.js";

const SIGNS = { "*": "·", "-": "−" };
const ROLES = { i: "mi.input", k: "mi.kernel", o: "mi.output" };

function written(text) {
	return text.replace("output_padding", "p_out").match(/\w+|\S/g).map((token) => {
		if (/\d/.test(token)) return math("mn", token);
		if (!/\w/.test(token)) return math("mo", { stretchy: "false" }, SIGNS[token] ?? token);
		const [first, below] = token.split("_");
		return below ? math("msub", math("mi", first), math("mtext", below)) : math(ROLES[token] ?? "mi", token);
	});
}

/** floor((over)/under) + 1 is a fraction. */
function formula(text) {
	const [, over, under, rest] = /^floor\(\((.+)\)\/(\w+)\)(.+)/.exec(text) ?? [];
	if (!over) return written(text);
	return [math("mo", "⌊"), math("mfrac", math("mrow", written(over)), math("mrow", written(under))), math("mo", "⌋"), written(rest)];
}

function choice(key, axis, value) {
	const at = state.dims === 1 ? 1 : axis;
	return h("button", { "aria-pressed": String(state[key][at] === value), onclick: () => set({ [key]: state[key].with(at, value) }) }, String(value));
}
const more = (sizes, { max }) => max > sizes.at(-1) && h("span", `… ${max}`);

function inputs({ inverse_sizes: sizes, inverse_range: range, unused_input: unused, effective_kernel: effective }, axis) {
	return [h("p", t("sizes.sameOutput", { effective })), h("div.tools", sizes.map((size) => choice("size", axis, size)), more(sizes, range)),
		h("p.hint", t(unused ? "sizes.unused" : "sizes.allUsed", { unused }))];
}

function outputs(geometry, { inverse_sizes: sizes, inverse_range: range, effective_kernel: effective }, axis) {
	const base = geometry.output_size[axis] - geometry.output_padding[axis];
	const line = (name, make) => h("tr", h("th", { scope: "row" }, name), sizes.map((size) => h("td", make(size))));
	const [before, after] = geometry.crop[axis];
	return [h("p", t("sizes.outputPadding", { effective })),
		h("table", line("output_padding", (size) => choice("outputPadding", axis, size - base)), line(t("sizes.output"), String)), more(sizes, range),
		h("p.hint", t("sizes.map", { full: geometry.full_size[axis], before, after }))];
}

function dimension(geometry, axis) {
	const { op } = geometry;
	const facts = geometry.dimensions[axis];
	const name = geometry.input_size.length === 1 ? "length" : ["height", "width"][axis];
	return h("section.dimension", h("h3", t(`sizes.${name}`)),
		scrolled(`${facts.formula}: ${facts.substituted}`,
			math("math", written("o ="), formula(facts.formula)), math("math", formula(facts.substituted))),
		op === "conv" ? inputs(facts, axis) : outputs(geometry, facts, axis));
}

export const mount = (root) => ({
	build({ response: { geometry } }) {
		const { op, coverage } = geometry;
		root.replaceChildren(
			h("h2", t("sizes.title", { op: t(`controls.${op}`), from: times(geometry.input_size), to: times(geometry.output_size) })),
			h("div.dimensions", geometry.dimensions.map((_, axis) => dimension(geometry, axis))),
			h("dl.facts", ["macs", "parameters", "output_elements"].map((name) => h("div", h("dt", t(`sizes.${name}`)), h("dd", exactly(geometry[name]))))),
			op === "conv" ? "" : h("p", t(geometry.checkerboard ? "sizes.checkerboard" : "sizes.noCheckerboard", coverage)),
			h("p.hint", t("sizes.letters")));
	},
});
