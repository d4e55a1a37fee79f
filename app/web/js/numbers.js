// Numbers in and out: exact where they are whole, and short enough for a cell.

/** Whether this browser gives a number's own digits. */
export const EXACT = (() => {
	let source;
	JSON.parse("1", (_key, _value, context) => (source = context?.source));
	return source === "1";
})();

const LONG = /(?<![\d.eE+])\d{16,}(?![\d.eE])/;
const LISTED = 16;

export const range = (length, make) => Array.from({ length }, (_, at) => make(at));

/** JSON whose whole numbers over 2^53 become BigInt where the browser can. → {value, exact} */
export function parseJson(text) {
	if (!LONG.test(text)) return { value: JSON.parse(text), exact: true };
	const whole = (_key, value, context) => (EXACT && typeof value === "number" && !Number.isSafeInteger(value)
		&& /^-?\d+$/.test(context.source) ? BigInt(context.source) : value);
	return { value: JSON.parse(text, whole), exact: EXACT };
}

export function toJson(value) {
	if (typeof value === "bigint") return String(value);
	if (Array.isArray(value)) return `[${value.map(toJson).join(", ")}]`;
	if (value === null || typeof value !== "object") return JSON.stringify(value);
	return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${toJson(item)}`).join(", ")}}`;
}

export function readNumber(text) {
	const plain = text.trim().replace(/^[−–]/, "-").replace(/^\+/, "");
	const value = Number(plain);
	if (!/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) || !Number.isFinite(value)) return undefined;
	return /^-?\d+$/.test(plain) && !Number.isSafeInteger(value) ? BigInt(plain) : value;
}

const minus = (text) => text.replace("-", "−").replace("e−", "e-").replace("e+", "e");

/** With a minus sign as wide as a plus. */
export const exactly = (value) => minus(String(value));

/** → [text, whether something was rounded away] */
export function rounded(value, digits = 6) {
	if (typeof value === "bigint" || Number.isInteger(value)) return [exactly(value), false];
	const short = Number(value.toPrecision(digits));
	return [exactly(short), short !== value];
}

/** As much of a number as fits into `room` characters. */
export function fitted(value, room) {
	const text = exactly(value);
	if (text.length <= room) return text;
	const number = Number(value);
	const shorter = Number.isInteger(number) ? [] : [4, 3, 2, 1].map((digits) => exactly(Number(number.toPrecision(digits))).replace(/^(−?)0\./, "$1."));
	const powers = [2, 1, 0].map((digits) => minus(number.toExponential(digits)));
	return [...shorter, ...powers].find((short) => short.length <= room) ?? powers[2];
}

export const times = (sizes) => sizes.join("×");

export const listed = (names) => names.slice(0, LISTED).join(" ") + (names.length > LISTED ? " …" : "");
