// The numbers of the input, the kernel and the bias: typed into cells, filled with a pattern, or pasted.

import { explain } from "./controls.js";
import { h, select } from "./dom.js";
import { t } from "./messages.js";
import { exactly, range, readNumber, times } from "./numbers.js";
import { takeTensor } from "./paste.js";
import { PATTERNS } from "./patterns.js";
import { perGroup, replaced, set, state } from "./state.js";

/** Fields for rows of numbers; `put(r, c, value)` gets what was typed. */
function cellGrid(rows, columns, name, put) {
	const invalid = (field, is) => field.setAttribute("aria-invalid", String(is));
	const fields = range(rows * columns, (at) => {
		const [r, c] = [Math.floor(at / columns), at % columns];
		return h("input.cellfield", { spellcheck: "false", autocomplete: "off", aria: `${name} (${rows > 1 ? `${r}, ` : ""}${c})`,
			onfocus: ({ target }) => target.select(),
			oninput: ({ target }) => {
				const value = readNumber(target.value);
				invalid(target, value === undefined);
				if (value !== undefined) put(r, c, value);
			},
			onblur: ({ target }) => {
				invalid(target, false);
				target.value = target.dataset.value;
			} });
	});
	const element = h("div.cellgrid", fields);
	element.style.setProperty("--columns", columns);
	return {
		element,
		show: (values) => values.flat().forEach((value, at) => {
			const field = fields[at];
			const text = String(value);
			if (field.dataset.value !== text) {
				field.dataset.value = text;
				field.title = text.length > 6 ? exactly(value) : "";
			}
			if (field.value !== text && (document.activeElement !== field || readNumber(field.value) !== value)) field.value = text;
		}),
	};
}

export function makeEditor(kind) {
	const key = kind === "kernel" ? "weights" : kind;
	const name = t(`map.${kind}`);
	const size = h("span.shape");
	const planes = h("div.planes");
	const message = h("div.problem", { role: "status" });
	const fill = (patch) => set({ [key]: { ...state[key], ...patch } });
	const pattern = select({ aria: `${name}: ${t("tensor.fill")}` }, [...Object.keys(PATTERNS[key]), "own"].map((each) => [each, t(`pattern.${each}`)]),
		state[key].pattern, (chosen) => fill({ pattern: chosen }));
	const again = h("button.quiet", { title: t("tensor.again"), aria: `${name}: ${t("tensor.again")}`,
		onclick: () => fill({ pattern: "random", seed: state[key].seed + 1 }) }, "↻");
	const area = h("textarea", { hidden: true, rows: 5, spellcheck: "false", aria: t("tensor.help"), placeholder: t("tensor.help"), onchange: () => take(area.value) });
	const paste = h("button.quiet", { onclick: () => {
		area.hidden = !area.hidden;
		area.focus();
	} }, t("tensor.paste"));
	/** Several numbers, pasted into a cell too, are a tensor. */
	function take(text, event) {
		const { patch, problem } = takeTensor(text, kind, t);
		if (patch || event?.target !== area) event?.preventDefault();
		if (!patch) return explain(message, [{ message: problem }]);
		Object.assign(area, { hidden: true, value: "" });
		return set(patch);
	}
	function pasted(event) {
		const text = event.clipboardData.getData("text");
		if (readNumber(text) === undefined) take(text, event);
	}
	const element = h(`section.editor.${kind}`, { aria: name, onpaste: pasted }, h("div.head", h("h3", name), size, pattern, again, paste), area, planes, message);

	let grids = [];
	let shape = "";

	function build(values) {
		const [ins] = perGroup();
		const caption = (at) => values.length > 1 && (kind === "input" ? `[${at}]` : `[${Math.floor(at / ins)}] ← [${at % ins}]`);
		const block = (grid, words) => h("div", words && h("div.caption", words), grid.element);
		grids = values.map((rows, at) => cellGrid(rows.length, rows[0].length, [name, caption(at)].filter(Boolean).join(", "), (r, c, value) =>
			fill({ pattern: "own", planes: replaced(state[key].planes, [at, r, c], value) })));
		planes.replaceChildren(...grids.map((grid, at) => block(grid, caption(at))));
		if (kind === "input" || !state.bias) return;
		grids.bias = cellGrid(1, state.bias.length, t("controls.bias"), (_r, o, value) => set({ bias: state.bias.with(o, value) }));
		planes.append(block(grids.bias, t("controls.bias")));
	}

	function update(faults) {
		const { planes: values } = state[key];
		const sizes = [values.length, values[0].length, values[0][0].length];
		const now = [...sizes, kind === "kernel" && state.bias?.length, state.groups].join();
		if (shape !== now) build(values);
		shape = now;
		grids.forEach((grid, at) => grid.show(values[at]));
		grids.bias?.show(state.bias);
		size.textContent = times([...(values.length > 1 ? [values.length] : []), ...sizes.slice(3 - state.dims)]);
		pattern.value = state[key].pattern;
		pattern.lastChild.hidden = pattern.value !== "own";
		explain(message, faults.filter(({ pointer }) => pointer.startsWith(`/${kind}/`) || (kind === "kernel" && pointer.startsWith("/bias"))));
	}
	return { element, update };
}
