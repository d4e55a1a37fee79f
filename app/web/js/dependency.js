// What depends on what: from the places of the windows alone.

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
