// What the play shows: scenes, each a step of the API's answer, each some frames long. A frame is a plain
// description; the stage draws it.

/** The tensor as planes of rows, whatever its form: one dimension has one row, a bare picture one plane. */
export function planesOf(tensor, dims) {
  let depth = 0;
  for (let item = tensor; Array.isArray(item); item = item[0]) depth += 1;
  if (depth === dims) return [dims === 1 ? [tensor] : tensor];
  return (depth === dims + 1 ? tensor : tensor.flat(depth - dims - 1)).map((plane) => (dims === 1 ? [plane] : plane));
}

const pair = (list, first) => (list.length === 1 ? [first, list[0]] : list);

/** Where everything lies: lengths along (rows, columns), zeros and padding, and each window's taps. */
export function geometryOf({ response }) {
  const { geometry, steps } = response;
  const step = (name) => steps.find((each) => each.name === name && each.view === "sliding_window");
  const transposed = geometry.op === "conv_transpose";
  const size = pair(geometry.input_size, 1);
  const kernel = pair(geometry.kernel_size, 1);
  const dilation = pair(geometry.dilation, 1);
  const apart = transposed ? pair(geometry.stride, 1) : [1, 1];
  const reach = kernel.map((k, at) => dilation[at] * (k - 1) + 1);
  const length = size.map((n, at) => (n - 1) * apart[at] + 1);
  const around = transposed
    ? pair(geometry.crop, [0, 0]).map(([before, after], at) => [reach[at] - 1 - before, reach[at] - 1 - after])
    : pair(geometry.padding, [0, 0]);
  const groups = geometry.groups;
  return {
    dims: geometry.input_size.length, transposed, size, kernel, dilation, apart, reach, length, around, step,
    output: pair(geometry.output_size, 1),
    inChannels: geometry.in_channels, outChannels: geometry.out_channels, groups,
    perGroup: geometry.in_channels / groups,
    groupOf: (o) => Math.floor(o / (geometry.out_channels / groups)),
    /** Rows and columns that the picture of the input needs: [first, past the last]. */
    span: length.map((n, at) => [Math.min(0, -around[at][0]), Math.max(n, n + around[at][1])]),
  };
}

/** All frames in order: {scene, step, ...how far the picture has come}. */
export function framesOf(answer, map) {
  const frames = [];
  const picture = { apart: !map.transposed, zeros: !map.transposed, padded: false, cropping: false, turn: 0, window: -1, biased: false };
  const show = (scene, patch = {}) => frames.push({ scene, step: map.step(scene), ...Object.assign(picture, patch) });
  const adds = map.around.some(([before, after]) => before > 0 || after > 0);
  const crops = map.around.some(([before, after]) => before < 0 || after < 0);
  if (map.transposed) {
    show("insert_zeros");
    if (map.length.some((n, at) => n !== map.size[at])) {
      show("insert_zeros", { apart: true });
      show("insert_zeros", { zeros: true });
    }
    Object.assign(picture, { apart: true, zeros: true });
  }
  if (crops) show("pad", { cropping: true });
  if (adds || crops || map.transposed) {
    if (!map.transposed && !crops) show("pad");
    show("pad", { padded: true, cropping: false });
  }
  picture.padded = true;
  if (map.step("flip_kernel")) {
    show("flip_kernel");
    if (flips(answer)) {
      if (map.kernel[0] > 1 && map.kernel[1] > 1) show("flip_kernel", { turn: 1 });
      if (map.kernel[0] > 1 || map.kernel[1] > 1) show("flip_kernel", { turn: 2 });
    }
  }
  map.windows.forEach((_window, at) => show("slide", { window: at }));
  if (map.step("add_bias")) show("add_bias", { biased: true });
  return frames;
}

/** Whether the kernel that slides is the reverse of the one that was given. */
export const flips = ({ request: { op, body } }) => (op === "conv") === Boolean(body.flip_kernel);

/** Output planes as they stand before and after the bias. */
export function outputsOf(map) {
  const before = planesOf(map.step("slide").tensor, map.dims);
  return { before, after: map.step("add_bias") ? planesOf(map.step("add_bias").tensor, map.dims) : before };
}

/** (channel, row, column) of an output_index of any form. */
export const placeOf = (index, dims) => (dims === 1
  ? [index.length > 1 ? index.at(-2) : 0, 0, index.at(-1)]
  : [index.length > 2 ? index.at(-3) : 0, index.at(-2), index.at(-1)]);

/** Each window with numbers in place of forms: output place, first tap in the picture's coordinates, planes. */
export const windowsOf = (map) => map.step("slide").windows.map((window) => ({
  place: placeOf(window.output_index, map.dims),
  start: pair(window.origin, 0).map((origin, at) => origin - map.around[at][0]),
  window: planesOf(window.window, map.dims),
  products: planesOf(window.products, map.dims),
  value: window.value,
}));
