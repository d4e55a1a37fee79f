// The image tab: a photograph, a kernel, and the filtered picture beside it. The filtering is the service's.

import { cancel, limits, linesOf, send } from "./api.js";
import { freshId, h, select } from "./dom.js";
import { FILTERS, isBalanced, resized } from "./filters.js";
import { t } from "./messages.js";
import { readNumber, rounded } from "./numbers.js";
import { paint, rangeOf, samplePicture, tensorOf } from "./pixels.js";
import { decode, encode } from "./safetensors.js";
import { saveBlob } from "./snapshot.js";
import { keep, state } from "./state.js";

const BULK = "application/vnd.safetensors";
/** What can be chosen; the first is usual. */
const CHOICES = {
	filter: [...Object.keys(FILTERS), "custom"], size: [3, 5, 7, 9], channels: [1, 3], border: ["reflect", "zeros", "replicate", "circular", "valid"],
	megapixels: [2, 0.5, 8, 16],
};
const EVENTS = ["dragover", "drop", "paste"];

// The picture stays while the reader looks at other tabs.
let source = null;

/** Settings as they stand in the link: what is not usual, and a typed kernel. */
const written = ({ cells, divisor, ...chosen }) => JSON.stringify({
	...Object.fromEntries(Object.entries(chosen).filter(([key, value]) => value !== CHOICES[key][0])),
	...(chosen.filter === "custom" && { cells, divisor }) });

function read(text) {
	let given = {};
	try {
		given = JSON.parse(text || "{}");
	} catch { /* A link that was cut off: the usual settings do. */ }
	const found = Object.fromEntries(Object.entries(CHOICES).map(([key, allowed]) => [key, allowed.includes(given[key]) ? given[key] : allowed[0]]));
	const cells = [given.cells].flat();
	const sound = cells.length === found.size && [...cells.flat(), 1 / given.divisor].every(Number.isFinite);
	if (found.filter === "custom" && !sound) found.filter = "identity";
	return withCells({ ...found, cells, divisor: given.divisor });
}

/** The settings with the numbers of their kernel; those of a typed one keep around its centre. */
function withCells(settings) {
	const { filter, size } = settings;
	const [cells, divisor] = filter === "custom" ? [resized(settings.cells, size), settings.divisor] : FILTERS[filter](size);
	return { ...settings, cells, divisor };
}

const short = (value) => rounded(value, 4)[0];

