// The few lines that make elements, so that nothing is ever written as markup.

const PROPERTIES = ["value", "checked", "selected"];

const maker = (namespace) => (tag, attributes, ...children) => {
	const [name, ...classes] = tag.split(".");
	const element = document.createElementNS(`http://www.w3.org/${namespace}`, name);
	if (classes.length) element.setAttribute("class", classes.join(" "));
	if (name === "button") element.type = "button";
	if (attributes?.constructor !== Object) children.unshift(attributes);
	else for (const [key, value] of Object.entries(attributes)) {
		if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
		else if (PROPERTIES.includes(key)) element[key] = value;
		else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
	}
	element.append(...children.flat(Infinity).filter(Boolean));
	return element;
};

/** h("button.quiet", {onclick}, "text"): attributes may be left out, and children that are false, null or empty are. */
export const h = maker("1999/xhtml");
export const svg = maker("2000/svg");
export const math = maker("1998/Math/MathML");

/** A small picture of one path, 24 by 24, in the colour of the text. */
export const icon = (path) => svg("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));

let last = 0;
/** A name that no other element of the page has, for labels and descriptions. */
export const freshId = (stem) => `${stem}-${(last += 1)}`;

/** A choice between words, [[value, label]], as radio buttons in one frame. */
export function segmented(label, options, chosen, onchoose) {
	const name = freshId("choice");
	return h("fieldset.segmented", { "aria-label": label }, options.map(([value, words]) => h("label",
		h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchoose(value) }), h("span", words))));
}

/** A drop-down: [[value, label]], or [label, options] for a group. */
export function select(attributes, options, chosen, onchoose) {
	const one = ([value, label]) => Array.isArray(label)
		? h("optgroup", { label: value }, label.map(one))
		: h("option", { value, selected: value === chosen }, label);
	return h("select", { ...attributes, onchange: ({ target }) => onchoose(target.value, target) }, options.map(one));
}

/** A box to tick. */
export const tick = (label, checked, ontick) => h("label.tick",
	h("input", { type: "checkbox", checked, onchange: ({ target }) => ontick(target.checked) }), h("span", label));

/** A part that is scrolled where it is too wide. */
export const scrolled = (label, ...content) => h("div.scroll", { tabindex: 0, role: "region", "aria-label": label }, content);

/** Keep a text in "localStorage" or "sessionStorage". → what is kept; private windows may forbid it */
export function stored(where, text) {
	try {
		if (text !== undefined) globalThis[where].convarith = text;
		return globalThis[where].convarith ?? "";
	} catch {
		return "";
	}
}
