// The image tab: a photograph, a kernel, and the filtered picture beside it. The filtering is the service's.

import { h, freshId, select } from "./dom.js";
import { FILTERS, SIZES, isBalanced, resized } from "./filters.js";
import { exactly, readNumber, rounded } from "./numbers.js";
import { drawn, fittingSize, paint, rangeOf, samplePicture, scaleOf, tensorOf } from "./pixels.js";
import { decode, encode } from "./safetensors.js";
import { saveBlob } from "./snapshot.js";

const BULK = "application/vnd.safetensors";
/** What can be chosen, the usual first or as USUAL says. */
const CHOICES = {
  filter: [...Object.keys(FILTERS), "custom"], size: SIZES, channels: [1, 3], border: ["reflect", "zeros", "replicate", "circular", "valid"],
  stride: [1, 2, 3, 4, 5, 6, 7, 8], megapixels: [2, 0.5, 8, 16], show: ["auto", "marked", "cut", "signed"], contrast: [1, 2, 4, 8, 16],
};
const USUAL = { ...Object.fromEntries(Object.entries(CHOICES).map(([key, [first]]) => [key, first])), filter: "sobel_x" };

// The picture stays while the reader looks at other tabs.
let source = null;

/** Settings as they stand in the link: what is not usual, and the numbers of a typed kernel. */
function writeSettings(settings) {
  const { filter, divisor, cells } = settings;
  const chosen = Object.fromEntries(Object.keys(CHOICES).filter((key) => settings[key] !== USUAL[key]).map((key) => [key, settings[key]]));
  const text = JSON.stringify(filter === "custom" ? { ...chosen, divisor, cells } : chosen);
  return text === "{}" ? "" : text;
}

function readSettings(text) {
  let given = {};
  try {
    given = JSON.parse(text || "{}");
  } catch {
    // A link that was cut off: the usual settings do.
  }
  const found = Object.fromEntries(Object.entries(CHOICES).map(([key, allowed]) => [key, allowed.includes(given[key]) ? given[key] : USUAL[key]]));
  const { cells, divisor } = given;
  const numbers = Array.isArray(cells) ? [...cells.flat(), 1 / divisor] : [];
  const typed = found.filter === "custom" && numbers.length === found.size ** 2 + 1 && numbers.every(Number.isFinite);
  if (typed) return { ...found, divisor, cells: resized(cells, found.size) };
  if (found.filter === "custom") found.filter = USUAL.filter;
  return { ...found, ...FILTERS[found.filter](found.size) };
}

/** {parse: 0.2, compute: 3.1} from the header, in milliseconds. */
const timings = (header) => Object.fromEntries([...(header ?? "").matchAll(/([\w-]+);dur=([\d.]+)/g)].map(([, name, ms]) => [name, Number(ms)]));
const milliseconds = (ms) => (ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0));

async function ask(api, input, { cells, divisor, size, border, stride }) {
  const channels = input.shape[0];
  const weights = Float32Array.from(Array.from({ length: channels }, () => cells).flat(2), (weight) => weight / divisor);
  const parameters = { groups: channels, stride, ...(border === "valid" ? {} : { padding: "same", padding_mode: border }) };
  const body = encode({ input, kernel: { shape: [channels, 1, size, size], data: weights } }, { parameters: JSON.stringify(parameters) });
  const begun = performance.now();
  return api.send("v1/conv", { body, type: BULK, accept: BULK, key: "image", async read(response) {
    const { tensors, metadata } = decode(await response.arrayBuffer());
    const result = JSON.parse(metadata.result);
    return { output: tensors.output, result, timing: timings(response.headers.get("Server-Timing")), way: performance.now() - begun };
  } });
}

