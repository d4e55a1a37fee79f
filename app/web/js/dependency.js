// What depends on what: from the places of the windows alone.

/** The weight that stands at (a, b) of the kernel as it slides. */
export const turned = (map, [a, b]) => (map.flipped ? [map.kernel[0] - 1 - a, map.kernel[1] - 1 - b] : [a, b]);

/** Every tap of a window: (input channel, row, column) of the picture, and the plane and place of its weight. */
export function tapsOf(map, { place: [o], start }) {
  const first = map.groupOf(o) * map.perGroup;
  const taps = [];
  for (let c = 0; c < map.perGroup; c += 1) {
    for (let a = 0; a < map.kernel[0]; a += 1) {
      for (let b = 0; b < map.kernel[1]; b += 1) {
        taps.push({
          input: [first + c, start[0] + a * map.dilation[0], start[1] + b * map.dilation[1]],
          kernel: [o * map.perGroup + c, ...turned(map, [a, b])],
          at: [c, a, b],
        });
      }
    }
  }
  return taps;
}

export const nameOfPlace = (place) => place.join("_");

/** The names of all that `focus` {kind, place} depends on, and that depends on it: {input, kernel, output} sets. */
export function related(map, { kind, place }) {
  const found = { input: new Set(), kernel: new Set(), output: new Set() };
  const wanted = nameOfPlace(place);
  for (const window of map.windows) {
    if (kind === "output" && nameOfPlace(window.place) !== wanted) continue;
    for (const tap of tapsOf(map, window)) {
      if (kind !== "output" && nameOfPlace(tap[kind]) !== wanted) continue;
      found.input.add(nameOfPlace(tap.input));
      found.kernel.add(nameOfPlace(tap.kernel));
      found.output.add(nameOfPlace(window.place));
    }
  }
  return found;
}
