// Makes elements, so that nothing is ever written as markup.

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
		else if (value !== undefined && value !== null && value !== false) element.setAttribute(key === "aria" ? "aria-label" : key, value === true ? "" : value);
	}
	element.append(...children.flat(Infinity).filter(Boolean));
	return element;
};

/** h("button.quiet", {onclick}, "text"): attributes may be left out; children that are false, null or empty are. `aria` is aria-label. */
export const h = maker("1999/xhtml");
export const svg = maker("2000/svg");
export const math = maker("1998/Math/MathML");

export const icon = (path) => svg("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));

let last = 0;
export const freshId = (stem) => `${stem}-${(last += 1)}`;

/** Radio buttons in one frame, of [[value, label]]. */
export function segmented(label, options, chosen, onchoose) {
	const name = freshId("choice");
	return h("fieldset.segmented", { aria: label }, options.map(([value, words]) => h("label",
		h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchoose(value) }), h("span", words))));
}

/** A drop-down: [[value, label]], or [label, options] for a group. */
export function select(attributes, options, chosen, onchoose) {
	const one = ([value, label]) => Array.isArray(label)
		? h("optgroup", { label: value }, label.map(one))
		: h("option", { value, selected: value === chosen }, label);
	return h("select", { ...attributes, onchange: ({ target }) => onchoose(target.value, target) }, options.map(one));
}

export const tick = (label, checked, ontick) => h("label.tick",
	h("input", { type: "checkbox", checked, onchange: ({ target }) => ontick(target.checked) }), h("span", label));

export const scrolled = (label, ...content) => h("div.scroll", { tabindex: 0, role: "region", aria: label }, content);

/** Keep a text with the browser's tab. → what is kept; private windows may forbid it */
export function stored(text) {
	try {
		if (text !== undefined) sessionStorage.convarith = text;
		return sessionStorage.convarith ?? "";
	} catch {
		return "";
	}
}
