// Where the maps of the stage stand, and how large a cell can be: once for a setting, so that nothing moves.

import { LABEL } from "./grid.js";

/** Cells: at most, at least where all fits into the height, about this where it does not, and at the very least. */
const [LARGEST, FITTING, SCROLLED, SMALLEST] = [72, 18, 24, 16];
const GAP = 44;
const BETWEEN = 16;
/** Room for the sum, below the products. */
const FOOT = 40;

/** `count` planes of rows × columns, in `across` columns, with `foot` below and perhaps `head` above. */
function block({ count, rows, columns, names }, across, cell, [head, foot]) {
  const width = Math.max(columns * cell, names) + BETWEEN;
  const height = rows * cell + LABEL + BETWEEN;
  const down = Math.ceil(count / across) * height - BETWEEN;
  return {
    width: across * width - BETWEEN, height: head + down + foot, at: [[0, head]], bottom: down,
    planes: Array.from({ length: count }, (_, at) => [(at % across) * width, Math.floor(at / across) * height]),
  };
}

/** Things beside one another (or, with `down`, below), centred. → {at, width, height} */
function line(things, gap, down = false) {
  const [along, over] = down ? ["height", "width"] : ["width", "height"];
  const most = Math.max(...things.map((each) => each[over]));
  let place = -gap;
  const at = things.flatMap((each) => {
    const [x, y] = down ? [(most - each.width) / 2, place + gap] : [place + gap, (most - each.height) / 2];
    place += gap + each[along];
    return each.at.map(([a, b]) => [a + x, b + y]);
  });
  return { at, [along]: place, [over]: most };
}

// How four blocks (input, kernel, products, output) stand; the room for the sum keeps the grids beside it level.
const NO = [0, 0];
const ARRANGEMENTS = {
  row: [[NO, NO, [FOOT, FOOT], NO], (blocks) => line(blocks, GAP)],
  stacked: [[NO, NO, [0, FOOT], NO], ([input, kernel, products, output]) => line([input, line([kernel, products], BETWEEN, true), output], GAP)],
  column: [[NO, [0, FOOT], [0, FOOT], NO], ([input, kernel, products, output]) => line([input, line([kernel, products], GAP), output], BETWEEN, true)],
};

function arrange(name, across, maps, cell) {
  const [rooms, place] = ARRANGEMENTS[name];
  const blocks = maps.map((map, at) => block(map, across[at], cell, rooms[at]));
  return { ...place(blocks), name, cell, blocks };
}

/**
 * The arrangement with the largest cells that fits into width × height; where none does, one that fits the width.
 * `maps`: input, kernel, products, output, each {count, rows, columns, names: the width of its names}; `em`: the size of letters.
 * → {at: places of the blocks, blocks: with places of planes, cell, width, height}
 */
export function layOut(maps, width, height, em) {
  const ways = [];
  for (const name of Object.keys(ARRANGEMENTS)) {
    for (let i = 1; i <= maps[0].count; i += 1) {
      for (let o = 1; o <= maps[3].count; o += 1) ways.push([name, [i, 1, 1, o]], [name, [i, maps[1].count, maps[1].count, o]]);
    }
  }
  for (const [roof, most, least] of [[height, Math.round(LARGEST * em), FITTING], [Infinity, SCROLLED, SMALLEST]]) {
    let best = null;
    for (let cell = most; cell >= least && !best; cell -= 1) {
      const fitting = ways.map((way) => arrange(...way, maps, cell)).filter((found) => found.width <= width && found.height <= roof);
      best = fitting.sort((a, b) => a.height - b.height)[0];
    }
    if (best) return best;
  }
  return arrange("column", [1, 1, 1, 1], maps, SMALLEST);
}
