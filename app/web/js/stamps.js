// A transposed convolution as stamps: each input element times the kernel, added up on the full map, and then the crop.

import { h } from "./dom.js";
import { cellFor, countsOf, figureOf } from "./maps.js";
import { exactly, times } from "./numbers.js";
import { planesOf } from "./scenes.js";
import { indexOf } from "./stage.js";
import { makeTimeline } from "./timeline.js";

/** The sum of two numbers of the API, exact where both are whole. */
function plus(a, b) {
  if (typeof a === "bigint" || typeof b === "bigint") return BigInt(a) + BigInt(b);
  const sum = a + b;
  return Number.isInteger(a) && Number.isInteger(b) && !Number.isSafeInteger(sum) ? BigInt(a) + BigInt(b) : sum;
}
const pair = (list, first) => (list.length === 1 ? [first, list[0]] : list);

export function mount(root, ctx) {
  const { t, state } = ctx;
  let [shown, view, frames, width] = [null, null, [], 0];
  const words = h("div.words");
  const stage = h("div.maps");
  const readout = h("p.readout", { "aria-live": "polite" });
  const timeline = makeTimeline(t);
  root.replaceChildren(words, stage, timeline.element, readout, h("p.hint", {}, t("stamps.hint")));
  const resize = new ResizeObserver(() => shown && root.clientWidth !== width && build());
  resize.observe(root);

  /** What each stamp is: its element, its values for each output channel of its group, and where its places lie. */
  function stampsOf({ response: { geometry, steps } }) {
    const step = steps.find(({ name }) => name === "stamps");
    const dims = geometry.input_size.length;
    const size = pair(geometry.input_size, 1);
    const [ins, outs] = [geometry.in_channels, geometry.out_channels].map((count) => count / geometry.groups);
    const bare = step.shape.length === 2 * dims;
    const each = step.tensor.flat(bare ? dims - 1 : dims);
    const [row, column] = pair(geometry.dilation, 1);
    return each.map((values, number) => {
      const channel = Math.floor(number / (size[0] * size[1]));
      const origin = pair(step.origins[number], 0);
      return { place: [channel, Math.floor(number / size[1]) % size[0], number % size[1]], first: Math.floor(channel / ins) * outs, planes: planesOf(values, dims),
        at: (a, b) => [origin[0] + a * row, origin[1] + b * column] };
    });
  }

  function build() {
    width = root.clientWidth;
    shown = ctx.answer;
    const { response: { geometry, steps, output }, input, weights } = shown;
    const map = countsOf(geometry);
    const step = (name) => steps.find((each) => each.name === name);
    const planes = (name) => step(name) && planesOf(step(name).tensor, map.dims);
    const stamps = stampsOf(shown);
    const whole = planes("accumulate");
    const wide = width > 620;
    const size = cellFor(whole[0][0].length, Math.min(width - 16, 560), wide ? 52 : 36);
    const small = Math.min(size, wide ? 38 : 28);
    const at = (name, values, role, cell) => figureOf(values, { role, map, size: cell, kind: role === "product" ? "kernel" : role,
      label: t(`stamps.${name}`, { size: times([values[0].length, values[0][0].length].slice(-map.dims)) }) });
    const figures = { input: at("input", input, "input", small), kernel: at("kernel", weights, "kernel", small), stamp: at("stamp", stamps[0].planes, "product", small), map: at("map", whole, "output", size) };
    stage.replaceChildren(h("div.column.small", {}, figures.input.element, figures.kernel.element, figures.stamp.element), figures.map.element);
    frames = [...stamps.map((_, number) => ({ scene: "stamps", number })),
      ...["overlap", "accumulate", "crop", "add_bias"].filter(step).map((scene) => ({ scene }))];
    words.replaceChildren(...["stamps", "overlap", "accumulate", "crop", "add_bias"].flatMap((name) => (step(name)
      ? [h("div.step", { "data-step": name }, h("h2", {}, step(name).title), h("p", {}, step(name).detail))] : [])));
    const [overlap] = planes("overlap");
    view = { map, stamps, whole, figures, overlap, output: planesOf(output, map.dims),
      cropped: planes("crop") ?? whole, begin: pair(geometry.padding, [0, 0]).map(([before]) => before), size: pair(geometry.output_size, 1) };
    timeline.show(frames, false);
    draw();
  }

  /** The map after the first stamps, as the API's own stamps add up. */
  function added(count) {
    const sums = view.whole.map((rows) => rows.map((row) => row.map(() => undefined)));
    for (const { first, planes, at } of view.stamps.slice(0, count)) {
      planes.forEach((rows, o) => rows.forEach((row, a) => row.forEach((value, b) => {
        const [r, c] = at(a, b);
        sums[first + o][r][c] = sums[first + o][r][c] === undefined ? value : plus(sums[first + o][r][c], value);
      })));
    }
    return sums;
  }

  function draw() {
    const { scene, number } = frames[Math.min(state.frame, frames.length - 1)];
    const { map, stamps, whole, figures, overlap, output, cropped, begin, size } = view;
    const stamp = stamps[number];
    const over = new Set();
    stamp?.planes.forEach((rows, o) => rows.forEach((row, a) => row.forEach((_, b) => over.add(String([stamp.first + o, ...stamp.at(a, b)])))));
    const sums = stamp ? added(number + 1) : whole;
    const most = Math.max(...overlap.flat());
    const outside = ([, r, c]) => [r, c].some((place, axis) => place < begin[axis] || place >= begin[axis] + size[axis]);
    const ended = scene === "crop" || scene === "add_bias";
    figures.map.each((cell, place) => {
      const [plane, r, c] = place;
      const gone = ended && outside(place);
      const from = (planes) => planes[plane][r - begin[0]]?.[c - begin[1]];
      const value = scene === "overlap" ? overlap[r][c] : ended && !gone ? from(scene === "crop" ? cropped : output) : sums[plane][r][c];
      cell.set(value);
      cell.shade(scene === "overlap" ? overlap[r][c] / (most || 1) : 1);
      cell.mark("cropped", gone);
      cell.mark("empty", value === undefined);
      cell.mark("related", over.has(String(place)));
      cell.describe(value === undefined ? "" : `${indexOf(map, "output", place)} = ${exactly(value)}`);
    });
    figures.input.each((cell, place) => cell.mark("focus", stamp && String(place) === String(stamp.place)));
    figures.stamp.each((cell, [o, a, b]) => {
      const value = stamp?.planes[o]?.[a]?.[b];
      cell.set(value);
      cell.mark("empty", value === undefined);
    });
    for (const step of words.children) step.classList.toggle("on", step.dataset.step === scene);
    readout.textContent = stamp ? t("stamps.one", { number: number + 1, of: stamps.length, at: indexOf(map, "input", stamp.place), first: times(stamp.at(0, 0).slice(-map.dims)).replaceAll("×", ", ") }) : t(`stamps.at_${scene}`, { most, least: Math.min(...overlap.flat()) });
    timeline.update();
  }

  return {
    update() {
      if (!ctx.answer) return;
      if (ctx.answer !== shown) build();
      else draw();
    },
    key: timeline.key,
    destroy() {
      timeline.stop();
      resize.disconnect();
    },
  };
}
