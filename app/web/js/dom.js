// The few lines that make elements, so that nothing is ever written as markup.

const named = (namespace) => (tag, attributes, ...children) => {
  const [name, ...classes] = tag.split(".");
  const element = document.createElementNS(`http://www.w3.org/${namespace}`, name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (["value", "checked", "selected"].includes(key)) element[key] = value;
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter(Boolean));
  return element;
};

/** An HTML element: h("button.quiet", {onclick}, "text"); children that are false, null or empty are left out. */
export const h = named("1999/xhtml");
export const svg = named("2000/svg");
export const math = named("1998/Math/MathML");

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
