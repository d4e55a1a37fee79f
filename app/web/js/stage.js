// The picture of the play: input, kernel, products and output, made once for an answer; `draw` shows a frame.

import { svg } from "./dom.js";
import { related, turned } from "./dependency.js";
import { LABEL, hatching, makeCell, nameOf, shader } from "./grid.js";
import { layOut } from "./layout.js";
import { exactly, fitted, rounded, times } from "./numbers.js";

/** Cells smaller than this do not show the weight that lies over them. */
const ROOM_FOR_WEIGHT = 30;

/** About how wide a name is; letters are larger where `em` is. */
export const textWidth = (text, em) => em * [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 14 : 8.7), 4);

/** The index of an element as the API counts: with its channel where there are several, without rows in 1-D. */
export function indexOf(map, kind, [plane, ...place]) {
  const channels = { input: map.inChannels, output: map.outChannels, kernel: 1 }[kind];
  return `(${[...(channels > 1 ? [plane] : []), ...place.slice(-map.dims)].join(", ")})`;
}

/** The input element at a place of the picture; null where there is a zero. */
export function elementAt(map, [plane, ...place]) {
  const own = place.map((at, axis) => at / map.apart[axis]);
  return own.every((at, axis) => Number.isInteger(at) && at >= 0 && at < map.size[axis]) ? [plane, ...own] : null;
}

/** {kind, place} of the name that a cell has for links and pointing. */
export function focusFrom(name, map) {
  if (!name) return null;
  const [kind, plane, r, c] = name.split("-");
  const first = kind === "input" ? map.span.map(([least]) => least) : [0, 0];
  return { kind, name, place: [Number(plane), Number(r) + first[0], Number(c) + first[1]] };
}

