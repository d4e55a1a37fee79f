// Everything that the page shows is one plain object, which can be written into the address and read back.

import { range } from "./numbers.js";
import { PATTERNS, filled } from "./patterns.js";

/** [least, most] of a teaching picture; the service itself takes far more. */
const RANGES = {
	size: [1, 16], kernel: [1, 9], stride: [1, 8], padding: [0, 12], dilation: [1, 6], outputPadding: [0, 7],
	inChannels: [1, 4], outChannels: [1, 4], groups: [1, 4], dims: [1, 2], frame: [0, 1e6],
};
const LONGEST_LINE = 32;
export const WORDS = {
	op: ["conv", "conv_transpose"], paddingWord: ["valid", "same", "same_lower", "full"],
	paddingMode: ["zeros", "reflect", "replicate", "circular"],
	lang: ["en", "zh"], theme: ["light", "dark"], speed: [0.25, 0.5, 1, 2, 4, 8],
};

const DEFAULTS = {
	op: "conv", dims: 2,
	size: [4, 4], kernel: [3, 3], stride: [1, 1],
	// Before and after, of rows and of columns. One dimension uses the columns, here and elsewhere.
	padding: [[0, 0], [0, 0]], paddingWord: "", paddingMode: "zeros",
	dilation: [1, 1], outputPadding: [0, 0], inChannels: 1, outChannels: 1, groups: 1,
	bias: null, flip: false,
	// Planes: of each input channel; of each (output channel, input channel of its group).
	input: { pattern: "ramp", seed: 1, planes: [] }, weights: { pattern: "ramp", seed: 1, planes: [] },
	tab: "play", frame: 0, pin: "", speed: 1, lang: "", theme: "",
	// What tabs keep in the link: {name: text}.
	extra: {},
};
const SHAPES = ["dims", "size", "kernel", "inChannels", "outChannels", "groups", "bias", "input", "weights"];

export const state = structuredClone(DEFAULTS);
const listeners = [];

/** `listener` gets the set of what changed. */
export const subscribe = (listener) => listeners.push(listener);

export function set(patch) {
	const before = { ...state };
	Object.assign(state, patch);
	if (SHAPES.some((key) => key in patch)) fit();
	const changed = new Set(Object.keys(state).filter((key) => before[key] !== state[key]));
	if (changed.size) for (const listener of listeners) listener(changed);
}
/** A copy of nested lists, with another value at a place. */
export const replaced = (list, [at, ...rest], value) => list.with(at, rest.length ? replaced(list[at], rest, value) : value);
export const keep = (name, text) => set({ extra: { ...state.extra, [name]: text } });

export function open(link) {
	const { lang, theme } = state;
	set({ ...structuredClone(DEFAULTS), lang, theme, ...read(link) });
}

export const limitOf = (key, dims = state.dims) => (key === "size" && dims === 1 ? [1, LONGEST_LINE] : RANGES[key]);

/** Channels in and out of a group; where groups do not divide, the API will say so. */
export const perGroup = () => [state.inChannels, state.outChannels].map((count) => Math.max(1, Math.floor(count / state.groups)));

function fit() {
	if (state.dims === 2) state.size = state.size.map((n) => Math.min(n, RANGES.size[1]));
	const [ins, outs] = perGroup();
	state.input = fitted("input", state.size, state.inChannels);
	state.weights = fitted("weights", state.kernel, state.outChannels * ins, (plane) => Math.floor(plane / ins) % outs === plane % ins);
	if (state.bias) state.bias = range(state.outChannels, (o) => state.bias[o] ?? 0);
}

function fitted(key, [height, columns], count, sameAt) {
	const { pattern, seed, planes } = state[key];
	const own = ({ plane }) => (r, c) => planes[plane]?.[r]?.[c] ?? 0;
	const rows = state.dims === 1 ? 1 : height;
	return { pattern, seed, planes: filled(PATTERNS[key][pattern] ?? own, { count, rows, columns, seed, sameAt }) };
}

const alike = (list) => list.every((item) => String(item) === String(list[0]));
const perDimension = (pair) => pair.slice(2 - state.dims);
const short = (pair) => (alike(perDimension(pair)) ? pair[1] : pair);
const spatial = (plane) => (state.dims === 1 ? plane[0] : plane);

/** (C_out, C_in/groups, …), or in and out swapped inside each group. */
function kernelTensor() {
	const [ins, outs] = perGroup();
	const plane = (o, c) => spatial(state.weights.planes[o * ins + c]);
	if (state.op === "conv" || state.outChannels % state.groups) return range(state.outChannels, (o) => range(ins, (c) => plane(o, c)));
	return range(ins * state.groups, (c) => range(outs, (o) => plane(Math.floor(c / ins) * outs + o, c % ins)));
}

function paddingField() {
	const pairs = perDimension(state.padding);
	if (state.paddingWord || alike(pairs.flat())) return state.paddingWord || pairs[0][0];
	return pairs.every(alike) ? pairs.map(([both]) => both) : pairs;
}

