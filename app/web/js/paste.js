// Reads numbers from what people copy: a spreadsheet, JSON, NumPy's and PyTorch's printed arrays.

import { readNumber } from "./numbers.js";
import { LONGEST_LINE, RANGES, state } from "./state.js";

class Unreadable extends Error {
  constructor(key, values) {
    super(key);
    this.values = values;
  }
}

/** Nested lists from a text with brackets; what stands before and after them (array(…), dtype=…) is left out. */
function bracketed(text) {
  if (/\.\.\.|…/.test(text)) throw new Unreadable("shortened");
  const tokens = text.slice(text.indexOf("[")).match(/[[\]]|[^\s,[\]]+/g);
  const stack = [];
  for (const token of tokens) {
    if (token === "[") stack.push([]);
    else if (token === "]") {
      const done = stack.pop();
      if (!stack.length) return done;
      stack.at(-1).push(done);
    } else stack.at(-1).push(numberFrom(token));
  }
  throw new Unreadable("unclosed");
}

function numberFrom(token) {
  const value = readNumber(token);
  if (value === undefined) throw new Unreadable("notNumber", { text: token.slice(0, 20) });
  return value;
}

/** Rows of a spreadsheet: lines, and in them tabs, semicolons, commas or spaces. */
function lines(text) {
  const separator = [/\t/, /;/, /,/].find((each) => each.test(text)) ?? /\s+/;
  const rows = text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean)
    .map((line) => line.replace(/[,;]$/, "").split(separator).map((part) => numberFrom(part.trim())));
  if (!rows.length) throw new Unreadable("nothing");
  return rows.length === 1 ? rows[0] : rows;
}

/** The sizes of nested lists; all lists of a level must be alike. */
function shapeOf(tensor) {
  if (!Array.isArray(tensor)) return [];
  if (!tensor.length) throw new Unreadable("nothing");
  const shapes = tensor.map(shapeOf);
  const odd = shapes.findIndex((shape) => String(shape) !== String(shapes[0]));
  if (odd > 0) throw new Unreadable("uneven", { at: odd, given: shapes[odd].join("×") || "1", first: shapes[0].join("×") || "1" });
  return [tensor.length, ...shapes[0]];
}

const within = (count, [least, most], what) => {
  if (count < least || count > most) throw new Unreadable("tooLarge", { what, count, most });
  return count;
};

function inputPatch(tensor, shape) {
  let [planes, dims] = [tensor, state.dims];
  let sizes = shape;
  if (sizes.length === 4 && sizes[0] === 1) [planes, sizes] = [tensor[0], sizes.slice(1)];
  if (sizes.length === 1) [planes, sizes, dims] = [[[planes]], [1, 1, ...sizes], 1];
  else if (sizes.length === 2 && dims === 1) [planes, sizes] = [planes.map((row) => [row]), [sizes[0], 1, sizes[1]]];
  else if (sizes.length === 2) [planes, sizes] = [[planes], [1, ...sizes]];
  if (sizes.length !== 3) throw new Unreadable("inputRank", { rank: shape.length });
  if (sizes[1] > 1) dims = 2;
  within(sizes[0], RANGES.inChannels, "C");
  within(sizes[1], RANGES.size, "H");
  within(sizes[2], dims === 1 ? [1, LONGEST_LINE] : RANGES.size, "W");
  const size = dims === 1 ? [state.size[0], sizes[2]] : [sizes[1], sizes[2]];
  return { dims, size, inChannels: sizes[0], input: { pattern: "own", seed: 1, planes } };
}

/** (a, b, rows, columns) of a kernel of any rank. */
function kernelForm(tensor, shape) {
  if (shape.length === 1) return { list: [[[tensor]]], dims: state.dims };
  if (shape.length === 2) return { list: [[tensor]], dims: 2 };
  if (shape.length === 3) return { list: tensor.map((out) => out.map((row) => [row])), dims: 1 };
  if (shape.length === 4) return { list: tensor, dims: 2 };
  throw new Unreadable("kernelRank", { rank: shape.length });
}

function kernelPatch(tensor, shape) {
  const { list, dims } = kernelForm(tensor, shape);
  const [first, second, rows, columns] = [list.length, list[0].length, list[0][0].length, list[0][0][0].length];
  within(rows, RANGES.kernel, "H");
  within(columns, RANGES.kernel, "W");
  const transposed = state.op === "conv_transpose";
  // (C_out, C_in/groups, …), or for a transposed convolution (C_in, C_out/groups, …).
  const groups = shape.length < 3 ? 1
    : transposed ? (first === state.inChannels && state.groups <= first ? state.groups : 1)
      : state.inChannels % second === 0 && first % (state.inChannels / second) === 0 ? state.inChannels / second : 1;
  const [inChannels, outChannels] = transposed ? [first, second * groups] : [second * groups, first];
  within(inChannels, RANGES.inChannels, "C_in");
  within(outChannels, RANGES.outChannels, "C_out");
  const channels = Math.floor(inChannels / groups);
  const planes = transposed
    ? Array.from({ length: outChannels * channels }, (_, at) => {
      const [o, c] = [Math.floor(at / channels), at % channels];
      return list[Math.floor(o / second) * channels + c][o % second];
    })
    : list.flat();
  const kernel = dims === 1 ? [state.kernel[0], columns] : [rows, columns];
  return { dims, kernel, inChannels, outChannels, groups, weights: { pattern: "own", seed: 1, planes } };
}

/** What a text holds: {patch of the state, shape, first number}, or {problem: what to change}. */
export function takeTensor(text, kind, t) {
  try {
    const tensor = text.includes("[") ? bracketed(text) : lines(text);
    const shape = shapeOf(tensor);
    const patch = kind === "input" ? inputPatch(tensor, shape) : kernelPatch(tensor, shape);
    return { patch, shape, first: tensor.flat(Infinity)[0] };
  } catch (error) {
    if (error instanceof Unreadable) return { problem: t(`paste.${error.message}`, error.values) };
    throw error;
  }
}
