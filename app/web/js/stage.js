// The picture of the play: input, kernel, products and output, made once for an answer; `draw` shows a frame.

import { svg } from "./dom.js";
import { nameOfPlace, related, turned } from "./dependency.js";
import { LABEL, hatching, makeCell, nameOf, shader } from "./grid.js";
import { layOut } from "./layout.js";
import { exactly, fitted, rounded, times } from "./numbers.js";
import { outputsOf, planesOf } from "./scenes.js";

const wide = (text) => [...text].reduce((sum, letter) => sum + (letter.charCodeAt(0) > 0x2e80 ? 14 : 7.6), 4);
const grid = (rows, columns, make) => Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_c, c) => make(r, c)));

/** The names that stand above the maps, one for each plane. */
function namesOf(map, t) {
  const [rows, columns] = map.span.map(([first, past]) => past - first);
  const sizes = (size) => times(map.dims === 1 ? size.slice(1) : size);
  const [before, after] = [sizes(map.size), sizes([rows, columns])];
  const name = (key, count, size) => Array.from({ length: count }, (_, at) =>
    (count > 1 ? t(`stage.${key}Channel`, { at, size }) : t(`stage.${key}`, { size })));
  return {
    input: name("input", map.inChannels, before === after ? before : `${before} → ${after}`),
    kernel: name("kernel", map.perGroup, sizes(map.kernel)),
    product: name("product", map.perGroup, sizes(map.kernel)),
    output: name("output", map.outChannels, sizes(map.output)),
  };
}

/**
 * The stage for one answer. `map` is its geometry with windows.
 * → {element, draw(frame, options), focusOf(element)}
 */
