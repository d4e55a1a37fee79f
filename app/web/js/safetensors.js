// Arrays as they lie in memory: eight bytes with the length of a JSON header, the header, then the numbers.
// https://github.com/huggingface/safetensors

const ARRAYS = { F64: Float64Array, I64: BigInt64Array, U64: BigUint64Array, F32: Float32Array, I32: Int32Array, U32: Uint32Array,
	I16: Int16Array, U16: Uint16Array, I8: Int8Array, U8: Uint8Array };
const HEAD = 8;
const count = (shape) => shape.reduce((product, length) => product * length, 1);
const require = (good, what) => {
	if (!good) throw new RangeError(`safetensors: ${what}`);
};

/** {name: {shape, data: a typed array}} and {key: text} → a Blob. Give the widest first: then each begins at a multiple of its width. */
export function encode(tensors, metadata = {}) {
	const header = { __metadata__: metadata };
	let at = 0;
	for (const [name, { shape, data }] of Object.entries(tensors)) {
		const dtype = Object.keys(ARRAYS).find((key) => data instanceof ARRAYS[key]);
		require(dtype && count(shape) === data.length, `${name} has ${data.length} numbers for the shape ${shape}`);
		header[name] = { dtype, shape, data_offsets: [at, at += data.byteLength] };
	}
	const text = new TextEncoder().encode(JSON.stringify(header));
	const head = new Uint8Array(HEAD + Math.ceil(text.length / HEAD) * HEAD).fill(0x20);
	new DataView(head.buffer).setBigUint64(0, BigInt(head.length - HEAD), true);
	head.set(text, HEAD);
	return new Blob([head, ...Object.values(tensors).map(({ data }) => data)]);
}

/** An ArrayBuffer → {tensors: {name: {dtype, shape, data}}, metadata}. */
export function decode(buffer) {
	require(buffer.byteLength >= HEAD, "shorter than its head");
	const begin = HEAD + Number(new DataView(buffer).getBigUint64(0, true));
	require(begin <= buffer.byteLength, "its header is longer than the rest");
	const { __metadata__: metadata = {}, ...header } = JSON.parse(new TextDecoder().decode(buffer.slice(HEAD, begin)));
	const tensors = {};
	for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
		const Type = ARRAYS[dtype];
		require(Type, `${name} has dtype ${dtype}, which is not read here`);
		const width = Type.BYTES_PER_ELEMENT;
		require(from >= 0 && begin + to <= buffer.byteLength && to - from === count(shape) * width, `${name} is not as long as its shape`);
		const data = (begin + from) % width ? new Type(buffer.slice(begin + from, begin + to)) : new Type(buffer, begin + from, count(shape));
		tensors[name] = { dtype, shape, data };
	}
	return { tensors, metadata };
}
