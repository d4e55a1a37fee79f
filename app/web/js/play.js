// The play: a stage, its time line, and words for what is seen.

import { h } from "./dom.js";
import { flips, framesOf, geometryOf, windowsOf } from "./scenes.js";
import { tapsOf, related } from "./dependency.js";
import { exactly, readNumber, rounded } from "./numbers.js";
import { focusFrom, makeStage } from "./stage.js";
import { set, state } from "./state.js";
import { makeTimeline } from "./timeline.js";

const NARROW = 640;
const MANY = 24;

/** How high the stage may be, so that it and the time line are on the screen together. */
const roomAt = (width) => (width < NARROW ? Infinity : Math.max(300, window.innerHeight - 400));

export function mount(root, ctx) {
  const { t } = ctx;
  let shown = null;
  let map = null;
  let frames = [];
  let stage = null;
  let focus = null;

  const words = h("div.words");
  const holder = h("div.holder");
  const readout = h("p.readout");
  const sum = h("p.sum");
  const timeline = makeTimeline(t);
  const hint = h("p.hint", {}, t("play.hint"));
  root.replaceChildren(words, holder, timeline.element, h("div.explain", { "aria-live": "polite" }, readout, sum), legend(t), hint);

  const resize = new ResizeObserver(() => rebuild());
  resize.observe(root);
  let width = 0;

  function rebuild(force = false) {
    if (!ctx.answer) return;
    const room = Math.floor(root.clientWidth);
    if (!force && room === width) return;
    width = room;
    stage = makeStage(ctx.answer, map, { width: Math.max(width - 8, 240), height: roomAt(width), t, shade: state.shade });
    holder.replaceChildren(stage.element);
    holder.classList.add("still");
    draw();
    requestAnimationFrame(() => requestAnimationFrame(() => holder.classList.remove("still")));
  }

  function take(answer) {
    const atEnd = shown && state.frame > 0 && state.frame >= frames.length - 1;
    shown = answer;
    map = geometryOf(answer);
    map.flipped = flips(answer);
    map.windows = windowsOf(map);
    frames = framesOf(answer, map);
    words.replaceChildren(...new Map(frames.map(({ scene, step }) => [scene, step])).values().map((step) =>
      h("div.step", { "data-step": step.name }, h("h2", {}, step.title), h("p", {}, step.detail))));
    timeline.show(frames);
    if (atEnd) set({ frame: frames.length - 1 });
    rebuild(true);
  }

  function draw() {
    const frame = frames[Math.min(state.frame, frames.length - 1)];
    const pin = focusFrom(state.pin, map);
    const seen = timeline.playing() ? null : focus ?? pin;
    const look = seen?.kind === "output" ? outputAt(seen.place) ?? frame.window : frame.window;
    stage.draw(frame, { focus, pin, look });
    for (const step of words.children) step.classList.toggle("on", step.dataset.step === frame.scene);
    explain(frame, look, focus ?? pin);
    timeline.update();
  }

  const outputAt = (place) => {
    const at = map.windows.findIndex((each) => each.place.join() === place.join());
    return at < 0 ? undefined : at;
  };

  function explain(frame, look, seen) {
    readout.textContent = seen ? said(seen) : "";
    sum.replaceChildren(...(map.windows[look] ? sumOf(look, frame).flat() : []));
  }

  function said({ kind, place }) {
    const found = related(map, { kind, place });
    const at = `(${listed(kind, place).join(", ")})`;
    const real = [...found.input].filter((name) => isReal(name)).length;
    if (kind === "output") return t("play.dependsOn", { at, all: found.input.size, real });
    const where = [...found.output].slice(0, MANY).map((name) => `(${listed("output", name.split("_")).join(", ")})`).join(" ");
    const key = kind === "kernel" ? "play.kernelGoes" : "play.inputGoes";
    return t(found.output.size ? key : "play.goesNowhere", { at, count: found.output.size, where: where + (found.output.size > MANY ? " …" : "") });
  }

  /** Whether a place of the picture is an element of the input, not a zero around or between. */
  const isReal = (name) => name.split("_").slice(1).every((text, axis) =>
    Number(text) >= 0 && Number(text) < map.length[axis] && Number(text) % map.apart[axis] === 0);

  function listed(kind, place) {
    const channels = { input: map.inChannels, output: map.outChannels, kernel: map.outChannels * map.perGroup }[kind];
    let own = place.slice(1).map(Number);
    if (kind === "input") own = own.map((at, axis) => (isReal(place.join("_")) ? at / map.apart[axis] : at));
    if (map.dims === 1) own = own.slice(1);
    return channels > 1 ? [place[0], ...own] : own;
  }

  function sumOf(look, frame) {
    const window = map.windows[look];
    const at = `(${listed("output", window.place).join(", ")})`;
    const terms = tapsOf(map, window).map(({ kernel: [plane, a, b], at: [c, y, x] }) =>
      [window.window[c][y][x], ctx.answer.weights[plane][a][b]]);
    let cut = false;
    const number = (value) => {
      const [text, inexact] = rounded(value);
      cut ||= inexact;
      return value < 0 ? `(${text})` : text;
    };
    const parts = terms.map(([x, w], index) => h(x === 0 || w === 0 ? "span.term.zero" : "span.term", {},
      index ? " + " : "", h("span.input", {}, number(x)), "·", h("span.kernel", {}, number(w))));
    const total = h("strong.output", {}, rounded(window.value)[0]);
    if (rounded(window.value)[1]) cut = true;
    const biased = frame.biased && state.bias ? t("play.plusBias", { bias: exactly(state.bias[window.place[0]]) }) : "";
    return [h("span.lead", {}, t("play.sum", { at }), " "), parts, cut ? " ≈ " : " = ", total, biased];
  }

  // --- pointing, pinning, editing in the picture ------------------------------------------------------------------

  const under = (event) => event.target.closest?.("[data-focus]");
  const point = (name) => {
    const next = name ? focusFrom(name, map) : null;
    if (next?.name === focus?.name) return;
    focus = next;
    if (stage) draw();
  };
  holder.addEventListener("pointerover", (event) => event.pointerType !== "touch" && point(under(event)?.dataset.focus));
  holder.addEventListener("pointerleave", () => point(null));
  holder.addEventListener("click", (event) => {
    const name = under(event)?.dataset.focus ?? "";
    set({ pin: name === state.pin ? "" : name });
  });
  holder.addEventListener("dblclick", (event) => {
    const cell = under(event);
    if (cell) edit(cell);
  });

  /** Type a number where it stands. */
  function edit(cell) {
    const { kind, place } = focusFrom(cell.dataset.focus, map);
    let [plane, r, c] = place;
    if (kind === "output" || (kind === "input" && !isReal(place.join("_")))) return;
    if (kind === "input") [r, c] = [r / map.apart[0], c / map.apart[1]];
    const key = kind === "input" ? "input" : "weights";
    const [box, around] = [cell.getBoundingClientRect(), holder.getBoundingClientRect()];
    const field = h("input.inplace", { type: "text", "aria-label": cell.getAttribute("aria-label"), value: String(state[key].planes[plane][r][c]) });
    Object.assign(field.style, { left: `${box.left - around.left + holder.scrollLeft}px`, top: `${box.top - around.top}px`,
      width: `${Math.max(box.width, 48)}px`, height: `${box.height}px` });
    const done = (keep) => {
      const value = readNumber(field.value);
      field.remove();
      if (!keep || value === undefined) return;
      const planes = state[key].planes.map((rows) => rows.map((row) => [...row]));
      planes[plane][r][c] = value;
      set({ [key]: { ...state[key], pattern: "own", planes }, pin: "" });
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") done(true);
      if (event.key === "Escape") done(false);
    });
    field.addEventListener("blur", () => field.isConnected && done(true));
    holder.append(field);
    field.select();
    field.focus();
  }

  return {
    update(changed) {
      if (!ctx.answer) return;
      if (ctx.answer !== shown) take(ctx.answer);
      else if (changed?.has("shade")) rebuild(true);
      else draw();
    },
    key(event) {
      if (!stage) return false;
      if (event.key === "Escape" && state.pin) {
        set({ pin: "" });
        return true;
      }
      return timeline.key(event);
    },
    destroy() {
      timeline.stop();
      resize.disconnect();
    },
    /** For the exports: how many frames there are, and the picture of one. */
    frameCount: () => frames.length,
    drawFrame(at) {
      stage.draw(frames[at]);
      return stage.element;
    },
  };
}

function legend(t) {
  const kinds = ["input", "kernel", "product", "output", "padding", "zero"];
  return h("ul.legend", { "aria-label": t("play.legend") }, kinds.map((kind) => h("li", {}, h(`span.swatch.${kind}`), t(`legend.${kind}`))));
}