export function mount(root) {
	let text = state.extra.image ?? "";
	let settings = read(text);
	let [input, answer] = [null, null];

	const original = h("canvas", { role: "img", "aria-label": t("image.original") });
	const filtered = h("canvas.filtered", { role: "img", "aria-label": t("image.filtered"), onpointermove: point, onpointerleave: () => readout.replaceChildren() });
	const [originalSays, filteredSays, scale, readout, took] = ["figcaption", "figcaption", "div.scale", "p.readout", "p.took"].map((tag) => h(tag));
	const trouble = h("p.problem", { role: "alert" });
	const kernel = h("div.weights");
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
		h("div.filters", kernel, h("div.fields", choice("filter"), choice("size", (n) => `${n}×${n}`), choice("channels"), choice("border"),
			choice("megapixels", (n) => t("image.upTo", { n, hundred: 100 * n })))),
		trouble,
		h("div.figures", h("figure", original, originalSays), h("figure", filtered, filteredSays, scale, readout)),
		took,
		h("div.tools", button("save", () => filtered.toBlob((blob) => blob && saveBlob(blob, `convarith-${settings.filter}.png`)))));

	function change(patch) {
		settings = withCells({ ...settings, ...patch });
		if ("filter" in patch || "size" in patch) showKernel();
		text = written(settings);
		keep("image", text);
		prepare();
	}

	function showKernel() {
		const field = (value, label, put) => h("input.cellfield", { value: rounded(value)[0], "aria-label": label, inputmode: "decimal", onchange({ target }) {
			const number = Number(readNumber(target.value) ?? NaN);
			const good = Number.isFinite(Math.fround(number)) && (number !== 0 || label !== t("image.dividedBy"));
			target.setAttribute("aria-invalid", String(!good));
			if (!good) return say(t("image.noNumber", { text: target.value }));
			root.querySelector("[name=filter]").value = settings.filter = "custom";
			return change(put(number));
		} });
		kernel.replaceChildren(
			h("div.cellgrid", settings.cells.map((row, r) => row.map((weight, c) =>
				field(weight, t("image.cell", { r, c }), (number) => ({ cells: settings.cells.with(r, settings.cells[r].with(c, number)) }))))),
			h("label.divisor", t("image.dividedBy"), field(settings.divisor, t("image.dividedBy"), (divisor) => ({ divisor }))));
		kernel.firstChild.style.setProperty("--columns", settings.size);
	}

	async function open(blob) {
		try {
			take(await createImageBitmap(blob));
		} catch {
			say(t("image.unreadable", { name: blob.name }));
		}
	}

	function take(picture) {
		source = picture;
		prepare();
	}

	async function prepare() {
		input = tensorOf(source, settings, (await limits()).limits);
		paint(original, input);
		const [, height, width] = input.shape;
		const scaled = width === source.width ? "" : t("image.scaled", { from: `${source.width}×${source.height}` });
		originalSays.textContent = t("image.originalIs", { size: `${width}×${height}` }) + scaled;
		filter();
	}

	async function filter() {
		const { cells, divisor, size, border } = settings;
		const [channels] = input.shape;
		const weights = Float32Array.from(Array(channels).fill(cells).flat(2), (weight) => weight / divisor);
		const parameters = { groups: channels, ...(border !== "valid" && { padding: "same", padding_mode: border }) };
		const body = encode({ kernel: { shape: [channels, 1, size, size], data: weights }, input }, { parameters: JSON.stringify(parameters) });
		const begun = performance.now();
		root.setAttribute("aria-busy", "true");
		try {
			answer = await send("v1/conv", { body, type: BULK, accept: BULK, name: "image", async read(response) {
				const { tensors: { output }, metadata } = decode(await response.arrayBuffer());
				const compute = Number(/compute;dur=([\d.]+)/.exec(response.headers.get("Server-Timing"))?.[1]);
				return { output, range: rangeOf(output), result: JSON.parse(metadata.result), compute, way: performance.now() - begun };
			} });
			say("");
			draw();
		} catch (error) {
			const lines = linesOf(error);
			if (!lines.length) return;
			say(lines.join("\n"));
		}
		root.removeAttribute("aria-busy");
	}

	/** Kernels that cancel out give values around 0, which is mid-grey then; of others, what lies beyond black and white is marked. */
	function draw() {
		const { output, range, result, compute, way } = answer;
		const signed = isBalanced(settings.cells);
		const reach = Math.max(-range.least, range.most) || 1;
		const [low, high] = signed ? [-reach, reach] : [0, 255];
		paint(filtered, output, low, high, !signed);
		filteredSays.textContent = t("image.filteredIs", { size: `${output.shape[2]}×${output.shape[1]}`, least: short(range.least), most: short(range.most) });
		const notes = ["under", "over"].filter((end) => range[end]).map((end) =>
			h(`span.marked.${end}`, t(`image.marked_${end}`, { share: `${((100 * range[end]) / output.data.length).toFixed(1)} %` })));
		scale.replaceChildren(short(low), h("span.ramp"), short(high), ...(signed ? [h("span", t("image.zeroIsGrey"))] : notes));
		took.textContent = t("image.took", { compute: short(compute), algorithm: result.algorithm, way: way.toFixed(0), macs: result.geometry.macs.toLocaleString() });
	}

	/** The values under the pointer. */
	function point({ offsetX, offsetY }) {
		if (!answer) return;
		const { shape: [channels, height, width], data } = answer.output;
		const x = Math.min(width - 1, Math.floor((offsetX / filtered.clientWidth) * width));
		const y = Math.min(height - 1, Math.floor((offsetY / filtered.clientHeight) * height));
		const values = Array.from({ length: channels }, (_, c) => short(data[(c * height + y) * width + x]));
		readout.textContent = `(${x}, ${y}) = ${values.join(", ")}`;
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
		/** Take up the settings of another link. */
		update() {
			if ((state.extra.image ?? "") === text) return;
			text = state.extra.image ?? "";
			settings = read(text);
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
