// Everything that the page shows is one plain object. It can be written into the address and read back.

import { INPUT_PATTERNS, KERNEL_PATTERNS, filled } from "./patterns.js";

/** How far the settings of a teaching picture go: [least, most]; the service itself takes far more. */
const RANGES = {
  size: [1, 16], kernel: [1, 9], stride: [1, 8], padding: [0, 12], dilation: [1, 6], outputPadding: [0, 7],
  inChannels: [1, 4], outChannels: [1, 4], groups: [1, 4], dims: [1, 2], frame: [0, 1e6],
};
const LONGEST_LINE = 32;
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
export const WORDS = {
  op: ["conv", "conv_transpose"], paddingWord: ["valid", "same", "same_lower", "full"],
  paddingMode: ["zeros", "reflect", "replicate", "circular"], dtype: ["auto", "int64", "float32", "float64"],
  lang: ["en", "zh"], theme: ["light", "dark"], speed: SPEEDS,
};

const DEFAULTS = {
  op: "conv", dims: 2,
  // Rows and columns. One dimension uses the columns.
  size: [4, 4], kernel: [3, 3], stride: [1, 1],
  // Before and after, of rows and of columns; or a word that the API knows.
  padding: [[0, 0], [0, 0]], paddingWord: "", paddingMode: "zeros",
  dilation: [1, 1], outputPadding: [0, 0], inChannels: 1, outChannels: 1, groups: 1,
  bias: null, flip: false, dtype: "auto",
  // Planes: one for each input channel; one for each (output channel, input channel of its group).
  input: { pattern: "ramp", seed: 1, planes: [] }, weights: { pattern: "ramp", seed: 1, planes: [] },
  // Settings whose dimensions are set one by one.
  unlocked: [],
  tab: "play", frame: 0, pin: "", speed: 1, shade: false, lang: "", theme: "",
  // What a tab wants to keep in the link: {name: text}.
  extra: {},
};
const SHAPES = ["dims", "size", "kernel", "inChannels", "outChannels", "groups", "bias", "input", "weights"];

export const state = structuredClone(DEFAULTS);
const listeners = new Set();

/** Be told of changes, with the set of what changed. */
export const subscribe = (listener) => listeners.add(listener);

/** Change the state; tensors are made to fit the sizes. */
export function set(patch) {
  const before = { ...state };
  Object.assign(state, patch);
  if (SHAPES.some((key) => key in patch)) fit();
  const changed = new Set(Object.keys(state).filter((key) => before[key] !== state[key]));
  if (changed.size) for (const listener of listeners) listener(changed);
}

/** Everything as it is at first, changed by what a link says; language and theme stay. */
export function open(link) {
  const { lang, theme } = state;
  set({ ...structuredClone(DEFAULTS), lang, theme, ...read(link) });
}

export const limitOf = (key, dims = state.dims) => (key === "size" && dims === 1 ? [1, LONGEST_LINE] : RANGES[key]);

// --- tensors that fit the sizes ---------------------------------------------------------------------------------

/** Channels of the input, and of the output, in each group; where groups do not divide, the API will say so. */
export const perGroup = () => [state.inChannels, state.outChannels].map((count) => Math.max(1, Math.floor(count / state.groups)));

function fit() {
  if (state.dims === 2) state.size = state.size.map((n) => Math.min(n, RANGES.size[1]));
  const [ins, outs] = perGroup();
  state.input = fitted(state.input, INPUT_PATTERNS, state.size, state.inChannels);
  state.weights = fitted(state.weights, KERNEL_PATTERNS, state.kernel, state.outChannels * ins,
    (plane) => Math.floor(plane / ins) % outs === plane % ins);
  if (state.bias) state.bias = Array.from({ length: state.outChannels }, (_, o) => state.bias[o] ?? 0);
}

function fitted(tensor, patterns, [height, columns], count, sameAt) {
  const rows = state.dims === 1 ? 1 : height;
  const { pattern, seed, planes } = tensor;
  const value = pattern in patterns ? patterns[pattern] : ({ plane }) => (r, c) => planes[plane]?.[r]?.[c] ?? 0;
  return { ...tensor, planes: filled(value, { count, rows, columns, seed, sameAt }) };
}

// --- the request that it stands for -----------------------------------------------------------------------------

const alike = (list) => list.every((item) => String(item) === String(list[0]));
const perDimension = (pair) => (state.dims === 1 ? [pair[1]] : pair);
const short = (pair) => (alike(perDimension(pair)) ? pair[1] : perDimension(pair));
const spatial = (plane) => (state.dims === 1 ? plane[0] : plane);
const range = (length, make) => Array.from({ length }, (_, at) => make(at));

/** The kernel as the operation has it: (C_out, C_in/groups, …), or in and out swapped inside each group. */
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

/** The request to the API, with as few fields as say it: {op, path, body}. */
export function request() {
  // Without channels a request has the bare row or picture.
  const bare = state.inChannels === 1 && state.outChannels === 1 && state.groups === 1;
  const inputs = state.input.planes.map(spatial);
  const body = { input: bare ? inputs[0] : inputs, kernel: bare ? spatial(state.weights.planes[0]) : kernelTensor() };
  const put = (field, value, usual) => value !== usual && (body[field] = value);
  put("bias", bare && state.bias ? state.bias[0] : state.bias, null);
  put("stride", short(state.stride), 1);
  put("padding", paddingField(), 0);
  put("dilation", short(state.dilation), 1);
  if (state.op === "conv") put("padding_mode", state.paddingMode, "zeros");
  else put("output_padding", short(state.outputPadding), 0);
  put("groups", state.groups, 1);
  put("flip_kernel", state.flip, false);
  put("dtype", state.dtype, "auto");
  return { op: state.op, path: state.op === "conv" ? "v1/conv" : "v1/conv-transpose", body };
}

