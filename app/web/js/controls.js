// The settings: a slider and a number field each, for all dimensions at once or for each when unlocked.

import { h, icon, select, segmented, freshId } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import { acceptable, accept, limitOf, open, set, settingOf, state } from "./state.js";

const LOCK = "M7 10V8a5 5 0 0 1 10 0v2h1a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zm2 0h6V8a3 3 0 0 0-6 0z";
const UNLOCK = "M7 10V7a5 5 0 0 1 9.6-2l-1.8.8A3 3 0 0 0 9 7v3h9a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1z";

const WORDS = { conv: ["valid", "same", "same_lower", "full"], conv_transpose: ["valid", "same", "same_lower"] };
const MODES = ["zeros", "reflect", "replicate", "circular"];
const TYPES = ["auto", "int64", "float32", "float64"];
const LEAST_TYPED = -99;

/** A slider and a number field for one number. `write` is called with whole numbers within the limits. */
function dial({ key, label, describedBy, read, write }) {
  const [least, most] = limitOf(key);
  // What only a tensor can show must be there; anything else may be wrong, and the API says why.
  const typed = ["size", "kernel", "inChannels", "outChannels", "groups"].includes(key) ? least : LEAST_TYPED;
  const take = (text, whole) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value)) return;
    if (whole || (value >= typed && value <= most)) write(Math.min(most, Math.max(typed, value)));
  };
  const slider = h("input", { type: "range", min: least, max: most, "aria-label": label, "aria-describedby": describedBy,
    oninput: (event) => write(Number(event.target.value)) });
  const field = h("input.number", { type: "number", min: least, max: most, inputmode: "numeric", "aria-label": label,
    "aria-describedby": describedBy, title: `${least} – ${most}`,
    oninput: (event) => take(event.target.value, false),
    onchange: (event) => {
      take(event.target.value, true);
      show();
    } });
  const name = h("span.axis", {}, label);
  function show() {
    const value = read();
    slider.value = value;
    slider.style.setProperty("--share", `${(100 * (Math.min(most, Math.max(least, value)) - least)) / (most - least)}%`);
    if (document.activeElement !== field || Number(field.value) !== value) field.value = value;
  }
  return { element: h("div.dial", {}, name, slider, field), show, inputs: [slider, field] };
}

/** A setting: its name, its dials, and room for what the API has to say about it. */
function setting(t, key, { label, dials, head = null, lock = false, redraw }) {
  const message = h("div.problem", { id: freshId("problem"), role: "status" });
  const made = dials(message.id);
  const free = state.unlocked.includes(key);
  const unlock = () => {
    set({ unlocked: free ? state.unlocked.filter((each) => each !== key) : [...state.unlocked, key] });
    redraw(`${key} lock`);
  };
  const button = lock && h("button.quiet.lock", { type: "button", "aria-pressed": String(free), "data-key": `${key} lock`,
    title: t(free ? "controls.lock" : "controls.unlock"), "aria-label": `${label}: ${t(free ? "controls.lock" : "controls.unlock")}`,
    onclick: unlock }, icon(free ? UNLOCK : LOCK));
  const element = h("div.setting", { "data-setting": key, class: `setting${made.length > 1 ? " several" : ""}` },
    h("div.head", {}, h("span.label", {}, label), head, button), made.map((each) => each.element), message);
  return {
    key, element,
    show(problems) {
      for (const each of made) {
        each.show();
        for (const input of each.inputs) input.setAttribute("aria-invalid", String(problems.length > 0));
      }
      element.classList.toggle("wrong", problems.length > 0);
      message.replaceChildren(...problems.map((problem) => explained(t, problem)));
    },
  };
}

/** What the API says is wrong, and its suggestion as a button. */
export function explained(t, { message, suggestion }) {
  const value = suggestion && JSON.stringify(suggestion.value);
  return h("p", {}, message, suggestion && acceptable(suggestion) && h("button.suggestion", { type: "button",
    onclick: () => accept(suggestion) }, t("controls.use", { field: suggestion.pointer.slice(1).replaceAll("/", " "), value })));
}

function pairSetting(t, key, redraw) {
  const label = t(`controls.${key}`);
  const whole = { label, read: () => state[key][1], write: (value) => set({ [key]: [value, value] }) };
  const one = (axis, name) => ({ label: t(`controls.${name}`), read: () => state[key][axis],
    write: (value) => set({ [key]: state[key].map((old, at) => (at === axis ? value : old)) }) });
  const free = state.dims === 2 && (state.unlocked.includes(key) || state[key][0] !== state[key][1]);
  const list = free ? [one(0, "rows"), one(1, "columns")] : [whole];
  return setting(t, key, { label, redraw, lock: state.dims === 2,
    dials: (describedBy) => list.map((each) => dial({ key, describedBy, ...each })) });
}

