// The operation as one matrix product, beside the maps that its rows and columns stand for.

import { asker } from "./adjoint.js";
import { h } from "./dom.js";
import { cellFor, countsOf, drawProduct, figureOf } from "./maps.js";
import { exactly, times } from "./numbers.js";
import { planesOf } from "./scenes.js";
import { indexOf } from "./stage.js";

const HIGHEST = 560;
const NARROW = 700;
/** What a product of the usual size and its maps take, where the transposed one stands beside them. */
const BESIDE = 400;
/** How many outputs a sentence lists. */
const LISTED = 12;
const NONE = { row: -1, column: -1 };
const NAMES = { conv: ["I", "C", "O"], conv_transpose: ["O", "Cᵀ", "P"] };
const OTHER = { conv: "conv_transpose", conv_transpose: "conv" };

/** A place in a flattened map as (plane, row, column). */
function placeIn(at, [rows, columns]) {
  return [Math.floor(at / (rows * columns)), Math.floor(at / columns) % rows, at % columns];
}
const shapeOf = (planes) => [planes[0].length, planes[0][0].length];

export function mount(root, ctx) {
  const { t } = ctx;
  const askOther = asker(ctx.api, ["matrix"]);
  let [shown, view, width] = [null, null, 0];
  let pinned = { ...NONE, column: 0 };
  const resize = new ResizeObserver(() => shown && root.clientWidth !== width && build());
  resize.observe(root);

  function kept() {
    const [, kind, at] = /^([rc])(\d+)$/.exec(ctx.state.extra.matrix ?? "") ?? [];
    return kind ? { ...NONE, [kind === "r" ? "row" : "column"]: Number(at) } : { ...NONE, column: 0 };
  }
  const keep = ({ row, column }) => ctx.set({ extra: { ...ctx.state.extra, matrix: row >= 0 ? `r${row}` : column > 0 ? `c${column}` : "" } });

  /** A product's picture and the numbers behind it, of one answer. */
  function productOf(op, response, room, point) {
    const step = (name) => response.steps.find((each) => each.name === name);
    const { tensor: matrix } = step("matrix");
    const [input, name, output] = NAMES[op];
    const [row, result] = [step("flatten_input").tensor.flat(), step("multiply").tensor.flat()];
    const roles = op === ctx.answer.request.op ? ["input", "output"] : ["output", "input"];
    const picture = drawProduct(row, matrix, result, { width: room, height: HIGHEST, ...point,
      named: { row: [roles[0], t("matrix.row_name", { name: input, size: `1×${row.length}` })], matrix: `${name} ${matrix.length}×${matrix[0].length}`, result: [roles[1], `${output} 1×${result.length}`] } });
    return { picture, matrix, step, name };
  }

  function build() {
    width = root.clientWidth;
    const { request: { op }, response } = (shown = ctx.answer);
    pinned = kept();
    const map = countsOf(response.geometry);
    const product = productOf(op, response, width < NARROW ? width : Math.min(width, 760), { point: (at) => draw(at ?? pinned), pin: pinAt });
    const step = product.step("matrix");
    const input = shown.input;
    const shape = shapeOf(input);
    const output = planesOf(product.step("reshape").tensor, map.dims);
    const laid = product.step(op === "conv" ? "placements" : "column_kernels");
    const size = cellFor(Math.max(shape[1], output[0][0].length), Math.min(width, 360));
    const maps = {
      input: figureOf(input, { role: "input", label: t("matrix.input", { size: times(response.geometry.input_size) }), map, size }),
      placement: figureOf(input, { role: "kernel", kind: "input", label: t("matrix.placement"), map, size }),
      output: figureOf(output, { role: "output", label: t("matrix.output", { size: times(response.geometry.output_size) }), map, size }),
    };
    const readout = h("p.readout", { "aria-live": "polite" });
    const [rows, columns] = [product.matrix.length, product.matrix[0].length];
    const way = step.recoverable ? (step.invertible ? "inverse" : "back") : "none";
    const other = h("section.other");
    root.replaceChildren(h("h2", {}, step.title), h("p.verdict", {}, h(`strong.way.${way}`, {}, t(`matrix.way_${way}`)), " ", step.detail),
      h("div.beside", {}, h("div.scroll", { tabindex: 0, role: "region", "aria-label": t("matrix.product") }, product.picture.element), h("div.maps", {}, maps.input.element, maps.placement.element, maps.output.element), other),
      readout, h("p.hint", {}, laid.title, ". ", laid.detail, " ", t("matrix.hint")));
    view = { op, map, shape, outShape: shapeOf(output), product, maps, rows, columns, readout, laid, other, turned: null };
    maps.input.each((cell, place) => follow(cell, "row", flat(place, shape)));
    maps.placement.each((cell, place) => follow(cell, "row", flat(place, shape)));
    maps.output.each((cell, place) => follow(cell, "column", flat(place, view.outShape)));
    draw(pinned);
    showOther();
  }

  const flat = ([plane, r, c], [rows, columns]) => (plane * rows + r) * columns + c;
  function follow(cell, axis, at) {
    cell.g.addEventListener("pointerenter", () => draw({ ...NONE, [axis]: at }));
    cell.g.addEventListener("pointerleave", () => draw(pinned));
    cell.g.addEventListener("click", () => pinAt({ ...NONE, [axis]: at }));
  }
  function pinAt({ row, column }) {
    // In the matrix a place has both; the column is what is pinned.
    pinned = column >= 0 ? { ...NONE, column } : { ...NONE, row };
    keep(pinned);
    draw(pinned);
  }

  /** The transposed product, below. */
  async function showOther() {
    const { op, other } = view;
    const { response, none } = await askOther(shown);
    if (view?.other !== other) return;
    if (none) other.replaceChildren(h("p.hint", {}, none.length ? none.join(" ") : t("matrix.noOther")));
    if (!response) return;
    const swap = (at) => at && { row: at.column, column: at.row };
    view.turned = productOf(OTHER[op], response, width < NARROW ? width : Math.max(400, width - BESIDE), { point: (at) => draw(swap(at) ?? pinned), pin: (at) => pinAt(swap(at)) });
    const words = t(`matrix.other_${op}`);
    other.replaceChildren(h("h3", {}, words), h("p.hint", {}, t("matrix.turned", { name: view.product.name })),
      h("div.scroll", { tabindex: 0, role: "region", "aria-label": words }, view.turned.picture.element));
    draw(pinned);
  }

  /** Show a column (and so an output), a row (an input element), or one place of the matrix. */
  function draw({ row, column }) {
    const { maps, map, shape, outShape, product: { matrix, picture }, turned } = view;
    [row, column] = [Math.min(row, view.rows - 1), Math.min(column, view.columns - 1)];
    picture.mark(row, column);
    turned?.picture.mark(column, row);
    const at = Math.max(0, column);
    const lone = row >= 0 && column < 0;
    const weight = (place) => matrix[flat(place, shape)][at];
    maps.placement.each((cell, place) => {
      const value = lone ? undefined : weight(place);
      cell.set(value);
      cell.describe(value === undefined ? "" : `${t("matrix.placement")} ${indexOf(map, "input", place)} = ${exactly(value)}`);
      cell.mark("empty", !Number(value ?? 0));
    });
    maps.input.each((cell, place) => {
      cell.mark("focus", flat(place, shape) === row);
      cell.mark("related", !lone && Number(weight(place)));
    });
    maps.output.each((cell, place) => {
      const number = flat(place, outShape);
      cell.mark("now", !lone && number === at);
      cell.mark("related", lone && Number(matrix[row][number]));
    });
    view.readout.textContent = lone ? saidOfRow(row) : saidOfColumn(at, row);
  }

  function saidOfColumn(column, row) {
    const { map, outShape, shape, product: { matrix, name, picture } } = view;
    const count = matrix.filter((line) => Number(line[column])).length;
    const words = t("matrix.column", { name, column, output: indexOf(map, "output", placeIn(column, outShape)), count, all: matrix.length });
    return row < 0 ? words : `${words} ${t("matrix.entry", { row, column, value: picture.entry(row, column), input: indexOf(map, "input", placeIn(row, shape)) })}`;
  }
  function saidOfRow(row) {
    const { map, outShape, shape, product: { matrix, name } } = view;
    const outputs = matrix[row].flatMap((value, at) => (Number(value) ? [indexOf(map, "output", placeIn(at, outShape))] : []));
    const where = outputs.slice(0, LISTED).join(" ") + (outputs.length > LISTED ? " …" : "");
    return t(outputs.length ? "matrix.row" : "matrix.row_nowhere", { name, row, input: indexOf(map, "input", placeIn(row, shape)), count: outputs.length, where });
  }

  return {
    update() {
      if (ctx.answer && ctx.answer !== shown) build();
    },
    /** Arrows walk through columns and rows; Escape goes to the first column. → whether the key was meant for it */
    key({ key }) {
      const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[key];
      if (!view || !(by || key === "Escape")) return false;
      const axis = key === "ArrowDown" || key === "ArrowUp" ? "row" : "column";
      const count = view[`${axis}s`];
      pinAt({ ...NONE, [by ? axis : "column"]: by ? (pinned[axis] < 0 ? 0 : (pinned[axis] + by + count) % count) : 0 });
      return true;
    },
    destroy: () => resize.disconnect(),
  };
}
