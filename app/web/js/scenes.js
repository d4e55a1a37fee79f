// The scenes of the play: each a step of the API's answer, some frames long. The stage draws frames.

/** One dimension has one row, a bare picture one plane. */
export function planesOf(tensor, dims) {
	let depth = 0;
	for (let item = tensor; Array.isArray(item); item = item[0]) depth += 1;
	const planes = depth === dims ? [tensor] : tensor.flat(depth - dims - 1);
	return dims === 1 ? planes.map((row) => [row]) : planes;
}

/** `first` stands for the rows that one dimension has not. */
export const pair = (list, first) => (list.length === 1 ? [first, list[0]] : list);

/** Places of the picture are those of the input with its zeros between: (0, 0) is its first element; `span` is all that is ever seen. */
export function mapOf({ request: { op, body }, response: { geometry, steps } }) {
	const dims = geometry.input_size.length;
	const transposed = op === "conv_transpose";
	const step = (name) => steps.find((each) => each.name === name);
	const [size, kernel, dilation] = [geometry.input_size, geometry.kernel_size, geometry.dilation].map((list) => pair(list, 1));
	const apart = transposed ? pair(geometry.stride, 1) : [1, 1];
	const length = size.map((n, at) => (n - 1) * apart[at] + 1);
	const reach = kernel.map((k, at) => dilation[at] * (k - 1) + 1);
	const around = transposed ? pair(geometry.crop, [0, 0]).map((crop, at) => crop.map((rows) => reach[at] - 1 - rows)) : pair(geometry.padding, [0, 0]);
	const { in_channels: inChannels, out_channels: outChannels, groups } = geometry;
	const perGroup = inChannels / groups;
	const planes = (name) => planesOf(step(name).tensor, dims);
	const before = planes("slide");
	return {
		dims, transposed, step, size, kernel, dilation, apart, length, reach, around, inChannels, outChannels, perGroup,
		output: pair(geometry.output_size, 1),
		firstOf: (o) => Math.floor((o * groups) / outChannels) * perGroup,
		span: length.map((n, at) => [Math.min(0, -around[at][0]), Math.max(n, n + around[at][1])]),
		flipped: transposed !== Boolean(body.flip_kernel),
		padded: planes("pad"),
		outputs: { before, after: step("add_bias") ? planes("add_bias") : before },
		windows: step("slide").windows.map(({ output_index: index, origin, window, products, value }) => ({
			place: [index.length > dims ? index.at(-dims - 1) : 0, ...pair(index.slice(-dims), 0)],
			start: pair(origin, 0).map((first, at) => first - around[at][0]),
			window: planesOf(window, dims), products: planesOf(products, dims), value,
		})),
	};
}

export function framesOf({ transposed, step, kernel, around, length, size, flipped, windows }) {
	const frames = [];
	const picture = { apart: !transposed, zeros: !transposed, padded: false, cropping: false, turn: 0, window: -1, biased: false };
	const show = (scene, patch) => frames.push({ scene, step: step(scene), ...Object.assign(picture, patch) });
	const adds = around.flat().some((rows) => rows > 0);
	const crops = around.flat().some((rows) => rows < 0);
	if (transposed) show("insert_zeros");
	if (String(length) !== String(size)) {
		show("insert_zeros", { apart: true });
		show("insert_zeros", { zeros: true });
	}
	Object.assign(picture, { apart: true, zeros: true });
	if (crops) show("pad", { cropping: true });
	else if (adds && !transposed) show("pad");
	if (adds || crops || transposed) show("pad", { padded: true, cropping: false });
	picture.padded = true;
	if (step("flip_kernel")) {
		show("flip_kernel");
		if (flipped && kernel[0] > 1 && kernel[1] > 1) show("flip_kernel", { turn: 1 });
		if (flipped && Math.max(...kernel) > 1) show("flip_kernel", { turn: 2 });
	}
	windows.forEach((_window, at) => show("slide", { window: at }));
	if (step("add_bias")) show("add_bias", { biased: true });
	return frames;
}

/** The place in the kernel as it was given, of the weight at (a, b) as it slides; and the other way round. */
export const turned = ({ flipped, kernel }, a, b) => (flipped ? [kernel[0] - 1 - a, kernel[1] - 1 - b] : [a, b]);

/** Every tap of a window: its place on the picture, that of its weight, and in the window. */
export function tapsOf(map, { place: [o], start }) {
  const taps = [];
  for (let c = 0; c < map.perGroup; c += 1) {
    for (let a = 0; a < map.kernel[0]; a += 1) {
      for (let b = 0; b < map.kernel[1]; b += 1) {
        taps.push({
          input: [map.firstOf(o) + c, start[0] + a * map.dilation[0], start[1] + b * map.dilation[1]],
          kernel: [o * map.perGroup + c, ...turned(map, a, b)],
          at: [c, a, b],
        });
      }
    }
  }
  return taps;
}

/** What `focus` depends on, and what depends on it: sets of places as text. */
export function related(map, { kind, place }) {
  const found = { input: new Set(), kernel: new Set(), output: new Set() };
  for (const window of map.windows) {
    if (kind === "output" && String(window.place) !== String(place)) continue;
    for (const tap of tapsOf(map, window)) {
      if (kind !== "output" && String(tap[kind]) !== String(place)) continue;
      found.input.add(String(tap.input));
      found.kernel.add(String(tap.kernel));
      found.output.add(String(window.place));
    }
  }
  return found;
}
