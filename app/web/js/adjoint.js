// The way back: the operation whose matrix is the transpose, on the output of an answer.

/**
 * The request for it, {path, body}; null where the API has none (padding modes, and an output that reaches
 * further than the transpose's). It takes the same kernel: in and out have changed places.
 */
export function adjointOf({ request: { op, body: { kernel, groups, flip_kernel } }, response: { output, dtype, geometry } }) {
  const { stride, dilation, padding, input_size } = geometry;
  if ((geometry.padding_mode ?? "zeros") !== "zeros") return null;
  if (op !== "conv" && geometry.output_padding.some((more, axis) => more >= stride[axis])) return null;
  const body = { input: output, kernel, stride, padding, dilation, dtype, ...(groups && { groups }), ...(flip_kernel && { flip_kernel }) };
  return op === "conv" ? { path: "v1/conv-transpose", body: { ...body, output_size: input_size } } : { path: "v1/conv", body };
}

/** Asks for it once for each answer; `views` as the API takes them. → (answer) → Promise of {response} or {none: lines} */
export function asker(api, views) {
  let [last, promise] = [null, null];
  return (answer) => {
    if (answer !== last) {
      last = answer;
      promise = ask(answer);
    }
    return promise;
  };
  async function ask(answer) {
    const request = adjointOf(answer);
    if (!request) return { none: [] };
    try {
      const { value } = await api.post(request.path, { ...request.body, steps: views }, { key: "adjoint" });
      return { response: value };
    } catch (error) {
      if (error instanceof api.Refused) return { none: error.lines };
      if (api.isSuperseded(error)) return {};
      throw error;
    }
  }
}
