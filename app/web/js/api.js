// Speaks to the service: newer requests end older ones, a service that cannot be reached is asked again.

import { stored } from "./dom.js";
import { parseJson, toJson } from "./numbers.js";

const JSON_TYPE = "application/json";
const TRY_AGAIN = [429, 502, 503, 504];
const WAITS = [1, 2, 4, 8];
const KEPT = 40;

/** The API said no: `problem` is its application/problem+json. */
export class Refused extends Error {
	constructor(problem) {
		super(problem.detail ?? problem.title);
		this.problem = problem;
		this.lines = problem.errors?.map(({ message }) => message) ?? [this.message];
	}
}

/** A newer request took the place of this one. */
export const isSuperseded = (error) => error?.name === "AbortError";

/** What the API says against a request; nothing where it was superseded. Other errors go on. */
export function linesOf(error) {
	if (isSuperseded(error)) return [];
	if (error instanceof Refused) return error.lines;
	throw error;
}

let language = "en";
let tell;
let hurry = () => {};
const running = new Map();
const kept = new Map();

// A key stays with its tab, and goes with it.
let key = stored("sessionStorage");
const withoutKey = new Set();

/** Whether requests hold a key. */
export const hasKey = () => key !== "";

/** Ask again with this key all that was refused for want of one. */
export function useKey(text) {
	key = text.replace(/[^!-~]/g, "");
	stored("sessionStorage", key);
	for (const goOn of withoutKey) goOn();
	withoutKey.clear();
}

export const speak = (code) => {
	language = code;
};

/** `listener({again: seconds until the next try, status})` while the service cannot be reached, `listener({wanted:
 * "missing" | "wrong"})` while it wants a key, then `listener(null)`. */
export const onReach = (listener) => {
	tell = listener;
};
export const tryNow = () => hurry();

/** Wait until what `begin` gets is called, or the request is ended. */
const pause = (signal, begin) => new Promise((resolve, reject) => {
	begin(resolve);
	signal.addEventListener("abort", () => reject(signal.reason));
});

/** The answer of the service, however often it takes. */
async function reach(path, { signal, ...options }) {
	for (let attempt = 0; ; attempt += 1) {
		const used = key;
		const headers = { ...options.headers, ...(used && { Authorization: `Bearer ${used}` }) };
		const response = await fetch(path, { ...options, signal, headers }).catch((error) => {
			if (isSuperseded(error)) throw error;
		});
		if (response?.status === 401) {
			// Another key may have come while this one was on its way.
			if (used !== key) continue;
			tell({ wanted: used ? "wrong" : "missing" });
			await pause(signal, (goOn) => withoutKey.add(goOn));
		} else if (response && !TRY_AGAIN.includes(response.status)) {
			tell(null);
			return response;
		} else {
			const again = Number(response?.headers.get("Retry-After")) || (WAITS[attempt] ?? WAITS.at(-1));
			tell({ again, status: response?.status });
			await pause(signal, (goOn) => setTimeout((hurry = goOn), again * 1000));
		}
	}
}

export const cancel = (name) => running.get(name)?.abort();

/** Send bytes or text. → what `read` makes of a good Response. A newer request of the same `name` ends this one. */
export async function send(path, { method = "POST", body, type, accept = JSON_TYPE, name = path, read }) {
	cancel(name);
	const controller = new AbortController();
	running.set(name, controller);
	const headers = { Accept: accept, "Accept-Language": language, ...(type && { "Content-Type": type }) };
	const response = await reach(path, { method, headers, body, signal: controller.signal });
	if (response.ok) return read(response);
	const { status, statusText: title } = response;
	throw new Refused(await response.json().catch(() => ({ status, title: title || `HTTP ${status}` })));
}

/** Ask with JSON. → {value, exact}; the same question is not asked twice. */
export async function post(path, body, name = path) {
	const text = toJson(body);
	const question = `${language} ${path} ${text}`;
	if (kept.has(question)) cancel(name);
	else {
		kept.set(question, await send(path, { body: text, type: JSON_TYPE, name, read: async (response) => parseJson(await response.text()) }));
		if (kept.size > KEPT) kept.delete(kept.keys().next().value);
	}
	return kept.get(question);
}

let asked;
/** The limits in force, asked once. */
export const limits = () => (asked ??= send("v1/limits", { method: "GET", read: (response) => response.json() }));
