// The page's own words. The API's titles, details and errors come from the API in the same language.

import en from "../messages/en.js";
import zh from "../messages/zh.js";

export const LANGUAGES = { en: "English", zh: "中文" };
const TEXTS = { en, zh };
let chosen = en;

/** The language asked for, else the browser's. */
export function chooseLanguage(asked) {
  const wanted = [asked, ...navigator.languages].map((code) => (code ?? "").slice(0, 2));
  const code = wanted.find((each) => each in TEXTS) ?? "en";
  chosen = TEXTS[code];
  return code;
}

/** t("section.key", {x}): the text, with {x} replaced. */
export function t(key, values = {}) {
  const [section, name] = key.split(".");
  const text = chosen[section]?.[name] ?? en[section]?.[name] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, field) => values[field] ?? whole);
}
