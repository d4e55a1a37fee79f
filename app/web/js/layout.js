// Where the maps of the stage stand, and how large a cell can be: once for a setting, so that nothing moves.

import { LABEL } from "./grid.js";

const LARGEST = 60;
const SMALLEST = 16;
/** Cells are not made smaller than this only to fit the height. */
const READABLE = 22;
const GAP = 44;
const BETWEEN = 16;
/** Room for the sum, below the products. */
const FOOT = 40;

/** `count` planes of rows × columns, in `across` columns. */
function block({ count, rows, columns, names }, across, cell) {
  const width = Math.max(columns * cell, names) + BETWEEN;
  const height = rows * cell + LABEL + BETWEEN;
  return {
    width: across * width - BETWEEN, height: Math.ceil(count / across) * height - BETWEEN,
    planes: Array.from({ length: count }, (_, at) => [(at % across) * width, Math.floor(at / across) * height]),
  };
}

/** Things beside one another (or, with `down`, below), centred. → {at, width, height} */
function line(things, gap, down = false) {
  const [along, over] = down ? ["height", "width"] : ["width", "height"];
  const most = Math.max(...things.map((each) => each[over]));
  let place = 0;
  const at = things.flatMap((each) => {
    const [x, y] = down ? [(most - each.width) / 2, place] : [place, (most - each.height) / 2];
    place += each[along] + gap;
    return each.at.map(([a, b]) => [a + x, b + y]);
  });
  return { at, [along]: place - gap, [over]: most };
}

// Each arrangement places four blocks: input, kernel, products, output.
const ARRANGEMENTS = {
  row: (blocks) => line(blocks, GAP),
  stacked: ([input, kernel, products, output]) => line([input, line([kernel, products], BETWEEN, true), output], GAP),
  column: ([input, kernel, products, output]) => line([input, line([kernel, products], GAP), output], BETWEEN, true),
};

// The sum hangs below the products; the room for it keeps the grids beside them level.
const HANGING = { row: [0, 0, 2, 0], stacked: [0, 0, 1, 0], column: [0, 1, 1, 0] };

function arrange(name, across, maps, cell) {
  const blocks = maps.map((map, at) => block(map, across[at], cell));
  const hung = blocks.map(({ width, height }, at) => {
    const rooms = HANGING[name][at];
    return { width, height: height + FOOT * rooms, at: [[0, rooms === 2 ? FOOT : 0]] };
  });
  return { ...ARRANGEMENTS[name](hung), name, cell, blocks };
}

function* candidates([input, kernel, , output]) {
  for (const name of Object.keys(ARRANGEMENTS)) {
    for (let i = 1; i <= input.count; i += 1) {
      for (let o = 1; o <= output.count; o += 1) {
        for (const k of new Set([1, kernel.count])) yield [name, [i, k, k, o]];
      }
    }
  }
}

/**
 * The arrangement with the largest cells that fits into width × height; where none does, one that fits the width.
 * `maps`: [input, kernel, products, output], each {count, rows, columns, names: the width that its names need}.
 * → {at: places of the blocks, blocks: with the places of their planes, cell, width, height}
 */
export function layOut(maps, width, height) {
  for (const roof of [height, Infinity]) {
    let best = null;
    for (const [name, across] of candidates(maps)) {
      for (let cell = LARGEST; cell >= (best?.cell ?? SMALLEST); cell -= 1) {
        const found = arrange(name, across, maps, cell);
        if (found.width > width || found.height > roof) continue;
        if (!best || cell > best.cell || found.height < best.height) best = found;
        break;
      }
    }
    if (best && (roof === Infinity || best.cell >= READABLE)) return best;
  }
  return arrange("column", [1, 1, 1, 1], maps, SMALLEST);
}