/** The stage for one answer. → {element, draw(frame, {focus, pin, look}), turned()} */
export function makeStage({ input, weights }, map, { width, height, t, shade }) {
  const em = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const extent = map.span.map(([first, past]) => past - first);
  const written = (size) => times(size.slice(-map.dims));
  const grows = [...new Set([map.size, extent].map(written))].join(" → ");
  const parts = [
    ["input", map.inChannels, extent, grows], ["kernel", map.perGroup, map.kernel], ["product", map.perGroup, map.kernel], ["output", map.outChannels, map.output],
  ].map(([role, count, [rows, columns], size = written([rows, columns])]) => {
    const labels = Array.from({ length: count }, (_, at) => t(`stage.${role}${count > 1 ? "Channel" : ""}`, { at, size }));
    return { role, count, rows, columns, labels, names: Math.max(...labels.map((label) => textWidth(label, em))) };
  });
  const placed = layOut(parts, width, height, em);
  const { cell, at } = placed;
  const [shownInput, shownOutput] = [shader(input), shader(map.outputs.after)];
  const inputs = drawn(0, inputCell);
  const kernels = drawn(1, () => ({ drawn: makeCell(cell, "kernel") }));
  const products = drawn(2, () => ({ drawn: makeCell(cell, "product") }));
  const outputs = drawn(3, (o, r, c) => ({ drawn: makeCell(cell, "output"), focus: `output-${o}-${r}-${c}`, place: String([o, r, c]) }));
  const overlays = inputs.map(overlay);
  const total = svg("text.total", { x: at[2][0] + placed.blocks[2].width / 2, y: at[2][1] + placed.blocks[2].bottom + 26, "text-anchor": "middle" });
  const signs = placed.name === "row" ? ["×", "=", "→"].map((sign, block) => svg("text.sign", { "text-anchor": "middle", "dominant-baseline": "central",
    x: (at[block][0] + placed.blocks[block].width + at[block + 1][0]) / 2, y: (placed.height + LABEL) / 2 }, sign)) : [];
  const element = svg("svg.stage", { viewBox: `-4 0 ${placed.width + 8} ${placed.height + 4}`, width: placed.width + 8, height: placed.height + 4,
    role: "group", "aria-label": t("stage.label") }, hatching(), signs, [inputs, kernels, products, outputs].flat().map(({ g }) => g), total);

  /** The planes of a block: {g, cells: rows of what `make` gives}. */
  function drawn(block, make) {
    const { role, labels, rows, columns } = parts[block];
    return labels.map((label, plane) => {
      const [x, y] = placed.blocks[block].planes[plane];
      const cells = Array.from({ length: rows }, (_r, r) => Array.from({ length: columns }, (_c, c) => {
        const made = make(plane, r, c);
        made.drawn.place(c * cell, LABEL + r * cell);
        if (made.focus) made.drawn.g.dataset.focus = made.focus;
        if (role !== "product") made.drawn.focusable(!r && !c);
        return made;
      }));
      return { cells, g: svg("g", { transform: `translate(${at[block][0] + x} ${at[block][1] + y})`, role: "group", "aria-label": label },
        nameOf(label, role), cells.flat().map((each) => each.drawn.g)) };
    });
  }

  /** Every place of the picture has its cell, whether it is there yet or not. */
  function inputCell(plane, r, c) {
    const place = [r + map.span[0][0], c + map.span[1][0]];
    const own = elementAt(map, [plane, ...place]);
    const kind = own ? "input" : place.every((each, axis) => each >= 0 && each < map.length[axis]) ? "zero" : "padding";
    const kept = map.padded[plane][place[0] + map.around[0][0]]?.[place[1] + map.around[1][0]];
    const value = own ? input[plane][own[1]][own[2]] : kind === "zero" ? 0 : kept ?? 0;
    const made = makeCell(cell, kind);
    made.set(value);
    if (shade && own) made.shade(shownInput(value));
    made.describe(`${t(`stage.${kind}At`, { at: own && indexOf(map, "input", own) })} = ${exactly(value)}`);
    const far = [c * cell, LABEL + r * cell];
    // Before the zeros come in, the elements stand together in the middle.
    const near = own ? [1, 0].map((axis) => (axis ? 0 : LABEL) + cell * ((map.length[axis] - map.size[axis]) / 2 - map.span[axis][0] + own[axis + 1])) : far;
    return { drawn: made, kind, kept: kept !== undefined, near, far, focus: `input-${plane}-${r}-${c}`, place: String([plane, ...place]) };
  }

  /** The kernel as it lies over a plane of the input: {g, weights: rows of texts}. */
  function overlay({ g }) {
    const over = svg("g.window", {}, svg("rect.reach", { width: map.reach[1] * cell, height: map.reach[0] * cell, rx: 6 }));
    const texts = kernels[0].cells.map((row, a) => row.map((_cell, b) => {
      const [x, y] = [b * map.dilation[1] * cell, a * map.dilation[0] * cell];
      const text = svg("text.weight", { x: x + cell - 5, y: y + cell - 5, "text-anchor": "end" });
      over.append(svg("rect.tap", { x: x + 2, y: y + 2, width: cell - 4, height: cell - 4, rx: 4 }), cell >= ROOM_FOR_WEIGHT ? text : "");
      return text;
    }));
    g.append(over);
    return { g: over, texts };
  }

  const every = (planes, act) => planes.forEach(({ cells }, plane) => cells.forEach((row, r) => row.forEach((each, c) => act(each, plane, r, c))));
  const last = {};
  const changed = (name, ...values) => last[name] !== String(values) && (last[name] = String(values));

  /** Show a frame. `look`: the window whose kernel and products stand there; `focus`, `pin`: elements to mark. */
  function draw(frame, { focus = null, pin = null, look = frame.window } = {}) {
    const window = map.windows[look];
    const o = window?.place[0] ?? 0;
    if (changed("input", frame.apart, frame.zeros, frame.padded, frame.cropping)) drawInput(frame);
    if (changed("kernel", o, frame.turn)) drawKernel(frame, o);
    if (changed("window", look)) drawWindow(window);
    if (changed("output", frame.window, frame.biased)) drawOutput(frame);
    if (changed("marks", focus?.name, pin?.name, o)) drawMarks(focus ?? pin, pin);
  }

  function drawInput(frame) {
    every(inputs, ({ drawn: made, kind, kept, near, far }) => {
      made.place(...(frame.apart ? far : near));
      const there = kind === "input" || (kind === "zero" ? frame.zeros : frame.padded);
      made.mark("gone", !there || (frame.padded && !kept));
      made.mark("cropped", frame.cropping && there && !kept);
    });
  }

  function drawKernel({ turn }, o) {
    every(kernels, ({ drawn: made }, c, a, b) => {
      const plane = o * map.perGroup + c;
      const over = turned(map, a, b);
      const y = turn === 2 || (turn && map.kernel[0] > 1) ? over[0] : a;
      made.set(weights[plane][a][b]);
      made.place((turn === 2 ? over[1] : b) * cell, LABEL + y * cell);
      made.describe(`${t("stage.kernelAt", { at: indexOf(map, "kernel", [0, a, b]), from: map.firstOf(o) + c, to: o })} = ${exactly(weights[plane][a][b])}`);
      made.g.dataset.focus = `kernel-${plane}-${a}-${b}`;
      overlays[map.firstOf(o) + c].texts[over[0]][over[1]].textContent = fitted(weights[plane][a][b], 4);
    });
  }

  function drawWindow(window) {
    const o = window?.place[0] ?? 0;
    overlays.forEach(({ g }, plane) => {
      g.classList.toggle("gone", !window || plane < map.firstOf(o) || plane >= map.firstOf(o) + map.perGroup);
      const [y, x] = (window?.start ?? [0, 0]).map((start, axis) => start - map.span[axis][0]);
      g.style.transform = `translate(${x * cell}px, ${LABEL + y * cell}px)`;
    });
    every(products, ({ drawn: made }, c, a, b) => {
      const product = window?.products[c][a][b];
      const [y, x] = turned(map, a, b);
      made.set(product);
      made.mark("empty", !window);
      made.describe(window ? t("stage.productOf", { x: exactly(window.window[c][a][b]), w: exactly(weights[o * map.perGroup + c][y][x]), product: exactly(product) }) : "");
    });
    const [text, cut] = rounded(window?.value ?? 0, 7);
    total.textContent = window ? `Σ ${cut ? "≈" : "="} ${text}` : "";
  }

  function drawOutput(frame) {
    map.windows.forEach(({ place: [o, r, c] }, index) => {
      const { drawn: made } = outputs[o].cells[r][c];
      const value = index <= frame.window ? map.outputs[frame.biased ? "after" : "before"][o][r][c] : undefined;
      made.set(value);
      if (shade && value !== undefined) made.shade(shownOutput(value));
      made.mark("empty", value === undefined);
      made.mark("now", index === frame.window && frame.scene === "slide");
      made.describe(t("stage.outputAt", { at: indexOf(map, "output", [o, r, c]) }) + (value === undefined ? "" : ` = ${exactly(value)}`));
    });
  }

  function drawMarks(shown, pin) {
    const found = shown && related(map, shown);
    const mark = (kind) => ({ drawn: made, place }) => {
      const name = place ?? String(made.g.dataset.focus.split("-").slice(1));
      const own = shown?.kind === kind && String(shown.place) === name;
      made.mark("related", found?.[kind].has(name) && !own);
      made.mark("focus", own);
      made.g.setAttribute("aria-pressed", String(pin?.kind === kind && String(pin.place) === name));
    };
    every(inputs, mark("input"));
    every(kernels, mark("kernel"));
    every(outputs, mark("output"));
  }

  return { element, draw, turned: () => map.flipped && last.kernel.endsWith(2) };
}
