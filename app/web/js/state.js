// Everything that the page shows is one plain object. It can be written into the address and read back.

import { INPUT_PATTERNS, KERNEL_PATTERNS, filled } from "./patterns.js";

/** How far the settings of a teaching picture go: [least, most]; the service itself takes far more. */
export const RANGES = {
  size: [1, 16], kernel: [1, 9], stride: [1, 8], padding: [0, 12], dilation: [1, 6], outputPadding: [0, 7],
  inChannels: [1, 4], outChannels: [1, 4], groups: [1, 4],
};
export const LONGEST_LINE = 32;
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

const DEFAULTS = {
  op: "conv", dims: 2,
  // Rows and columns. One dimension uses the columns.
  size: [4, 4], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], outputPadding: [0, 0],
  // Before and after, of rows and of columns; or a word that the API knows.
  padding: [[0, 0], [0, 0]], paddingWord: "", paddingMode: "zeros",
  inChannels: 1, outChannels: 1, groups: 1,
  bias: null, flip: false, dtype: "auto",
  // Planes: one for each input channel; one for each (output channel, input channel of its group).
  input: { pattern: "ramp", seed: 1, planes: [] }, weights: { pattern: "ramp", seed: 1, planes: [] },
  unlocked: [],
  tab: "play", frame: 0, pin: "", speed: 1, shade: false, lang: "", theme: "",
  // What a tab wants to keep in the link: {name: text}.
  extra: {},
};

export const state = structuredClone(DEFAULTS);
const listeners = new Set();

/** Be told of changes, with the set of what changed. → a function that ends it. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Change the state; tensors are made to fit the sizes. */
export function set(patch) {
  const before = { ...state };
  Object.assign(state, patch);
  if (Object.keys(patch).some((key) => SHAPES.has(key))) fit();
  const changed = new Set(Object.keys(state).filter((key) => before[key] !== state[key]));
  if (changed.size) for (const listener of [...listeners]) listener(changed);
}

/** Everything as it is at first, changed by what a link says; language and theme stay. */
export function open(link) {
  const { lang, theme } = state;
  set({ ...structuredClone(DEFAULTS), lang, theme, ...read(link) });
}

export const limitOf = (key) => (key === "size" && state.dims === 1 ? [1, LONGEST_LINE] : RANGES[key]);

/** Rows and columns of a pair, as the dimensions go. */
export const rowsOf = (pair) => (state.dims === 1 ? 1 : pair[0]);
const inGroup = () => Math.max(1, Math.floor(state.inChannels / state.groups));

// --- tensors that fit the sizes ---------------------------------------------------------------------------------

const SHAPES = new Set(["dims", "size", "kernel", "inChannels", "outChannels", "groups", "bias", "input", "weights"]);

function fit() {
  if (state.dims === 2) state.size = state.size.map((n) => Math.min(n, RANGES.size[1]));
  state.input = fitted(state.input, INPUT_PATTERNS, state.size, state.inChannels);
  const channels = inGroup();
  const perGroup = Math.max(1, Math.floor(state.outChannels / state.groups));
  const sameAt = (plane) => Math.floor(plane / channels) % perGroup === plane % channels;
  state.weights = fitted(state.weights, KERNEL_PATTERNS, state.kernel, state.outChannels * channels, sameAt);
  if (state.bias) state.bias = Array.from({ length: state.outChannels }, (_, o) => state.bias[o] ?? 0);
}

function fitted(tensor, patterns, pair, count, sameAt) {
  const [rows, columns] = [rowsOf(pair), pair[1]];
  if (tensor.pattern in patterns) {
    return { ...tensor, planes: filled(patterns, tensor.pattern, { count, rows, columns, seed: tensor.seed, sameAt }) };
  }
  const planes = Array.from({ length: count }, (_, p) => Array.from({ length: rows }, (_r, r) =>
    Array.from({ length: columns }, (_c, c) => tensor.planes[p]?.[r]?.[c] ?? 0)));
  return { ...tensor, planes };
}

// --- the request that it stands for -----------------------------------------------------------------------------

const perDimension = (pair) => (state.dims === 1 ? [pair[1]] : pair);
const alike = (list) => list.every((item) => String(item) === String(list[0]));
const short = (pair) => (alike(perDimension(pair)) ? pair[1] : perDimension(pair));

