// The image tab: a photograph, a kernel, and the picture that the service filters.

import { cancel, linesOf, send } from "./api.js";
import { freshId, h, select } from "./dom.js";
import { FILTERS, isBalanced, resized } from "./filters.js";
import { t } from "./messages.js";
import { readNumber, rounded } from "./numbers.js";
import { paint, samplePicture, tensorOf } from "./pixels.js";
import { decode, encode } from "./safetensors.js";
import { saveBlob } from "./snapshot.js";
import { keep, replaced, state } from "./state.js";

const BULK = "application/vnd.safetensors";
const CHOICES = { filter: [...Object.keys(FILTERS), "custom"], size: [3, 5, 7, 9], border: ["reflect", "zeros", "replicate", "circular", "valid"] };
const EVENTS = ["dragover", "drop", "paste"];

// The picture stays while the reader looks at other tabs.
let source = null;

/** The settings in a link's text, with the numbers of their kernel; those of a typed one keep around its centre. */
function settingsIn(text) {
	let given = {};
	try {
		given = JSON.parse(text || "{}");
	} catch { /* A link that was cut off: the usual settings do. */ }
	const found = Object.fromEntries(Object.entries(CHOICES).map(([key, allowed]) => [key, allowed.includes(given[key]) ? given[key] : allowed[0]]));
	const { filter, size } = found;
	if (filter === "custom" && [given.cells].flat(2).every(Number.isFinite)) return { ...found, cells: resized(given.cells, size) };
	const [rows, divisor] = (FILTERS[filter] ?? FILTERS.identity)(size);
	return { ...found, cells: rows.map((row) => row.map((weight) => weight / divisor)) };
}

const short = (value) => rounded(value, 4)[0];

