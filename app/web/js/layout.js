// Where the maps of the stage stand, and how large a cell can be: once for a setting, so that nothing moves.

import { LABEL } from "./grid.js";

const LARGEST = 60;
const SMALLEST = 16;
const GAP = 44;
const BETWEEN = 16;
const FOOT = 40;

/** The size of `count` planes of rows × columns in `across` columns. */
function block({ count, rows, columns, names }, across, cell) {
  const width = Math.max(columns * cell, names);
  const down = Math.ceil(count / across);
  return {
    width: across * width + (across - 1) * BETWEEN,
    height: down * (rows * cell + LABEL) + (down - 1) * BETWEEN,
    planes: Array.from({ length: count }, (_, at) => ({
      x: (at % across) * (width + BETWEEN),
      y: Math.floor(at / across) * (rows * cell + LABEL + BETWEEN),
    })),
  };
}

const beside = (blocks, gap) => blocks.reduce((sum, { width }) => sum + width, gap * (blocks.length - 1));
const tallest = (blocks) => Math.max(...blocks.map(({ height }) => height));

// Each arrangement places the four blocks: input, kernel, products, output.
const ARRANGEMENTS = {
  row(blocks) {
    const height = Math.max(tallest(blocks), blocks[2].height + 2 * FOOT);
    let x = 0;
    const at = blocks.map((each) => {
      const place = { x, y: (height - each.height) / 2 };
      x += each.width + GAP;
      return place;
    });
    return { at, width: x - GAP, height, signs: true };
  },
  stacked([input, kernel, products, output]) {
    const middle = { width: Math.max(kernel.width, products.width), height: kernel.height + BETWEEN + products.height + FOOT };
    const height = tallest([input, middle, output]);
    const x = input.width + GAP;
    const top = (height - middle.height) / 2;
    return {
      at: [{ x: 0, y: (height - input.height) / 2 }, { x, y: top }, { x, y: top + kernel.height + BETWEEN },
        { x: x + middle.width + GAP, y: (height - output.height) / 2 }],
      width: beside([input, middle, output], GAP), height,
    };
  },
  column([input, kernel, products, output]) {
    const middle = { width: kernel.width + GAP + products.width, height: products.height + FOOT };
    const width = Math.max(input.width, middle.width, output.width);
    const left = (each) => (width - each.width) / 2;
    const y = input.height + BETWEEN;
    return {
      at: [{ x: left(input), y: 0 }, { x: left(middle), y }, { x: left(middle) + kernel.width + GAP, y },
        { x: left(output), y: y + middle.height + BETWEEN }],
      width, height: y + middle.height + BETWEEN + output.height,
    };
  },
};

function* candidates(maps) {
  const [input, kernel, , output] = maps;
  for (const name of Object.keys(ARRANGEMENTS)) {
    for (let i = 1; i <= input.count; i += 1) {
      for (let o = 1; o <= output.count; o += 1) {
        for (const k of new Set([1, kernel.count])) yield { name, across: [i, k, k, o] };
      }
    }
  }
}

function arrange({ name, across }, maps, cell) {
  const blocks = maps.map((map, at) => block(map, across[at], cell));
  const placed = ARRANGEMENTS[name](blocks);
  return { ...placed, cell, blocks };
}

/**
 * The arrangement with the largest cells that fits into width × height; where none does, one that fits the width.
 * `maps`: [input, kernel, products, output], each {count, rows, columns, names: the width that its names need}.
 */
export function layOut(maps, width, height) {
  for (const roof of [height, Infinity]) {
    let best = null;
    for (const candidate of candidates(maps)) {
      for (let cell = LARGEST; cell >= Math.max(SMALLEST, best?.cell ?? 0); cell -= 1) {
        const found = arrange(candidate, maps, cell);
        if (found.width > width || found.height > roof) continue;
        if (!best || cell > best.cell || found.height < best.height) best = found;
        break;
      }
    }
    if (best && (roof === Infinity || best.cell >= 22)) return best;
  }
  return arrange({ name: "column", across: [1, 1, 1, 1] }, maps, SMALLEST);
}
