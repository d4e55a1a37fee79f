// Numbers in and out: exact where they are whole, JSON both ways, and short enough for a cell.

/** Whether this browser gives a number's own digits, so that integers over 2^53 stay exact. */
export const EXACT = (() => {
  let source;
  JSON.parse("1", (_key, value, context) => ((source = context?.source), value));
  return source === "1";
})();

const LONG = /(?<![\d.eE+])\d{16,}(?![\d.eE])/;

/** JSON whose whole numbers over 2^53 become BigInt where the browser can. → {value, exact}. */
export function parseJson(text) {
  if (!LONG.test(text)) return { value: JSON.parse(text), exact: true };
  if (!EXACT) return { value: JSON.parse(text), exact: false };
  const value = JSON.parse(text, (_key, found, context) =>
    typeof found === "number" && !Number.isSafeInteger(found) && /^-?\d+$/.test(context.source)
      ? BigInt(context.source) : found);
  return { value, exact: true };
}

/** JSON of nested lists and objects, BigInt as a whole number. */
export function toJson(value) {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${toJson(item)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** A number as a person types it; undefined where it is none. */
export function readNumber(text) {
  const plain = text.trim().replace(/^[−–]/, "-").replace(/^\+/, "");
  if (!/^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(plain)) return undefined;
  const value = Number(plain);
  if (!Number.isFinite(value)) return undefined;
  if (/^-?\d+$/.test(plain) && !Number.isSafeInteger(value)) return BigInt(plain);
  return value;
}

const minus = (text) => text.replace("-", "−").replace("e−", "e-").replace("e+", "e");

/** The whole number, with a minus sign that is as wide as a plus. */
export const exactly = (value) => minus(String(value));

/** At most `digits` significant digits. → [text, whether something was rounded away]. */
export function rounded(value, digits = 6) {
  if (typeof value === "bigint" || Number.isInteger(value)) return [exactly(value), false];
  const short = Number(value.toPrecision(digits));
  return [exactly(short), short !== value];
}

/** As much of a number as fits into `room` characters. */
export function fitted(value, room = 5) {
  const text = exactly(value);
  if (text.length <= room) return text;
  const number = Number(value);
  if (!Number.isInteger(number)) {
    for (let digits = 4; digits > 0; digits -= 1) {
      const short = exactly(Number(number.toPrecision(digits))).replace(/^(−?)0\./, "$1.");
      if (short.length <= room) return short;
    }
  }
  const powers = [2, 1, 0].map((digits) => minus(number.toExponential(digits)));
  return powers.find((short) => short.length <= room) ?? powers[2];
}

/** 4×3, from a list of sizes. */
export const times = (sizes) => sizes.join("×");
