// Speaks to the service: newer requests end older ones, a service that cannot be reached is asked again.

import { parseJson, toJson } from "./numbers.js";

const JSON_TYPE = "application/json";
const TRY_AGAIN = new Set([429, 502, 503, 504]);
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
let tell = () => {};
let hurry = () => {};
const running = new Map();
const kept = new Map();

export const speak = (code) => {
  language = code;
};

/** `listener({again})` while the service cannot be reached (seconds until the next try), `listener(null)` when it can. */
export const onReach = (listener) => {
  tell = listener;
};
export const tryNow = () => hurry();

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    hurry = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

/** An answer from the service, however often it takes: a Response, whatever its status but those that pass. */
async function reach(path, options, signal) {
  for (let attempt = 0; ; attempt += 1) {
    let response = null;
    try {
      response = await fetch(path, { ...options, signal });
    } catch (error) {
      if (isSuperseded(error)) throw error;
    }
    if (response && !TRY_AGAIN.has(response.status)) {
      tell(null);
      return response;
    }
    const asked = Number(response?.headers.get("Retry-After"));
    const again = asked > 0 ? Math.min(asked, 30) : WAITS[Math.min(attempt, WAITS.length - 1)];
    tell({ again, status: response?.status });
    await pause(again, signal);
  }
}

/** Only one request of a key runs: the newest. */
async function alone(key, run) {
  running.get(key)?.abort();
  const controller = new AbortController();
  running.set(key, controller);
  try {
    return await run(controller.signal);
  } finally {
    if (running.get(key) === controller) running.delete(key);
  }
}

export function cancel(key) {
  running.get(key)?.abort();
}

async function refusal(response) {
  try {
    return new Refused(await response.json());
  } catch {
    return new Refused({ status: response.status, title: response.statusText, detail: `HTTP ${response.status}` });
  }
}

/** Send bytes or text. → what `read` makes of a good Response. `key`: a newer request with it ends this one. */
export function send(path, { method = "POST", body, type, accept = JSON_TYPE, key = path, read = (response) => response } = {}) {
  return alone(key, async (signal) => {
    const headers = { Accept: accept, "Accept-Language": language };
    if (type) headers["Content-Type"] = type;
    const response = await reach(path, { method, headers, body }, signal);
    if (!response.ok) throw await refusal(response);
    return read(response);
  });
}

/** Ask with JSON. → {value, exact}; the same question is not asked twice. */
export async function post(path, body, { key = path } = {}) {
  const text = toJson(body);
  const name = `${language} ${path} ${text}`;
  if (kept.has(name)) {
    cancel(key);
    return kept.get(name);
  }
  const answer = await send(path, { body: text, type: JSON_TYPE, key, read: async (response) => parseJson(await response.text()) });
  kept.set(name, answer);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return answer;
}

let limitsAsked;
/** The limits in force, asked once. */
export function limits() {
  limitsAsked ??= send("v1/limits", { method: "GET", read: (response) => response.json() });
  return limitsAsked;
}
