// The numbers of the input, the kernel and the bias: typed into cells, filled with a pattern, or pasted.

import { h, icon, select } from "./dom.js";
import { exactly, readNumber, times } from "./numbers.js";
import { takeTensor } from "./paste.js";
import { INPUT_PATTERNS, KERNEL_PATTERNS } from "./patterns.js";
import { set, state } from "./state.js";

const DICE = "M6 4h12a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm2.5 3A1.5 1.5 0 1 0 8.5 10 1.5 1.5 0 0 0 8.5 7zm7 0a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zM12 10.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm-3.5 3.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm7 0a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z";

/** A field for one number. `write` gets what was typed, when it is a number. */
function cellField(label, write) {
  return h("input.cellfield", { type: "text", inputmode: "text", spellcheck: "false", autocomplete: "off", "aria-label": label,
    onfocus: (event) => event.target.select(),
    oninput: (event) => {
      const value = readNumber(event.target.value);
      event.target.setAttribute("aria-invalid", String(value === undefined));
      if (value !== undefined) write(value);
    },
    onblur: (event) => {
      event.target.setAttribute("aria-invalid", "false");
      event.target.value = event.target.dataset.value;
    } });
}

const show = (field, value) => {
  const text = String(value);
  field.dataset.value = text;
  field.title = text.length > 6 ? text : "";
  if (document.activeElement !== field || readNumber(field.value) !== value) field.value = text;
};

/** Arrow keys and Enter go from cell to cell. */
function walk(event, fields, columns) {
  const at = fields.indexOf(event.target);
  const { selectionStart, selectionEnd, value } = event.target;
  const whole = selectionStart === 0 && selectionEnd === value.length;
  const by = { ArrowUp: -columns, ArrowDown: columns, Enter: columns,
    ArrowLeft: whole || selectionEnd === 0 ? -1 : 0, ArrowRight: whole || selectionStart === value.length ? 1 : 0 }[event.key];
  if (!by || !fields[at + by]) return;
  event.preventDefault();
  fields[at + by].focus();
}

const KINDS = {
  input: { patterns: INPUT_PATTERNS, key: "input", field: "input" },
  kernel: { patterns: KERNEL_PATTERNS, key: "weights", field: "kernel" },
};

function planeName(t, kind, plane, count) {
  if (count === 1) return "";
  if (kind === "input") return t("tensor.inputChannel", { at: plane });
  const channels = Math.max(1, Math.floor(state.inChannels / state.groups));
  return t("tensor.kernelPlane", { to: Math.floor(plane / channels), from: plane % channels });
}

