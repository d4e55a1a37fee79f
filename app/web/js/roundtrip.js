// There and back with the same kernel: the size returns, the values do not.

import { asker } from "./adjoint.js";
import { h } from "./dom.js";
import { cellFor, countsOf, figureOf } from "./maps.js";
import { times } from "./numbers.js";
import { planesOf } from "./scenes.js";

const OTHER = { conv: "conv_transpose", conv_transpose: "conv" };

export function mount(root, ctx) {
  const { t } = ctx;
  const askBack = asker(ctx.api, []);
  let shown = null;

  async function show(answer) {
    shown = answer;
    const { response, none } = await askBack(answer);
    if (shown !== answer) return;
    if (response) root.replaceChildren(...picture(answer, response));
    else if (none) root.replaceChildren(h("h2", {}, t("roundtrip.none")), h("p", {}, none.length ? none.join(" ") : t("matrix.noOther")));
  }

  function picture({ request: { op }, response: { geometry, output }, input, weights }, back) {
    const map = countsOf(geometry);
    const [outputs, returned] = [output, back.output].map((tensor) => planesOf(tensor, map.dims));
    const widest = Math.max(...[input, weights, outputs].map(([rows]) => rows[0].length));
    const size = cellFor(widest, Math.min(root.clientWidth - 16, 300));
    const figure = (planes, role, name) => figureOf(planes, { role, map, size,
      label: t(`roundtrip.${name}`, { size: times([planes[0].length, planes[0][0].length].slice(-map.dims)) }) });
    const figures = [figure(input, "input", "input"), figure(weights, "kernel", "kernel"), figure(outputs, "output", "output"), figure(returned, "input", "returned")];
    let same = 0;
    const all = input.flat(2).length;
    figures[3].each((cell, [plane, r, c]) => {
      const equal = Number(input[plane]?.[r]?.[c]) === Number(returned[plane][r][c]);
      same += equal;
      cell.mark("related", equal);
      cell.mark("changed", !equal);
    });
    const sizes = [geometry.input_size, geometry.output_size, back.geometry.output_size].map(times);
    const restored = sizes[0] === sizes[2];
    const sign = (name) => h("span.sign", {}, `${t(`controls.${name}`)} →`);
    return [
      h("h2", {}, t(restored && same < all ? "roundtrip.title" : restored ? "roundtrip.equal" : "roundtrip.smaller")),
      h("p", {}, t("roundtrip.sizes", { from: sizes[0], over: sizes[1], to: sizes[2] }), " ", t("roundtrip.values", { same, all })),
      h("div.maps.trip", {}, [figures[0].element, figures[1].element, sign(op), figures[2].element, sign(OTHER[op]), figures[3].element]),
      h("p.hint", {}, t("roundtrip.why")),
    ];
  }

  return {
    update() {
      if (ctx.answer && ctx.answer !== shown) show(ctx.answer);
    },
    destroy() {
      shown = null;
    },
  };
}