function paddingSetting(t, redraw) {
  const side = (axis, end, name) => ({ label: t(`controls.${name}`), read: () => state.padding[axis][end],
    write: (value) => set({ padding: state.padding.map((pair, a) => (a === axis ? pair.map((old, e) => (e === end ? value : old)) : pair)) }) });
  const whole = { label: t("controls.padding"), read: () => state.padding[1][1], write: (value) => set({ padding: [[value, value], [value, value]] }) };
  const relevant = state.dims === 2 ? state.padding.flat() : state.padding[1];
  const free = state.unlocked.includes("padding") || relevant.some((value) => value !== relevant[0]);
  const sides = [...(state.dims === 2 ? [side(0, 0, "top"), side(0, 1, "bottom")] : []), side(1, 0, "left"), side(1, 1, "right")];
  const list = state.paddingWord ? [] : free ? sides : [whole];
  const words = [...new Set([...WORDS[state.op], ...(state.paddingWord ? [state.paddingWord] : [])])];
  const head = select({ "aria-label": t("controls.paddingWord"), "data-key": "padding word" },
    [{ value: "", label: t("controls.number") }, ...words.map((value) => ({ value, label: value }))], state.paddingWord,
    (paddingWord) => {
      set({ paddingWord });
      redraw("padding word");
    });
  return setting(t, "padding", { label: t("controls.padding"), head, lock: !state.paddingWord, redraw,
    dials: (describedBy) => list.map((each) => dial({ key: "padding", describedBy, ...each })) });
}

function countSetting(t, key, redraw) {
  const label = t(`controls.${key}`);
  return setting(t, key, { label, redraw,
    dials: (describedBy) => [dial({ key, label, describedBy, read: () => state[key], write: (value) => set({ [key]: value }) })] });
}

function choice(t, key, options, redraw) {
  const id = freshId(key);
  return setting(t, key, { label: t(`controls.${key}`), redraw, dials: () => [],
    head: select({ id, "aria-label": t(`controls.${key}`), "data-key": key }, options, state[key], (value) => set({ [key]: value })) });
}

function tick(label, checked, onchange) {
  return h("label.tick", {}, h("input", { type: "checkbox", checked, onchange: (event) => onchange(event.target.checked) }), h("span", {}, label));
}

/** Which settings there are; those that an operation does not have are left out. */
function build(t, redraw) {
  const transposed = state.op === "conv_transpose";
  const main = ["size", "kernel", "stride"].map((key) => pairSetting(t, key, redraw));
  main.push(paddingSetting(t, redraw));
  if (!transposed) main.push(choice(t, "paddingMode", MODES.map((value) => ({ value, label: value })), redraw));
  main.push(pairSetting(t, "dilation", redraw));
  if (transposed) main.push(pairSetting(t, "outputPadding", redraw));
  const more = ["inChannels", "outChannels", "groups"].map((key) => countSetting(t, key, redraw));
  more.push(choice(t, "dtype", TYPES.map((value) => ({ value, label: value })), redraw));
  return { main, more };
}

/** The settings' panel. → {element, update(problems)} */
export function makeControls(t) {
  const element = h("div.controls");
  let settings = [];
  let ticks = () => {};
  let shape = "";

  const structure = () => [state.op, state.dims, state.unlocked, state.paddingWord, state.paddingMode, state.dtype,
    ...["size", "kernel", "stride", "dilation", "outputPadding"].map((key) => state[key][0] === state[key][1]),
    new Set(state.padding.flat()).size > 1].join();

  function redraw(focused) {
    shape = structure();
    const made = build(t, redraw);
    settings = [...made.main, ...made.more];
    const bias = tick(t("controls.bias"), Boolean(state.bias), (on) => set({ bias: on ? Array.from({ length: state.outChannels }, (_, o) => o + 1) : null }));
    const flip = tick(t("controls.flip"), state.flip, (on) => set({ flip: on }));
    ticks = () => {
      bias.firstChild.checked = Boolean(state.bias);
      flip.firstChild.checked = state.flip;
    };
    const isOpen = element.querySelector("details.more")?.open ?? (state.inChannels > 1 || state.outChannels > 1);
    element.replaceChildren(
      h("div.setting", {}, h("div.head", {}, h("span.label", {}, t("controls.example")),
        select({ "aria-label": t("controls.example"), "data-key": "example" },
          [{ value: "", label: t("controls.choose") },
            ...["conv", "conv_transpose"].map((op) => ({ label: t(`controls.${op}`), options: Object.entries(EXAMPLES)
              .filter(([, hash]) => hash.includes("op=conv_transpose") === (op === "conv_transpose"))
              .map(([value]) => ({ value, label: t(`examples.${value}`) })) }))], "",
          (value) => value && open(`${EXAMPLES[value]}&tab=${state.tab}`)))),
      h("div.setting", {}, h("div.head", {}, h("span.label", {}, t("controls.dims")),
        segmented(t("controls.dims"), [{ value: 1, label: "1-D" }, { value: 2, label: "2-D" }], state.dims, (dims) => set({ dims: Number(dims) })))),
      ...made.main.map((each) => each.element),
      h("details.more", { open: isOpen }, h("summary", {}, t("controls.more")), made.more.map((each) => each.element),
        h("div.ticks", {}, bias, flip)));
    if (focused) element.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  function update(problems) {
    if (shape !== structure()) redraw(document.activeElement?.dataset?.key);
    const of = (key) => problems.filter(({ pointer }) => settingOf(pointer.split("/")[1]) === key);
    for (const each of settings) each.show(of(each.key));
    ticks();
  }
  return { element, update };
}