export function mount(root, { state, set, t, api }) {
  let settings = readSettings(state.extra.image);
  let input = null;
  let answer = null;
  let range = null;
  let shownText = state.extra.image ?? "";

  const original = h("canvas", { role: "img", "aria-label": t("image.original") });
  const filtered = h("canvas.filtered", { role: "img", "aria-label": t("image.filtered") });
  const [originalSays, filteredSays, took, readout] = ["figcaption", "figcaption", "p.took", "p.readout"].map((tag) => h(tag));
  const scale = h("div.scale");
  const trouble = h("p.problem", { role: "alert" });
  const kernel = h("div.weights");
  const choice = (key, say = (value) => t(`image.${key}_${value}`)) => {
    const id = freshId("image");
    return h("div.field", {}, h("label", { for: id }, t(`image.${key}`)),
      select({ id, name: key }, CHOICES[key].map((value) => ({ value: String(value), label: say(value) })), String(settings[key]), (text) =>
        change({ [key]: CHOICES[key].find((value) => String(value) === text) })));
  };
  const file = h("input", { type: "file", accept: "image/*", id: freshId("file"), onchange: () => file.files[0] && open(file.files[0]) });
  const contrast = choice("contrast", (value) => `${value}×`);

  root.replaceChildren(
    h("div.tools", {},
      h("label.button.primary", { for: file.id }, t("image.choose"), file),
      h("button", { type: "button", onclick: () => take(samplePicture()) }, t("image.sample")),
      h("span", {}, t("image.drop"))),
    h("div.filters", {},
      kernel,
      h("div.fields", {},
        choice("filter"), choice("size", (n) => `${n}×${n}`), choice("channels"), choice("border"), choice("stride", String),
        choice("megapixels", (n) => t("image.upTo", { n })), choice("show"), contrast)),
    trouble,
    h("div.figures", {}, h("figure", {}, original, originalSays), h("figure", {}, filtered, filteredSays, scale, readout)),
    took,
    h("div.tools", {}, h("button", { type: "button", onclick: save }, t("image.save"))));

  // --- settings ---------------------------------------------------------------------------------------------------

  function change(patch) {
    const before = settings;
    settings = { ...settings, ...patch };
    if ("filter" in patch || "size" in patch) {
      const { filter, size } = settings;
      Object.assign(settings, filter === "custom" ? { cells: resized(settings.cells, size) } : FILTERS[filter](size));
      showKernel();
    }
    shownText = writeSettings(settings);
    set({ extra: { ...state.extra, image: shownText } });
    if (["channels", "megapixels", "size"].some((key) => settings[key] !== before[key])) prepare();
    else if ("show" in patch || "contrast" in patch) draw();
    else filter();
  }

  function showKernel() {
    const field = (value, label, put) => h("input.cellfield", { value: rounded(value, 6)[0], "aria-label": label, inputmode: "decimal",
      onchange: (event) => {
        const number = Number(readNumber(event.target.value) ?? NaN);
        const good = Number.isFinite(Math.fround(number)) && put(number) !== false;
        event.target.setAttribute("aria-invalid", String(!good));
        if (!good) tell(t("image.noNumber", { text: event.target.value }));
      } });
    const typed = (patch) => {
      settings.filter = "custom";
      root.querySelector("select[name=filter]").value = "custom";
      tell("");
      change(patch);
    };
    const cells = settings.cells.map((row, r) => row.map((weight, c) => field(weight, t("image.cell", { r, c }), (number) =>
      typed({ cells: settings.cells.map((line, at) => (at === r ? line.with(c, number) : line)) }))));
    kernel.replaceChildren(h("div.cellgrid", {}, cells),
      h("label.divisor", {}, t("image.dividedBy"), " ", field(settings.divisor, t("image.dividedBy"), (number) => number !== 0 && typed({ divisor: number }))));
    kernel.firstChild.style.setProperty("--columns", settings.size);
  }

  // --- the picture ------------------------------------------------------------------------------------------------

  async function open(blob) {
    try {
      take(await createImageBitmap(blob));
    } catch {
      tell(t("image.unreadable", { name: blob.name ?? "" }));
    }
  }

  function take(picture) {
    source = picture;
    prepare();
  }

  async function prepare() {
    const { limits } = await api.limits();
    const whole = [source.width, source.height];
    const size = fittingSize(whole, { channels: settings.channels, kernelSize: settings.size, megapixels: settings.megapixels, limits });
    const canvas = drawn(source, size);
    input = tensorOf(canvas, settings.channels);
    paint(original, input, scaleOf("cut", {}, 1));
    const scaled = size[0] === whole[0] ? "" : ` ${t("image.scaled", { from: whole.join("×") })}`;
    originalSays.textContent = `${t("image.original")} ${size.join("×")}.${scaled}`;
    await filter();
  }

  async function filter() {
    root.setAttribute("aria-busy", "true");
    try {
      answer = await ask(api, input, settings);
      range = rangeOf(answer.output);
      tell("");
      draw();
    } catch (error) {
      if (api.isSuperseded(error)) return;
      if (!(error instanceof api.Refused)) throw error;
      const { errors, detail, title } = error.problem;
      tell(errors?.map((each) => each.message).join("; ") ?? detail ?? title);
    }
    root.removeAttribute("aria-busy");
  }

  const showNow = () => (settings.show !== "auto" ? settings.show : isBalanced(settings.cells) ? "signed" : "marked");

  function draw() {
    if (!answer) return;
    const show = showNow();
    const { low, high, marked } = scaleOf(show, range, settings.contrast);
    paint(filtered, answer.output, { low, high, marked });
    contrast.hidden = show !== "signed";
    const [, height, width] = answer.output.shape;
    const short = (value) => rounded(Number(value.toPrecision(4)))[0];
    filteredSays.textContent = `${t("image.filtered")} ${width}×${height}. ${t("image.range", { least: short(range.least), most: short(range.most) })}`;
    const share = (count) => `${((100 * count) / answer.output.data.length).toFixed(1)} %`;
    const notes = show === "signed" ? h("span", {}, t("image.zeroIsGrey")) : ["under", "over"].filter((end) => range[end]).map((end) =>
      h(marked ? `span.${end}` : "span", {}, t(`image.${end}${marked ? "" : "Cut"}`, { share: share(range[end]) })));
    scale.replaceChildren(h("span", {}, short(low)), h("span.ramp"), h("span", {}, short(high)), ...[notes].flat());
    const { timing, way, result } = answer;
    took.textContent = t("image.took", { compute: milliseconds(timing.compute ?? 0), parse: milliseconds(timing.parse ?? 0),
      serialise: milliseconds(timing.serialise ?? 0), way: milliseconds(way), macs: result.geometry.macs.toLocaleString(document.documentElement.lang), algorithm: result.algorithm });
  }

  const tell = (text) => {
    trouble.textContent = text;
  };

  function save() {
    filtered.toBlob((blob) => blob && saveBlob(blob, `convarith-${settings.filter}.png`), "image/png");
  }

  // --- pointing, dropping, pasting --------------------------------------------------------------------------------

  function valuesAt({ shape: [channels, height, width], data }, x, y) {
    return Array.from({ length: channels }, (_, c) => rounded(data[(c * height + y) * width + x], 5)[0]).join(", ");
  }
  filtered.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    if (!answer) return;
    const x = Math.min(filtered.width - 1, Math.floor((offsetX / filtered.clientWidth) * filtered.width));
    const y = Math.min(filtered.height - 1, Math.floor((offsetY / filtered.clientHeight) * filtered.height));
    readout.textContent = t("image.value", { x, y, value: valuesAt(answer.output, x, y) });
  });
  filtered.addEventListener("pointerleave", () => {
    readout.textContent = "";
  });

  const pictureIn = (list) => [...(list?.files ?? [])].find((each) => each.type.startsWith("image/")) ?? list?.files?.[0];
  const onDrag = (event) => {
    event.preventDefault();
    root.classList.toggle("dropping", event.type === "dragover");
  };
  const onDrop = (event) => {
    onDrag(event);
    const blob = pictureIn(event.dataTransfer);
    if (blob) open(blob);
  };
  const onPaste = (event) => {
    const blob = pictureIn(event.clipboardData);
    if (blob) open(blob);
  };
  const listeners = [["dragover", onDrag], ["dragleave", onDrag], ["drop", onDrop], ["paste", onPaste]];
  for (const [type, listener] of listeners) addEventListener(type, listener);

  showKernel();
  take(source ?? samplePicture());

  return {
    /** Take up the settings of another link. */
    update() {
      const text = state.extra.image ?? "";
      if (text === shownText) return;
      shownText = text;
      settings = readSettings(text);
      for (const field of root.querySelectorAll("select[name]")) field.value = String(settings[field.name]);
      showKernel();
      prepare();
    },
    destroy() {
      for (const [type, listener] of listeners) removeEventListener(type, listener);
      api.cancel("image");
    },
  };
}
