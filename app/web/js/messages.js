// The page's own words. The API's titles, details and errors come from the API in the same language.

export const LANGUAGES = { en: "English", zh: "中文" };
const TEXTS = { en: () => import("../messages/en.js"), zh: () => import("../messages/zh.js") };
let texts;

/** → the code of the language asked for, else the browser's */
export async function chooseLanguage(asked) {
	const wanted = [asked, ...navigator.languages].map((code) => code.slice(0, 2));
	const code = wanted.find((each) => each in TEXTS) ?? "en";
	texts = (await TEXTS[code]()).default;
	return code;
}

/** t("section.key", {x}): the text, with {x} replaced. */
export function t(key, values = {}) {
	const [section, name] = key.split(".");
	return (texts[section]?.[name] ?? key).replace(/\{(\w+)\}/g, (_, field) => values[field]);
}