/** The editor of one tensor. → {element, update(problems)} */
export function makeEditor(t, kind) {
  const { patterns, key, field } = KINDS[kind];
  const tensor = () => state[key];
  const own = (planes) => set({ [key]: { ...tensor(), pattern: "own", planes } });
  const change = (plane, r, c) => (value) => own(tensor().planes.map((rows, p) => (p === plane
    ? rows.map((row, i) => (i === r ? row.map((old, j) => (j === c ? value : old)) : row)) : rows)));

  const shapeText = h("span.shape");
  const planes = h("div.planes");
  const message = h("div.problem", { role: "status" });
  const pattern = select({ "aria-label": t("tensor.fill") }, [...Object.keys(patterns), "own"].map((name) => ({ value: name, label: t(`pattern.${name}`) })),
    tensor().pattern, (name) => set({ [key]: { ...tensor(), pattern: name } }));
  const again = h("button.quiet", { type: "button", title: t("tensor.again"), "aria-label": t("tensor.again"),
    onclick: () => set({ [key]: { ...tensor(), pattern: "random", seed: (tensor().seed % 1e6) + 1 } }) }, icon(DICE));
  const paste = h("button.quiet.word", { type: "button", onclick: () => pasteDialog(t, kind) }, t("tensor.paste"));
  const element = h(`section.editor.${kind}`, { "aria-label": t(`tensor.${kind}`),
    onpaste: (event) => {
      const text = event.clipboardData.getData("text");
      if (readNumber(text) !== undefined) return;
      event.preventDefault();
      const found = takeTensor(text, kind, t);
      if (found.patch) set(found.patch);
      else message.replaceChildren(h("p", {}, found.problem));
    } },
    h("div.head", {}, h("h3", {}, t(`tensor.${kind}`)), shapeText, pattern, again, paste), planes, message);

  let fields = [];
  let shape = "";
  const biasFields = () => (kind === "kernel" && state.bias ? state.bias.length : 0);

  function build() {
    const { length } = tensor().planes;
    fields = [];
    planes.replaceChildren(...tensor().planes.map((rows, p) => {
      const made = rows.map((row, r) => row.map((_value, c) =>
        cellField(`${t(`tensor.${kind}`)} ${planeName(t, kind, p, length)} (${r}, ${c})`, change(p, r, c))));
      fields.push(made);
      const flat = made.flat();
      const box = h("div.cellgrid", { onkeydown: (event) => walk(event, flat, rows[0].length) }, flat);
      box.style.setProperty("--columns", rows[0].length);
      return h("div.plane", {}, length > 1 && h("div.caption", {}, planeName(t, kind, p, length)), box);
    }));
    if (biasFields()) {
      const made = state.bias.map((_value, o) => cellField(`${t("tensor.bias")} ${o}`,
        (value) => set({ bias: state.bias.map((old, at) => (at === o ? value : old)) })));
      const box = h("div.cellgrid", { onkeydown: (event) => walk(event, made, made.length) }, made);
      box.style.setProperty("--columns", made.length);
      planes.append(h("div.plane", {}, h("div.caption", {}, t("tensor.bias")), box));
      fields.bias = made;
    }
  }

  function update(problems) {
    const { planes: values } = tensor();
    const now = [values.length, values[0].length, values[0][0].length, biasFields()].join();
    if (shape !== now) build();
    shape = now;
    values.forEach((rows, p) => rows.forEach((row, r) => row.forEach((value, c) => show(fields[p][r][c], value))));
    fields.bias?.forEach((each, o) => show(each, state.bias[o]));
    const size = state.dims === 1 ? [values[0][0].length] : [values[0].length, values[0][0].length];
    shapeText.textContent = times(values.length > 1 ? [values.length, ...size] : size);
    pattern.value = tensor().pattern;
    pattern.querySelector('option[value="own"]').hidden = tensor().pattern !== "own";
    const wrong = problems.filter(({ pointer }) => pointer.startsWith(`/${field}/`) || (kind === "kernel" && pointer.startsWith("/bias")));
    message.replaceChildren(...wrong.map(({ message: text }) => h("p", {}, text)));
  }
  return { element, update };
}

/** Ask for a text and show at once what is found in it. */
function pasteDialog(t, kind) {
  let patch = null;
  const found = h("p.found", { "aria-live": "polite" });
  const take = h("button.primary", { type: "submit", disabled: true }, t("tensor.take"));
  const read = (text) => {
    const result = text.trim() ? takeTensor(text, kind, t) : {};
    patch = result.patch ?? null;
    found.textContent = result.problem ?? (result.shape ? t("tensor.found", { size: times(result.shape), first: exactly(result.first) }) : "");
    found.classList.toggle("wrong", Boolean(result.problem));
    take.disabled = !patch;
  };
  const area = h("textarea", { rows: 9, spellcheck: "false", "aria-label": t("tensor.text"), placeholder: t("tensor.placeholder"),
    oninput: () => read(area.value) });
  const dialog = h("dialog", { "aria-label": t("tensor.pasteTitle"), onclose: () => dialog.remove() },
    h("form", { method: "dialog", onsubmit: () => patch && set(patch) },
      h("h2", {}, t("tensor.pasteTitle")), h("p", {}, t(`tensor.${kind}Help`)), area, found,
      h("div.actions", {}, h("button", { type: "button", onclick: () => dialog.close() }, t("tensor.cancel")), take)));
  document.body.append(dialog);
  dialog.showModal();
  area.focus();
}
