// Speaks to the service: newer requests end older ones, a service that cannot be reached is asked again.

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

let language = "en";
let tell;
let hurry = () => {};
const running = new Map();
const kept = new Map();

// A key stays with its tab, where the browser may keep it, and goes with it.
let key = "";
try {
  key = sessionStorage.convarithKey ?? "";
} catch { /* Private windows may forbid it. */ }
const withoutKey = new Set();

/** Whether requests hold a key. */
export const hasKey = () => key !== "";

/** Ask again with this key all that was refused for want of one. */
export function useKey(text) {
  key = text.replace(/[^!-~]/g, "");
  try {
    sessionStorage.convarithKey = key;
  } catch { /* See above. */ }
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

const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, seconds * 1000);
  hurry = resolve;
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    reject(signal.reason);
  });
});

const forKey = (signal) => new Promise((resolve, reject) => {
  withoutKey.add(resolve);
  signal.addEventListener("abort", () => {
    withoutKey.delete(resolve);
    reject(signal.reason);
  });
});

/** The answer of the service, however often it takes. */
async function reach(path, options) {
  for (let attempt = 0; ; attempt += 1) {
    const used = key;
    const headers = { ...options.headers, ...(used && { Authorization: `Bearer ${used}` }) };
    const response = await fetch(path, { ...options, headers }).catch((error) => {
      if (isSuperseded(error)) throw error;
    });
    if (response?.status === 401) {
      // Another key may have come while this one was on its way.
      if (used !== key) continue;
      tell({ wanted: used ? "wrong" : "missing" });
      await forKey(options.signal);
      continue;
    }
    if (response && !TRY_AGAIN.includes(response.status)) {
      tell(null);
      return response;
    }
    const again = Number(response?.headers.get("Retry-After")) || WAITS[Math.min(attempt, WAITS.length - 1)];
    tell({ again, status: response?.status });
    await pause(again, options.signal);
  }
}

export const cancel = (key) => running.get(key)?.abort();

/** Send bytes or text. → what `read` makes of a good Response. `key`: a newer request with it ends this one. */
export async function send(path, { method = "POST", body, type, accept = JSON_TYPE, key = path, read = (response) => response } = {}) {
  cancel(key);
  const controller = new AbortController();
  running.set(key, controller);
  const headers = { Accept: accept, "Accept-Language": language, ...(type ? { "Content-Type": type } : {}) };
  const response = await reach(path, { method, headers, body, signal: controller.signal });
  if (response.ok) return read(response);
  const { status, statusText: title } = response;
  throw new Refused(await response.json().catch(() => ({ status, title: title || `HTTP ${status}` })));
}

/** Ask with JSON. → {value, exact}; the same question is not asked twice. */
export async function post(path, body, { key = path } = {}) {
  const text = toJson(body);
  const name = `${language} ${path} ${text}`;
  if (kept.has(name)) cancel(key);
  else {
    kept.set(name, await send(path, { body: text, type: JSON_TYPE, key, read: async (response) => parseJson(await response.text()) }));
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  }
  return kept.get(name);
}

let asked;
/** The limits in force, asked once. */
export function limits() {
  asked ??= send("v1/limits", { method: "GET", read: (response) => response.json() });
  return asked;
}
