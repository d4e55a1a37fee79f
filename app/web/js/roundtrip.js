// There and back with the same kernel: the size returns, the values do not.

import { linesOf, post } from "./api.js";
import { h } from "./dom.js";
import { cellFor, countsOf, figureOf } from "./maps.js";
import { t } from "./messages.js";
import { times } from "./numbers.js";
import { planesOf } from "./scenes.js";

export const OTHER = { conv: "conv_transpose", conv_transpose: "conv" };

/** The request for it; null where the API has none. It takes the same kernel: in and out have changed places. */
function adjointOf({ request: { op, body: { kernel, groups, flip_kernel } }, response: { output, dtype, geometry } }) {
	const { stride, dilation, padding, input_size: output_size } = geometry;
	if ((geometry.padding_mode ?? "zeros") !== "zeros") return null;
	if (op !== "conv" && geometry.output_padding.some((more, axis) => more >= stride[axis])) return null;
	return { input: output, kernel, stride, padding, dilation, dtype, ...(groups && { groups }), ...(flip_kernel && { flip_kernel }), ...(op === "conv" && { output_size }) };
}

/** → {response}, or {none: why}, "" where a newer question came */
export async function askBack(answer, steps) {
	const body = adjointOf(answer);
	if (!body) return { none: t("matrix.noOther") };
	try {
		const { value } = await post(`v1/${OTHER[answer.request.op].replace("_", "-")}`, { ...body, steps }, "adjoint");
		return { response: value };
	} catch (error) {
		return { none: linesOf(error).join(" ") };
	}
}

function picture({ request: { op }, response: { geometry, output }, input, weights }, back, width) {
	const map = countsOf(geometry);
	const [outputs, returned] = [output, back.output].map((tensor) => planesOf(tensor, map.dims));
	const widest = Math.max(...[input, weights, outputs].map(([rows]) => rows[0].length));
	const size = cellFor(widest, Math.min(width - 16, 300));
	const [from, kernel, over, to] = [[input, "input"], [weights, "kernel"], [outputs, "output"], [returned, "returned", "input"]]
		.map(([planes, name, role]) => figureOf(planes, name, { map, size, role }));
	let same = 0;
	to.each((cell, [plane, r, c]) => {
		const equal = Number(input[plane]?.[r]?.[c]) === Number(returned[plane][r][c]);
		same += equal;
		cell.mark("related", equal);
		cell.mark("changed", !equal);
	});
	const all = input.flat(2).length;
	const sizes = [geometry.input_size, geometry.output_size, back.geometry.output_size].map(times);
	const sign = (name) => h("span.sign", `${t(`controls.${name}`)} →`);
	return [
		h("h2", t(`roundtrip.${sizes[0] !== sizes[2] ? "smaller" : same < all ? "title" : "equal"}`)),
		h("p", t("roundtrip.sizes", { from: sizes[0], over: sizes[1], to: sizes[2] }), " ", t("roundtrip.values", { same, all })),
		h("div.maps.trip", from.element, kernel.element, sign(op), over.element, sign(OTHER[op]), to.element),
		h("p.hint", t("roundtrip.why")),
	];
}

export function mount(root) {
	let shown = null;
	return {
		async build(answer) {
			shown = answer;
			const { response, none } = await askBack(answer, []);
			if (shown !== answer) return;
			if (response) root.replaceChildren(...picture(answer, response, root.clientWidth));
			else if (none) root.replaceChildren(h("p", none));
		},
		destroy() {
			shown = null;
		},
	};
}
