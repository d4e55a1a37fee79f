// The way back: the operation whose matrix is the transpose, on the output of an answer.

import { linesOf, post } from "./api.js";
import { t } from "./messages.js";

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
