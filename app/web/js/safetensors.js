// A JSON header after its length in eight bytes, then the numbers: https://github.com/huggingface/safetensors.

const ARRAYS = { F64: Float64Array, F32: Float32Array, U8: Uint8Array };
const HEAD = 8;

/** {name: {shape, data}} → a Blob. Give the widest type first: then each begins at a multiple of its width. */
export function encode(tensors, metadata = {}) {
	const header = { __metadata__: metadata };
	let at = 0;
	for (const [name, { shape, data }] of Object.entries(tensors)) {
		const dtype = Object.keys(ARRAYS).find((key) => data instanceof ARRAYS[key]);
		header[name] = { dtype, shape, data_offsets: [at, at += data.byteLength] };
	}
	const text = new TextEncoder().encode(JSON.stringify(header));
	const head = new Uint8Array(HEAD + Math.ceil(text.length / HEAD) * HEAD).fill(0x20);
	new DataView(head.buffer).setBigUint64(0, BigInt(head.length - HEAD), true);
	head.set(text, HEAD);
	return new Blob([head, ...Object.values(tensors).map(({ data }) => data)]);
}

/** → {tensors: {name: {dtype, shape, data}}, metadata} */
export function decode(buffer) {
	const begin = HEAD + Number(new DataView(buffer).getBigUint64(0, true));
	const { __metadata__: metadata = {}, ...header } = JSON.parse(new TextDecoder().decode(buffer.slice(HEAD, begin)));
	const tensors = {};
	for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
		tensors[name] = { dtype, shape, data: new ARRAYS[dtype](buffer.slice(begin + from, begin + to)) };
	}
	return { tensors, metadata };
}
