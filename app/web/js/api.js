// Speaks to the service: newer requests end older ones; one that cannot be reached is asked again.

import { stored } from "./dom.js";
import { parseJson, toJson } from "./numbers.js";

const JSON_TYPE = "application/json";
const TRY_AGAIN = [429, 502, 503, 504];
const WAITS = [1, 2, 4, 8];
const KEPT = 40;

export class Refused extends Error {
	constructor(problem) {
		super(problem.detail ?? problem.title);
		this.problem = problem;
		this.lines = problem.errors?.map(({ message }) => message) ?? [this.message];
	}
}

export const isSuperseded = (error) => error?.name === "AbortError";

/** What the API says against a request; nothing where a newer one took its place. */
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
let key = stored();
const withoutKey = new Set();

export const hasKey = () => key !== "";

export function useKey(text) {
	key = text.replace(/[^!-~]/g, "");
	stored(key);
	for (const goOn of withoutKey) goOn();
	withoutKey.clear();
}

export const speak = (code) => {
	language = code;
};

/** `listener({again: seconds, status})` while it cannot be reached, `({wanted: "missing" | "wrong"})` while it wants a key, then `(null)`. */
export const onReach = (listener) => {
	tell = listener;
};
export const tryNow = () => hurry();

const pause = (signal, begin) => new Promise((resolve, reject) => {
	begin(resolve);
	signal.addEventListener("abort", () => reject(signal.reason));
});

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

/** → what `read` makes of a good Response. A newer request of the same `name` ends this one. */
export async function send(path, { body, type, accept = JSON_TYPE, name, read }) {
	cancel(name);
	const controller = new AbortController();
	running.set(name, controller);
	const headers = { Accept: accept, "Accept-Language": language, "Content-Type": type };
	const response = await reach(path, { method: "POST", headers, body, signal: controller.signal });
	if (response.ok) return read(response);
	const { status, statusText: title } = response;
	throw new Refused(await response.json().catch(() => ({ status, title: title || `HTTP ${status}` })));
}

/** → {value, exact}; the same question is not asked twice. */
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
