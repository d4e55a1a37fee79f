// The few lines that make elements, so that nothing is ever written as markup.

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const named = (make) => (tag, attributes, ...children) => {
  const [name, ...classes] = tag.split(".");
  const element = make(name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  return fill(element, attributes, children);
};

/** An HTML element: h("button.quiet", {onclick}, "text"). */
export const h = named((name) => document.createElement(name));
/** An SVG element. */
export const svg = named((name) => document.createElementNS(SVG, name));
/** A MathML element. */
export const math = named((name) => document.createElementNS(MATHML, name));

/** A small picture of one path, 24 by 24, in the colour of the text. */
export const icon = (path) => svg("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));

let last = 0;
/** A name that no other element of the page has, for labels and descriptions. */
export const freshId = (stem) => `${stem}-${(last += 1)}`;

/** A choice between words: [{value, label}] as radio buttons in one frame. */
export function segmented(label, options, chosen, onchoose) {
  const name = freshId("choice");
  return h("fieldset.segmented", { "aria-label": label }, options.map((option) => h("label", { title: option.title },
    h("input", { type: "radio", name, value: option.value, checked: option.value === chosen,
      onchange: () => onchoose(option.value) }),
    h("span", {}, option.label))));
}

/** A drop-down: [{value, label}], or {label, options} for a group. */
export function select(attributes, options, chosen, onchoose) {
  const one = (option) => option.options
    ? h("optgroup", { label: option.label }, option.options.map(one))
    : h("option", { value: option.value, selected: option.value === chosen }, option.label);
  return h("select", { ...attributes, onchange: (event) => onchoose(event.target.value, event.target) }, options.map(one));
}

/** A box to tick. */
export const tick = (label, checked, ontick) => h("label.tick", {},
  h("input", { type: "checkbox", checked, onchange: ({ target }) => ontick(target.checked) }), h("span", {}, label));