/** Whether the request has no channels: the bare row or picture. */
export const bare = () => state.inChannels === 1 && state.outChannels === 1 && state.groups === 1;

const spatial = (plane) => (state.dims === 1 ? plane[0] : plane);
const chunks = (list, length) => Array.from({ length: list.length / length }, (_, i) => list.slice(i * length, (i + 1) * length));

function kernelTensor() {
  const planes = state.weights.planes.map(spatial);
  if (bare()) return planes[0];
  const gathered = chunks(planes, inGroup());
  if (state.op === "conv" || state.outChannels % state.groups) return gathered;
  // (C_out, C_in/groups) → (C_in, C_out/groups): in and out swapped inside each group.
  const perGroup = state.outChannels / state.groups;
  return Array.from({ length: inGroup() * state.groups }, (_, c) => Array.from({ length: perGroup }, (_o, o) =>
    gathered[Math.floor(c / inGroup()) * perGroup + o][c % inGroup()]));
}

function paddingField() {
  if (state.paddingWord) return state.paddingWord;
  const pairs = perDimension(state.padding);
  if (alike(pairs.flat())) return pairs[0][0];
  if (pairs.every(alike)) return pairs.map((pair) => pair[0]);
  return pairs;
}

/** The request to the API, with as few fields as say it: {op, path, body}. */
export function request() {
  const inputs = state.input.planes.map(spatial);
  const body = { input: bare() ? inputs[0] : inputs, kernel: kernelTensor() };
  const put = (field, value, usual) => {
    if (value !== usual) body[field] = value;
  };
  if (state.bias) body.bias = bare() ? state.bias[0] : state.bias;
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

state.request = request;

const FIELDS = { stride: "stride", dilation: "dilation", output_padding: "outputPadding", groups: "groups",
  flip_kernel: "flip", dtype: "dtype", padding_mode: "paddingMode" };

/** Which setting a field of the request belongs to. */
export const settingOf = (field) => ({ ...FIELDS, padding: "padding", kernel: "kernel", input: "size", bias: "bias" })[field];

/** Take up a suggestion of the API: {pointer, value} on the request that was sent. */
export function accept({ pointer, value }) {
  const [, field, ...path] = pointer.split("/");
  let now = value;
  if (path.length) {
    now = structuredClone(request().body[field] ?? 0);
    let place = now;
    for (const step of path.slice(0, -1)) place = place[step];
    place[path.at(-1)] = value;
  }
  const both = (item) => (Array.isArray(item) ? (state.dims === 1 ? [item[0], item[0]] : item) : [item, item]);
  if (field === "padding") {
    if (typeof now === "string") set({ paddingWord: now });
    else set({ paddingWord: "", padding: both(now).map((item) => (Array.isArray(item) ? item : [item, item])) });
  } else if (["stride", "dilation", "outputPadding"].includes(FIELDS[field])) set({ [FIELDS[field]]: both(now) });
  else if (field in FIELDS) set({ [FIELDS[field]]: now });
}

/** Whether a suggestion is about something that `accept` can change. */
export const acceptable = ({ pointer }) => /^\/(padding|padding_mode|stride|dilation|output_padding|groups|flip_kernel|dtype)(\/|$)/.test(pointer);

// --- the link ---------------------------------------------------------------------------------------------------

const whole = (text, [least, most]) => {
  const value = Number.parseInt(text, 10);
  return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : undefined;
};
const pairOf = (key) => ({
  write: (pair) => (alike(pair) ? String(pair[0]) : pair.join("x")),
  read: (text) => {
    const most = key === "size" ? [1, LONGEST_LINE] : RANGES[key];
    const found = text.split("x").slice(0, 2).map((part) => whole(part, most));
    return found.includes(undefined) ? undefined : [found[0], found.at(-1)];
  },
});
const number = (range) => ({ write: String, read: (text) => whole(text, range) });
const word = (...allowed) => ({ write: String, read: (text) => (allowed.includes(text) ? text : undefined) });
const yes = { write: () => "1", read: (text) => text === "1" };
const cell = (text) => {
  if (/^-?\d{16,30}$/.test(text)) return BigInt(text);
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? value : 0;
};
const tensor = (patterns) => ({
  write: ({ pattern, seed, planes }) => pattern in patterns
    ? pattern + (pattern === "random" ? `.${seed}` : "")
    : planes.map((plane) => plane.map((row) => row.join(",")).join(";")).join("/"),
  read: (text) => {
    const [pattern, seed] = text.split(".");
    if (pattern in patterns) return { pattern, seed: whole(seed, [1, 1e6]) ?? 1, planes: [] };
    const planes = text.slice(0, 40000).split("/").slice(0, 16).map((plane) =>
      plane.split(";").map((row) => row.split(",").map(cell)));
    return { pattern: "own", seed: 1, planes };
  },
});
const padding = {
  write: (pairs) => (alike(pairs.flat()) ? String(pairs[0][0]) : pairs.map((pair) => pair.join("-")).join("x")),
  read: (text) => {
    const pairs = text.split("x").slice(0, 2).map((part) => part.split("-").slice(0, 2).map((n) => whole(n, RANGES.padding)));
    if (pairs.flat().includes(undefined)) return undefined;
    const full = pairs.map(([a, b]) => [a, b ?? a]);
    return [full[0], full.at(-1)];
  },
};

const CODECS = {
  op: ["op", word("conv", "conv_transpose")],
  dims: ["dims", number([1, 2])],
  size: ["in", pairOf("size")],
  kernel: ["k", pairOf("kernel")],
  stride: ["s", pairOf("stride")],
  padding: ["p", padding],
  paddingWord: ["pad", word("valid", "same", "same_lower", "full")],
  paddingMode: ["mode", word("zeros", "reflect", "replicate", "circular")],
  dilation: ["d", pairOf("dilation")],
  outputPadding: ["op_pad", pairOf("outputPadding")],
  inChannels: ["ci", number(RANGES.inChannels)],
  outChannels: ["co", number(RANGES.outChannels)],
  groups: ["g", number(RANGES.groups)],
  bias: ["b", { write: (bias) => bias.join(","), read: (text) => text.split(",").slice(0, 4).map(cell) }],
  flip: ["flip", yes],
  dtype: ["dtype", word("auto", "int64", "float32", "float64")],
  input: ["x", tensor(INPUT_PATTERNS)],
  weights: ["w", tensor(KERNEL_PATTERNS)],
  unlocked: ["free", { write: (keys) => keys.join(","), read: (text) => text.split(",").filter((key) => key in DEFAULTS) }],
  tab: ["tab", { write: String, read: (text) => text.slice(0, 20) }],
  frame: ["f", number([0, 1e6])],
  pin: ["pin", { write: String, read: (text) => (/^(input|kernel|output)(-\d+){3}$/.test(text) ? text : undefined) }],
  speed: ["speed", { write: String, read: (text) => (SPEEDS.includes(Number(text)) ? Number(text) : undefined) }],
  shade: ["shade", yes],
  lang: ["lang", word("en", "zh")],
  theme: ["theme", word("light", "dark")],
};

const isUsual = (key, write) => JSON.stringify(state[key], plainly) === JSON.stringify(DEFAULTS[key], plainly)
  || (["input", "weights"].includes(key) && write(state[key]) === DEFAULTS[key].pattern);
const plainly = (_key, value) => (typeof value === "bigint" ? `${value}n` : value);
const ESCAPED = /[^\w.,;/:@!$'()*+~-]/g;

/** The part of the address after #, from which `read` makes this state again. */
export function link() {
  const parts = [];
  for (const [key, [name, codec]] of Object.entries(CODECS)) {
    if (!isUsual(key, codec.write)) parts.push(`${name}=${codec.write(state[key])}`);
  }
  for (const [name, text] of Object.entries(state.extra)) {
    if (text) parts.push(`${name}.=${text.replace(ESCAPED, encodeURIComponent)}`);
  }
  return parts.join("&");
}

/** What a link says, as a patch of the state. What cannot be read is left out. */
export function read(text) {
  const found = { extra: {} };
  for (const part of text.replace(/^#/, "").split("&")) {
    const at = part.indexOf("=");
    if (at < 1) continue;
    const name = part.slice(0, at);
    let value;
    try {
      value = decodeURIComponent(part.slice(at + 1));
    } catch {
      continue;
    }
    if (/^\w{1,20}\.$/.test(name)) found.extra[name.slice(0, -1)] = value.slice(0, 2000);
    const entry = Object.entries(CODECS).find(([, [short_]]) => short_ === name);
    const read_ = entry?.[1][1].read(value);
    if (read_ !== undefined) found[entry[0]] = read_;
  }
  return found;
}