/** {op, path, body}, with as few fields as say it. */
export function request() {
	const { op, inChannels, outChannels, groups, bias } = state;
	const bare = inChannels === 1 && outChannels === 1 && groups === 1;
	const inputs = state.input.planes.map(spatial);
	const all = {
		input: bare ? inputs[0] : inputs, kernel: bare ? spatial(state.weights.planes[0]) : kernelTensor(), bias: bare && bias ? bias[0] : bias,
		stride: short(state.stride), padding: paddingField(), dilation: short(state.dilation),
		...(op === "conv" ? { padding_mode: state.paddingMode } : { output_padding: short(state.outputPadding) }),
		groups, flip_kernel: state.flip,
	};
	const usual = { bias: null, stride: 1, padding: 0, dilation: 1, padding_mode: "zeros", output_padding: 0, groups: 1, flip_kernel: false };
	const body = Object.fromEntries(Object.entries(all).filter(([field, value]) => value !== usual[field]));
	return { op, path: `v1/${op.replace("_", "-")}`, body };
}

const SETTING_OF = { output_padding: "outputPadding", flip_kernel: "flip", padding_mode: "paddingMode", input: "size" };
export const settingAt = (pointer) => {
	const field = pointer.split("/")[1];
	return SETTING_OF[field] ?? field;
};

/** A suggestion of the API as a patch of the state; null where it is none. */
export function patchOf({ pointer, value }) {
	const [, field, ...path] = pointer.split("/");
	const key = settingAt(pointer);
	if (!(key in DEFAULTS) || (SHAPES.includes(key) && key !== "groups")) return null;
	const now = path.length ? replaced(request().body[field], path.map(Number), value) : value;
	const both = (item) => (Array.isArray(item) ? [item[0], item.at(-1)] : [item, item]);
	if (key !== "padding") return { [key]: Array.isArray(DEFAULTS[key]) ? both(now) : now };
	return typeof now === "string" ? { paddingWord: now } : { paddingWord: "", padding: both(now).map(both) };
}

const NAMES = { size: "in", kernel: "k", stride: "s", padding: "p", paddingWord: "pad", paddingMode: "mode", dilation: "d", outputPadding: "op_pad",
	inChannels: "ci", outChannels: "co", groups: "g", bias: "b", input: "x", weights: "w", frame: "f" };
const KEYS = new Map(Object.keys(DEFAULTS).filter((key) => key !== "extra").map((key) => [NAMES[key] ?? key, key]));

function textOf(key, value) {
	if (key in PATTERNS) {
		const { pattern, seed, planes } = value;
		return pattern === "own" ? planes.map((rows) => rows.join(";")).join("/") : pattern + (pattern === "random" ? `.${seed}` : "");
	}
	if (key in RANGES && Array.isArray(value)) return alike(value.flat()) ? String(value.flat()[0]) : value.join(key === "padding" ? ";" : ",");
	return String(value ?? "");
}

export function link() {
	const parts = [...KEYS].map(([name, key]) => [name, textOf(key, state[key]), textOf(key, DEFAULTS[key])]);
	parts.push(...Object.entries(state.extra).map(([name, text]) => [`${name}.`, text.replace(/[^\w.,;/:@!$'()*~-]/g, encodeURIComponent), ""]));
	return parts.filter(([, text, usual]) => text !== usual).map(([name, text]) => `${name}=${text}`).join("&");
}

const number = (text) => (/^-?\d{16,30}$/.test(text) ? BigInt(text) : Number.isFinite(Number(text)) ? Number(text) : 0);

function valueFrom(key, text) {
	if (key in PATTERNS) {
		const [pattern, seed] = text.split(".");
		if (Object.hasOwn(PATTERNS[key], pattern)) return { pattern, seed: Math.abs(Math.trunc(Number(seed))) || 1, planes: [] };
		return { pattern: "own", seed: 1, planes: text.split("/").slice(0, 16).map((rows) => rows.split(";").map((row) => row.split(",").map(number))) };
	}
	if (key === "bias") return text.split(",").map(number);
	if (key === "pin") return /^(input|kernel|output)(-\d+){3}$/.test(text) ? text : undefined;
	if (key === "tab") return text.slice(0, 20);
	if (key in WORDS) return WORDS[key].find((word) => String(word) === text);
	if (!(key in RANGES)) return text === "true";
	const [least, most] = limitOf(key, 1);
	const [a, b = a, c = a, d = b] = text.split(/[;,]/).map((part) => Math.min(most, Math.max(least, Number.parseInt(part, 10))));
	if ([a, b, c, d].some(Number.isNaN)) return undefined;
	if (key === "padding") return [[a, b], [c, d]];
	return Array.isArray(DEFAULTS[key]) ? [a, b] : a;
}

function read(text) {
	const found = { extra: {} };
	for (const [name, value] of new URLSearchParams(text.replace(/^#/, "").slice(0, 60000).replaceAll("+", "%2B"))) {
		if (/^\w{1,20}\.$/.test(name)) found.extra[name.slice(0, -1)] = value.slice(0, 2000);
		const key = KEYS.get(name);
		const known = key && valueFrom(key, value);
		if (known !== undefined) found[key] = known;
	}
	return found;
}