export function mount(root) {
	let text = state.extra.image ?? "";
	let settings = settingsIn(text);

	const canvas = (name) => h(`canvas.${name}`, { role: "img", aria: t(`image.${name}`) });
	const [original, filtered] = [canvas("original"), canvas("filtered")];
	const [originalSays, filteredSays, scale, took] = ["figcaption", "figcaption", "div.scale", "p.took"].map((tag) => h(tag));
	const trouble = h("p.problem", { role: "alert" });
	const kernel = h("div.cellgrid.kernel");
	const file = h("input", { type: "file", accept: "image/*", onchange: () => file.files[0] && open(file.files[0]) });
	const choice = (key, say = (value) => t(`image.${key}_${value}`)) => {
		const id = freshId("image");
		return h("div.field", h("label", { for: id }, t(`image.${key}`)), select({ id, name: key }, CHOICES[key].map((value) => [value, say(value)]), settings[key],
			(chosen) => change({ [key]: CHOICES[key].find((value) => String(value) === chosen) })));
	};
	const button = (name, onclick) => h("button", { onclick }, t(`image.${name}`));
	const say = (problem) => trouble.replaceChildren(problem);

	root.replaceChildren(
		h("div.tools", h("label.button", t("image.choose"), file), button("sample", () => take(samplePicture())), h("span", t("image.drop"))),
		h("div.filters", kernel, h("div.fields", choice("filter"), choice("size", (n) => `${n}×${n}`), choice("border", String))),
		trouble,
		h("div.figures", h("figure", original, originalSays), h("figure", filtered, filteredSays, scale)),
		took,
		h("div.tools", button("save", () => filtered.toBlob((blob) => blob && saveBlob(blob, `convarith-${settings.filter}.png`)))));

	function change(patch) {
		const { filter, size, border, cells } = { ...settings, ...patch };
		text = JSON.stringify({ filter, size, border, ...(filter === "custom" && { cells }) });
		settings = settingsIn(text);
		keep("image", text);
		if (!patch.cells) showKernel();
		prepare();
	}

	function showKernel() {
		kernel.style.setProperty("--columns", settings.size);
		kernel.replaceChildren(...settings.cells.flatMap((row, r) => row.map((weight, c) => h("input.cellfield", { value: rounded(weight)[0], aria: `${t("map.kernel")} (${r}, ${c})`,
			onchange({ target }) {
				const number = Number(readNumber(target.value));
				const good = Number.isFinite(Math.fround(number));
				target.setAttribute("aria-invalid", String(!good));
				if (!good) return say(t("paste.notNumber", { text: target.value }));
				root.querySelector("[name=filter]").value = "custom";
				return change({ filter: "custom", cells: replaced(settings.cells, [r, c], number) });
			} }))));
	}

	const open = (blob) => createImageBitmap(blob).then(take, () => say(t("image.unreadable", { name: blob.name })));

	function take(picture) {
		source = picture;
		prepare();
	}

	/** Edges are looked at in grey. */
	async function prepare() {
		const { cells, size, border } = settings;
		const signed = isBalanced(cells);
		const input = tensorOf(source, signed ? 1 : 3);
		const [channels, height, width] = input.shape;
		paint(original, input);
		originalSays.textContent = `${t("image.original")} ${width}×${height}`;
		const weights = Float32Array.from(Array(channels).fill(cells).flat(2));
		const parameters = { groups: channels, ...(border !== "valid" && { padding: "same", padding_mode: border }) };
		const body = encode({ kernel: { shape: [channels, 1, size, size], data: weights }, input }, { parameters: JSON.stringify(parameters) });
		const begun = performance.now();
		root.setAttribute("aria-busy", "true");
		try {
			const answer = await send("v1/conv", { body, type: BULK, accept: BULK, name: "image", read: async (response) =>
				({ ...decode(await response.arrayBuffer()), time: response.headers.get("Server-Timing"), way: performance.now() - begun }) });
			say("");
			draw(answer, signed);
		} catch (error) {
			const lines = linesOf(error);
			if (!lines.length) return;
			say(lines.join("\n"));
		}
		root.removeAttribute("aria-busy");
	}

	/** Where a kernel cancels out, 0 is mid-grey; else what lies beyond black and white is marked. */
	function draw({ tensors: { output }, metadata, time, way }, signed) {
		const { algorithm, geometry } = JSON.parse(metadata.result);
		const [least, most] = output.data.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
		const reach = Math.max(-least, most) || 1;
		const [low, high] = signed ? [-reach, reach] : [0, 255];
		paint(filtered, output, low, high, !signed);
		filteredSays.textContent = t("image.filteredIs", { size: `${output.shape[2]}×${output.shape[1]}`, least: short(least), most: short(most) });
		scale.replaceChildren(short(low), h("span.ramp"), short(high), signed ? h("span", t("image.zeroIsGrey")) : "",
			...(signed ? [] : [least < -0.5 && "under", most >= 255.5 && "over"].filter(Boolean).map((end) => h(`span.marked.${end}`, { under: "< 0", over: "> 255" }[end]))));
		took.textContent = t("image.took", { compute: /compute;dur=([\d.]+)/.exec(time)?.[1], algorithm, way: way.toFixed(0), macs: geometry.macs.toLocaleString() });
	}

	const takeFile = (event) => {
		const [blob] = (event.dataTransfer ?? event.clipboardData).files;
		if (event.type !== "paste" || blob) event.preventDefault();
		if (blob) open(blob);
	};
	for (const type of EVENTS) addEventListener(type, takeFile);
	showKernel();
	take(source ?? samplePicture());

	return {
		/** Of another link. */
		update() {
			if ((state.extra.image ?? "") === text) return;
			text = state.extra.image ?? "";
			settings = settingsIn(text);
			for (const field of root.querySelectorAll("[name]")) field.value = settings[field.name];
			showKernel();
			prepare();
		},
		destroy() {
			for (const type of EVENTS) removeEventListener(type, takeFile);
			cancel("image");
		},
	};
}