/** Which setting a field of the request belongs to. */
export const SETTING_OF = { stride: "stride", dilation: "dilation", output_padding: "outputPadding", padding: "padding", groups: "groups",
  flip_kernel: "flip", dtype: "dtype", padding_mode: "paddingMode", kernel: "kernel", input: "size", bias: "bias" };

/** A suggestion of the API, {pointer, value} on the request that was sent, as a patch of the state; null where it is none. */
export function patchOf({ pointer, value }) {
  const [, field, ...path] = pointer.split("/");
  const key = SETTING_OF[field];
  if (!key || ["kernel", "size", "bias"].includes(key)) return null;
  let now = value;
  if (path.length) {
    now = structuredClone(request().body[field]) ?? [];
    const last = path.pop();
    path.reduce((place, step) => place[step], now)[last] = value;
  }
  const both = (item) => (Array.isArray(item) ? [item[0], item.at(-1)] : [item, item]);
  if (key !== "padding") return { [key]: key in RANGES && Array.isArray(DEFAULTS[key]) ? both(now) : now };
  return typeof now === "string" ? { paddingWord: now } : { paddingWord: "", padding: both(now).map(both) };
}

// --- the link ---------------------------------------------------------------------------------------------------

const NAMES = { size: "in", kernel: "k", stride: "s", padding: "p", paddingWord: "pad", paddingMode: "mode", dilation: "d", outputPadding: "op_pad",
  inChannels: "ci", outChannels: "co", groups: "g", bias: "b", input: "x", weights: "w", unlocked: "free", frame: "f" };
const PATTERNS = { input: INPUT_PATTERNS, weights: KERNEL_PATTERNS };
const ESCAPED = /[^\w.,;/:@!$'()*+~-]/g;

const write = (key, value) => {
  if (key in PATTERNS && value.pattern in PATTERNS[key]) return value.pattern === "random" ? `random.${value.seed}` : value.pattern;
  if (key in PATTERNS) return value.planes.map((rows) => rows.join(";")).join("/");
  if (key === "padding") return alike(value.flat()) ? value[0][0] : value.join(";");
  return Array.isArray(value) && key in RANGES && alike(value) ? value[0] : String(value);
};

/** The part of the address after #, from which `read` makes this state again. */
export function link() {
  const parts = [];
  for (const key of Object.keys(DEFAULTS)) {
    if (key === "extra" || state[key] === null) continue;
    const text = write(key, state[key]);
    if (text !== write(key, DEFAULTS[key] ?? "")) parts.push(`${NAMES[key] ?? key}=${text}`);
  }
  for (const [name, text] of Object.entries(state.extra)) {
    if (text) parts.push(`${name}.=${text.replace(ESCAPED, encodeURIComponent)}`);
  }
  return parts.join("&");
}

const number = (text) => (/^-?\d{16,30}$/.test(text) ? BigInt(text) : Number.isFinite(Number(text)) ? Number(text) : 0);

function tensorFrom(key, text) {
  const [pattern, seed] = text.split(".");
  if (pattern in PATTERNS[key]) return { pattern, seed: Math.floor(Math.abs(number(seed ?? "1"))) % 1e6, planes: [] };
  const planes = text.split("/").slice(0, 16).map((rows) => rows.split(";").map((row) => row.split(",").map(number)));
  return { pattern: "own", seed: 1, planes };
}

/** What a link says about one setting; undefined where it cannot be read. */
function valueFrom(key, text) {
  if (key in PATTERNS) return tensorFrom(key, text);
  if (key === "bias") return text.split(",").slice(0, 4).map(number);
  if (key === "unlocked") return text.split(",").filter((each) => each in RANGES);
  if (key === "pin") return /^(input|kernel|output)(-\d+){3}$/.test(text) ? text : undefined;
  if (key === "tab") return text.slice(0, 20);
  if (key in WORDS) return WORDS[key].find((word) => String(word) === text);
  if (!(key in RANGES)) return text === "true";
  const [least, most] = limitOf(key, 1);
  const parts = text.split(/[;,]/).map((part) => Math.min(most, Math.max(least, Number.parseInt(part, 10))));
  if (parts.some(Number.isNaN)) return undefined;
  if (!Array.isArray(DEFAULTS[key])) return parts[0];
  if (key !== "padding") return [parts[0], parts[1] ?? parts[0]];
  return parts.length === 4 ? [parts.slice(0, 2), parts.slice(2)] : [[parts[0], parts[0]], [parts[0], parts[0]]];
}

/** What a link says, as a patch of the state. */
export function read(text) {
  const found = { extra: {} };
  const keys = Object.fromEntries(Object.keys(DEFAULTS).map((key) => [NAMES[key] ?? key, key]));
  for (const [name, value] of new URLSearchParams(text.replace(/^#/, "").slice(0, 60000).replaceAll("+", "%2B"))) {
    if (/^\w{1,20}\.$/.test(name)) found.extra[name.slice(0, -1)] = value.slice(0, 2000);
    const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
    const known = key && key !== "extra" ? valueFrom(key, value) : undefined;
    if (known !== undefined) found[key] = known;
  }
  return found;
}