export function makeStage(answer, map, { width, height, t, shade }) {
  const names = namesOf(map, t);
  const [rows, columns] = map.span.map(([first, past]) => past - first);
  const [down, across] = map.kernel;
  const sized = (list, rows_, columns_) => ({
    count: list.length, rows: rows_, columns: columns_, names: Math.max(...list.map(wide)),
  });
  const placed = layOut([sized(names.input, rows, columns), sized(names.kernel, down, across),
    sized(names.product, down, across), sized(names.output, ...map.output)], width, height);
  const { cell } = placed;
  const origin = (block, plane) => {
    const { x, y } = placed.blocks[block].planes[plane];
    return [placed.at[block].x + x, placed.at[block].y + y];
  };
  const panel = (block, plane, label, role) => {
    const [x, y] = origin(block, plane);
    return svg("g", { transform: `translate(${x} ${y})`, role: "group", "aria-label": label }, nameOf(label, role));
  };

  const padded = planesOf(map.step("pad").tensor, map.dims);
  const outputs = outputsOf(map);
  const turn = (a, b) => turned(map, [a, b]);

  // Input: every place of the picture has its cell, whether it is there yet or not.
  const inputs = names.input.map((label, plane) => inputPlane(label, plane));
  function inputPlane(label, plane) {
    const g = panel(0, plane, label, "input");
    const cells = [];
    const shaded = shader([answer.input[plane]]);
    const compact = [0, 1].map((at) => (map.length[at] - map.size[at]) / 2 - map.span[at][0]);
    grid(rows, columns, (r, c) => {
      const at = [r + map.span[0][0], c + map.span[1][0]];
      const inside = at.every((place, axis) => place >= 0 && place < map.length[axis]);
      const own = at.map((place, axis) => place / map.apart[axis]);
      const kind = !inside ? "padding" : own.every(Number.isInteger) ? "input" : "zero";
      const window = at.map((place, axis) => place + map.around[axis][0]);
      const kept = padded[plane][window[0]]?.[window[1]];
      const value = kind === "input" ? answer.input[plane][own[0]][own[1]] : kind === "zero" ? 0 : kept ?? 0;
      const drawn = makeCell(cell, kind);
      drawn.set(value);
      if (shade && kind === "input") drawn.shade(shaded(value));
      drawn.describe(`${t(`stage.${kind}At`, { at: kind === "input" ? listed(plane, own) : listed(plane, window) })} = ${exactly(value)}`);
      drawn.g.dataset.focus = `input-${plane}-${r}-${c}`;
      const y = LABEL + r * cell;
      cells.push({
        drawn, kind, kept: kept !== undefined, far: [c * cell, y],
        near: kind === "input" ? [(compact[1] + own[1]) * cell, LABEL + (compact[0] + own[0]) * cell] : [c * cell, y],
        name: nameOfPlace([plane, ...at]),
      });
      g.append(drawn.g);
    });
    const window = svg("g.window", {}, svg("rect.reach", { width: map.reach[1] * cell, height: map.reach[0] * cell, rx: 6 }));
    const weights = grid(down, across, (a, b) => {
      const [x, y] = [b * map.dilation[1] * cell, a * map.dilation[0] * cell];
      const text = svg("text.weight", { x: x + cell - 4, y: y + cell - 4, "text-anchor": "end" });
      window.append(svg("rect.tap", { x: x + 2, y: y + 2, width: cell - 4, height: cell - 4, rx: 4 }), cell >= 34 ? text : "");
      return text;
    });
    g.append(window);
    return { g, cells, window, weights };
  }
  function listed(plane, [r, c]) {
    const place = map.dims === 1 ? [c] : [r, c];
    return `(${(map.inChannels > 1 ? [plane, ...place] : place).join(", ")})`;
  }

  const kernels = names.kernel.map((label, plane) => {
    const g = panel(1, plane, label, "kernel");
    const cells = grid(down, across, () => makeCell(cell, "kernel"));
    g.append(...cells.flat().map((each) => each.g));
    return { g, cells };
  });
  const products = names.product.map((label, plane) => {
    const g = panel(2, plane, label, "product");
    const cells = grid(down, across, (a, b) => {
      const drawn = makeCell(cell, "product");
      drawn.place(b * cell, LABEL + a * cell);
      return drawn;
    });
    g.append(...cells.flat().map((each) => each.g));
    return { g, cells };
  });
  const shownOutputs = shader(outputs.after);
  const results = names.output.map((label, plane) => {
    const g = panel(3, plane, label, "output");
    const cells = grid(map.output[0], map.output[1], (r, c) => {
      const drawn = makeCell(cell, "output");
      drawn.place(c * cell, LABEL + r * cell);
      drawn.g.dataset.focus = `output-${plane}-${r}-${c}`;
      return drawn;
    });
    g.append(...cells.flat().map((each) => each.g));
    return { g, cells };
  });
  const [productX, productY] = [placed.at[2].x, placed.at[2].y];
  const total = svg("text.total", { x: productX + placed.blocks[2].width / 2, y: productY + placed.blocks[2].height + 26, "text-anchor": "middle" });
  const signs = placed.signs ? ["×", "=", "→"].map((sign, at) => {
    const x = (placed.at[at].x + placed.blocks[at].width + placed.at[at + 1].x) / 2;
    return svg("text.sign", { x, y: (placed.height + LABEL) / 2, "text-anchor": "middle", "dominant-baseline": "central" }, sign);
  }) : [];

  const element = svg("svg.stage", {
    viewBox: `-4 0 ${placed.width + 8} ${placed.height + 4}`, width: placed.width + 8, height: placed.height + 4,
    role: "group", "aria-label": t("stage.label"), xmlns: "http://www.w3.org/2000/svg",
  }, hatching(), signs, [...inputs, ...kernels, ...products, ...results].map((each) => each.g), total);

  const last = {};
  const changed = (name, value) => last[name] !== value && ((last[name] = value), true);

  /** Which window's numbers stand in kernel and products: that of the frame, or of an output in focus. */
  function draw(frame, { focus = null, pin = null, look = frame.window } = {}) {
    const window = map.windows[look];
    const o = window?.place[0] ?? 0;
    if (changed("phase", [frame.apart, frame.zeros, frame.padded, frame.cropping].join())) drawInput(frame);
    if (changed("kernel", [o, frame.turn, frame.scene === "slide"].join())) drawKernel(frame, o);
    if (changed("window", look)) drawWindow(window);
    if (changed("output", [frame.window, frame.biased].join())) drawOutput(frame);
    if (changed("marks", `${focus?.name} ${pin?.name} ${o} ${frame.window}`)) drawMarks(focus, pin);
  }

  function drawInput(frame) {
    for (const { cells } of inputs) {
      for (const each of cells) {
        each.drawn.place(...(frame.apart ? each.far : each.near));
        const there = each.kind === "input" || (each.kind === "zero" && frame.zeros) || (each.kind === "padding" && frame.padded);
        each.drawn.mark("gone", !there || (frame.padded && !each.kept));
        each.drawn.mark("cropped", frame.cropping && there && !each.kept);
      }
    }
  }

  function drawKernel(frame, o) {
    kernels.forEach(({ cells }, c) => cells.forEach((row, a) => row.forEach((drawn, b) => {
      const value = answer.weights[o * map.perGroup + c][a][b];
      const y = map.flipped && frame.turn > 0 && (frame.turn > 1 || down > 1) ? down - 1 - a : a;
      const x = map.flipped && frame.turn > 1 ? across - 1 - b : b;
      drawn.set(value);
      drawn.place(x * cell, LABEL + y * cell);
      const at = map.dims === 1 ? `(${b})` : `(${a}, ${b})`;
      drawn.describe(`${t("stage.kernelAt", { at, from: c, to: o })} = ${exactly(value)}`);
      drawn.g.dataset.focus = `kernel-${o * map.perGroup + c}-${a}-${b}`;
    })));
    const first = map.groupOf(o) * map.perGroup;
    inputs.forEach(({ weights }, plane) => weights.forEach((row, a) => row.forEach((text, b) => {
      const c = plane - first;
      const [y, x] = turn(a, b);
      text.textContent = c >= 0 && c < map.perGroup ? fitted(answer.weights[o * map.perGroup + c][y][x], 4) : "";
    })));
  }

  function drawWindow(window) {
    const first = window ? map.groupOf(window.place[0]) * map.perGroup : 0;
    inputs.forEach((each, plane) => {
      const on = window && plane >= first && plane < first + map.perGroup;
      each.window.classList.toggle("gone", !on);
      if (!window) return;
      const [y, x] = window.start.map((start, at) => start - map.span[at][0]);
      each.window.style.transform = `translate(${x * cell}px, ${LABEL + y * cell}px)`;
    });
    products.forEach(({ cells }, c) => cells.forEach((row, a) => row.forEach((drawn, b) => {
      const value = window?.products[c][a][b];
      drawn.set(value);
      drawn.mark("empty", value === undefined);
      drawn.describe(value === undefined ? "" : t("stage.productOf", {
        x: exactly(window.window[c][a][b]),
        w: exactly(answer.weights[window.place[0] * map.perGroup + c][turn(a, b)[0]][turn(a, b)[1]]),
        product: exactly(value),
      }));
    })));
    if (!window) {
      total.textContent = "";
      return;
    }
    const [text, cut] = rounded(window.value, 7);
    total.textContent = `Σ ${cut ? "≈" : "="} ${text}`;
  }

  function drawOutput(frame) {
    map.windows.forEach(({ place: [o, r, c] }, at) => {
      const drawn = results[o].cells[r][c];
      const there = at <= frame.window;
      const value = (frame.biased ? outputs.after : outputs.before)[o][r][c];
      drawn.set(there ? value : undefined);
      if (shade) drawn.shade(there ? shownOutputs(value) : 0);
      drawn.mark("empty", !there);
      drawn.mark("now", at === frame.window && frame.scene === "slide");
      const at_ = `(${(map.outChannels > 1 ? [o] : []).concat(map.dims === 1 ? [c] : [r, c]).join(", ")})`;
      drawn.describe(`${t("stage.outputAt", { at: at_ })}${there ? ` = ${exactly(value)}` : ""}`);
    });
  }

  function drawMarks(focus, pin) {
    const shown = focus ?? pin;
    const found = shown && related(map, shown);
    const own = (kind, name) => Number(shown?.kind === kind && nameOfPlace(shown.place) === name);
    const pinned = (kind, name) => pin?.kind === kind && nameOfPlace(pin.place) === name;
    const mark = (drawn, kind, name) => {
      drawn.mark("related", found?.[kind].has(name) && !own(kind, name));
      drawn.mark("focus", own(kind, name));
      drawn.mark("pinned", pinned(kind, name));
    };
    for (const { cells } of inputs) for (const each of cells) mark(each.drawn, "input", each.name);
    kernels.forEach(({ cells }) => cells.flat().forEach((drawn) => {
      mark(drawn, "kernel", nameOfPlace(drawn.g.dataset.focus.split("-").slice(1).map(Number)));
    }));
    results.forEach(({ cells }, o) => cells.forEach((row, r) => row.forEach((drawn, c) => mark(drawn, "output", nameOfPlace([o, r, c])))));
  }

  return { element, draw, cell };
}

/** {kind, place, name} of "input-0-1-2": the place of an input element is one of the picture, which begins at its span. */
export function focusFrom(name, map) {
  if (!name) return null;
  const [kind, ...numbers] = name.split("-");
  const [plane, r, c] = numbers.map(Number);
  const first = kind === "input" ? map.span.map(([least]) => least) : [0, 0];
  return { kind, name, place: [plane, r + first[0], c + first[1]] };
}
