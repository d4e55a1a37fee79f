// Reads numbers from what people copy: spreadsheets, JSON, NumPy's and PyTorch's printed arrays.

import { range, readNumber, times } from "./numbers.js";
import { limitOf, state } from "./state.js";

class Unreadable extends Error {
	constructor(key, values) {
		super(key);
		this.values = values;
	}
}

function numberFrom(text) {
	const value = readNumber(text);
	if (value === undefined) throw new Unreadable("notNumber", { text: text.slice(0, 20) });
	return value;
}

/** What stands before and after the brackets (array(…), dtype=…) is left out. */
function bracketed(text) {
	if (/\.\.\.|…/.test(text)) throw new Unreadable("shortened");
	const open = [[]];
	for (const token of text.slice(text.indexOf("[")).match(/[[\]]|[^\s,[\]]+/g)) {
		if (token === "[") open.push([]);
		else if (token !== "]") open.at(-1).push(numberFrom(token));
		else {
			const done = open.pop();
			if (open.length === 1) return done;
			open.at(-1).push(done);
		}
	}
	throw new Unreadable("unclosed");
}

function lines(text) {
	const separator = [/\t/, /;/, /,/].find((each) => each.test(text)) ?? /\s+/;
	const rows = text.trim().split(/\s*\n\s*/).map((line) => line.replace(/[,;]$/, "").split(separator).map(numberFrom));
	return rows.length === 1 ? rows[0] : rows;
}

function shapeOf(tensor) {
	if (!Array.isArray(tensor)) return [];
	if (!tensor.length) throw new Unreadable("nothing");
	const shapes = tensor.map(shapeOf);
	const at = shapes.findIndex((shape) => String(shape) !== String(shapes[0]));
	if (at > 0) throw new Unreadable("uneven", { at, given: times(shapes[at]) || "1", first: times(shapes[0]) || "1" });
	return [tensor.length, ...shapes[0]];
}

function within(key, count, dims) {
	const [, most] = limitOf(key, dims);
	if (count > most) throw new Unreadable("tooLarge", { what: key, count, most });
}

const own = (planes) => ({ pattern: "own", seed: 1, planes });
const asRows = (lists) => lists.map((row) => [row]);

/** (channels, rows, columns), or one or two of them, or a batch of one. */
function inputPatch(tensor, shape) {
	const [n, ...rest] = shape;
	if (shape.length === 4 && n === 1) return inputPatch(tensor[0], rest);
	if (shape.length === 1) return inputPatch([[tensor]], [1, 1, n]);
	if (shape.length === 2) return state.dims === 1 ? inputPatch(asRows(tensor), [n, 1, ...rest]) : inputPatch([tensor], [1, ...shape]);
	if (shape.length !== 3) throw new Unreadable("rank", { rank: shape.length });
	const dims = rest[0] === 1 ? 1 : 2;
	within("inChannels", n);
	within("size", Math.max(...rest), dims);
	return { dims, size: dims === 1 ? [state.size[0], rest[1]] : rest, inChannels: n, input: own(tensor) };
}

/** A bare kernel, or (C_out, C_in/groups, …), for a transposed convolution (C_in, C_out/groups, …). */
function kernelPatch(tensor, shape) {
	if (shape.length === 1) return kernelPatch([[[tensor]]], [1, 1, 1, ...shape]);
	if (shape.length === 2) return kernelPatch([[tensor]], [1, 1, ...shape]);
	if (shape.length === 3) return kernelPatch(tensor.map(asRows), [shape[0], shape[1], 1, shape[2]]);
	if (shape.length !== 4) throw new Unreadable("rank", { rank: shape.length });
	const [first, second, rows, columns] = shape;
	const groups = first % state.groups ? 1 : state.groups;
	const conv = state.op === "conv";
	const [inChannels, outChannels] = conv ? [second * groups, first] : [first, second * groups];
	within("kernel", Math.max(rows, columns));
	within("inChannels", inChannels);
	within("outChannels", outChannels);
	const ins = inChannels / groups;
	const planes = conv ? tensor.flat() : range(outChannels * ins, (at) => {
		const o = Math.floor(at / ins);
		return tensor[Math.floor(o / second) * ins + (at % ins)][o % second];
	});
	const flat = state.dims === 1 && rows === 1;
	return { dims: flat ? 1 : 2, kernel: flat ? [state.kernel[0], columns] : [rows, columns], inChannels, outChannels, groups, weights: own(planes) };
}

/** What a text holds: {patch of the state, shape}, or {problem: what to change}. */
export function takeTensor(text, kind, t) {
	try {
		const tensor = text.includes("[") ? bracketed(text) : lines(text);
		const shape = shapeOf(tensor);
		const patch = kind === "input" ? inputPatch(tensor, shape) : kernelPatch(tensor, shape);
		return { patch, shape };
	} catch (error) {
		if (!(error instanceof Unreadable)) throw error;
		const { what } = error.values ?? {};
		return { problem: t(`paste.${error.message}`, { ...error.values, what: what && t(`controls.${what}`) }) };
	}
}
