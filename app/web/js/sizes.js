// Sizes: the formula with the numbers put in, the sizes that belong together, and what the layer costs.

import { h, math } from "./dom.js";
import { exactly, times } from "./numbers.js";

const mi = (text) => math("mi", {}, text);
const mn = (value) => math("mn", {}, exactly(value));
const mo = (text) => math("mo", { stretchy: "false" }, text);
const row = (...parts) => math("mrow", {}, ...parts);
const inside = (...parts) => row(mo("("), ...parts, mo(")"));

/** The formula of one dimension; `of` makes a letter or its number. */
function formula(op, of) {
  const padding = [of("p_before"), mo("+"), of("p_after")];
  const reach = [of("d"), mo("·"), inside(of("k"), mo("−"), mn(1))];
  if (op !== "conv") return [inside(of("i"), mo("−"), mn(1)), mo("·"), of("s"), mo("−"), inside(...padding), mo("+"), ...reach, mo("+"), of("output_padding"), mo("+"), mn(1)];
  const over = row(of("i"), mo("+"), ...padding, mo("−"), ...reach, mo("−"), mn(1));
  return [mo("⌊"), math("mfrac", {}, over, of("s")), mo("⌋"), mo("+"), mn(1)];
}

const LETTERS = { p_before: ["p", "before"], p_after: ["p", "after"], output_padding: ["p", "out"] };
const letter = (name) => (LETTERS[name] ? math("msub", {}, mi(LETTERS[name][0]), math("mtext", {}, LETTERS[name][1])) : mi(name));

export function mount(root, ctx) {
  const { t } = ctx;
  let shown = null;

  function dimension(geometry, axis) {
    const { op } = geometry;
    const facts = geometry.dimensions[axis];
    const [p_before, p_after] = geometry.padding[axis];
    const values = { i: geometry.input_size[axis], k: geometry.kernel_size[axis], s: geometry.stride[axis], d: geometry.dilation[axis], p_before, p_after, output_padding: geometry.output_padding?.[axis] };
    const roles = { i: "input", k: "kernel" };
    const number = (name) => math(`mn.${roles[name] ?? "plain"}`, {}, exactly(values[name]));
    const output = math("mn.output", {}, exactly(geometry.output_size[axis]));
    const names = geometry.input_size.length === 1 ? [t("sizes.length")] : [t("sizes.height"), t("sizes.width")];
    return h("section.dimension", {}, h("h3", {}, names[axis]),
      h("div.scroll", { tabindex: 0, role: "region", "aria-label": `${facts.formula}: ${facts.substituted}` },
        math("math", {}, mi("o"), mo("="), ...formula(op, letter)),
        math("math", {}, ...formula(op, number), mo("="), output)),
      op === "conv" ? inputs(facts, axis) : outputs(geometry, facts, axis));
  }

  /** conv: the input sizes with the same output; a press takes one. */
  function inputs({ inverse_sizes: sizes, inverse_range: range, unused_input: unused, effective_kernel: effective }, axis) {
    return [h("p", {}, t("sizes.sameOutput", { effective })), h("div.tools", {}, sizes.map((size) => choice(size, "size", axis, size)), more(sizes, range)),
      h("p.hint", {}, unused ? t("sizes.unused", { unused }) : t("sizes.allUsed"))];
  }

  /** Transposed: which output_padding gives which size. */
  function outputs(geometry, { inverse_sizes: sizes, inverse_range: range, coverage, effective_kernel: effective }, axis) {
    const base = geometry.output_size[axis] - geometry.output_padding[axis];
    return [h("p", {}, t("sizes.outputPadding", { effective })), h("table", {},
      h("tbody", {}, h("tr", {}, h("th", { scope: "row" }, "output_padding"), sizes.map((size) => h("td", {}, choice(size - base, "outputPadding", axis, size - base)))),
        h("tr", {}, h("th", { scope: "row" }, t("sizes.output")), sizes.map((size) => h("td", {}, size))))), more(sizes, range),
    h("p.hint", {}, t("sizes.map", { full: geometry.full_size[axis], before: geometry.crop[axis][0], after: geometry.crop[axis][1] }), " ",
      t(coverage.min === coverage.max ? "sizes.even" : "sizes.uneven", coverage))];
  }

  const more = (sizes, { max }) => (max > sizes.at(-1) ? h("span", {}, t("sizes.upTo", { max })) : null);

  /** A number as a button that takes it for one dimension. */
  function choice(label, key, axis, value) {
    const at = ctx.state.dims === 1 ? 1 : axis;
    const now = ctx.state[key][at] === value;
    const take = () => ctx.set({ [key]: ctx.state[key].with(at, value) });
    return h("button", { type: "button", "aria-pressed": String(now), onclick: take }, String(label));
  }

  function build() {
    const { geometry } = (shown = ctx.answer).response;
    const { op } = geometry;
    const facts = { macs: geometry.macs, parameters: geometry.parameters, output_elements: geometry.output_elements };
    root.replaceChildren(
      h("h2", {}, t("sizes.title", { op: t(`controls.${op}`), from: times(geometry.input_size), to: times(geometry.output_size) })),
      h("div.dimensions", {}, geometry.dimensions.map((_, axis) => dimension(geometry, axis))),
      h("dl.facts", {}, Object.entries(facts).map(([name, value]) => h("div", {}, h("dt", {}, t(`sizes.${name}`)), h("dd", {}, exactly(value))))),
      op === "conv" ? "" : h("p", {}, t(geometry.checkerboard ? "sizes.checkerboard" : "sizes.noCheckerboard", geometry.coverage)),
      h("p.hint", {}, t(`sizes.letters_${op}`)));
  }

  return {
    update() {
      if (ctx.answer && ctx.answer !== shown) build();
    },
  };
}
