// The time line: buttons, a slider over all frames, speed, and a clock that rests while nobody looks.

import { h, icon, select } from "./dom.js";
import { SPEEDS, state, set } from "./state.js";

const STEP_MS = 700;
const SCENE_MS = 1300;
const ICONS = {
  first: "M5 5h2v14H5zM19 5v14l-10-7z", back: "M8 5h2v14H8zM19 5v14l-8-7z", play: "M7 4.5v15l13-7.5z",
  pause: "M6 5h4.5v14H6zM13.5 5H18v14h-4.5z", next: "M14 5h2v14h-2zM5 5v14l8-7z", last: "M17 5h2v14h-2zM5 5v14l10-7z",
};

/** → {element, show(frames), update(), playing(), toggle(), key(event), stop()} */
export function makeTimeline(t) {
  let frames = [];
  let timer = 0;

  const last = () => Math.max(0, frames.length - 1);
  const go = (frame) => set({ frame: Math.min(last(), Math.max(0, frame)) });
  const playing = () => timer !== 0;

  function schedule() {
    const { scene } = frames[state.frame] ?? {};
    timer = setTimeout(() => {
      if (document.hidden) return schedule();
      if (state.frame >= last()) return stop();
      go(state.frame + 1);
      return schedule();
    }, (scene === "slide" ? STEP_MS : SCENE_MS) / state.speed);
  }
  function stop() {
    clearTimeout(timer);
    timer = 0;
    update();
  }
  function toggle() {
    if (playing()) return stop();
    if (state.frame >= last()) go(0);
    schedule();
    return update();
  }
  const hand = (frame) => {
    if (playing()) stop();
    go(frame);
  };
  const startOf = (scene) => frames.findIndex((frame) => frame.scene === scene);
  const scenes = () => [...new Set(frames.map((frame) => frame.scene))];
  function jump(by) {
    const order = scenes();
    const at = order.indexOf(frames[state.frame]?.scene);
    const back = by < 0 && state.frame > startOf(order[at]) ? 0 : by;
    const target = order[at + back];
    hand(target ? startOf(target) : by < 0 ? 0 : last());
  }

  const button = (name, onclick) => h(`button.${name}`, { type: "button", onclick, title: t(`timeline.${name}`), "aria-label": t(`timeline.${name}`) }, icon(ICONS[name]));
  const playButton = button("play", toggle);
  const slider = h("input.frames", { type: "range", min: 0, step: 1, "aria-label": t("timeline.frame"),
    oninput: (event) => hand(Number(event.target.value)) });
  const count = h("output.count");
  const chips = h("div.scenes", { role: "group", "aria-label": t("timeline.scenes") });
  const speed = select({ "aria-label": t("timeline.speed"), title: t("timeline.speed") },
    SPEEDS.map((value) => ({ value: String(value), label: `${value}×` })), String(state.speed), (value) => set({ speed: Number(value) }));

  const element = h("section.timeline", { "aria-label": t("timeline.label") },
    chips,
    h("div.transport", {},
      h("div.buttons", {}, button("first", () => hand(0)), button("back", () => hand(state.frame - 1)), playButton,
        button("next", () => hand(state.frame + 1)), button("last", () => hand(last()))),
      slider, count, speed));

  function show(list) {
    frames = list;
    slider.max = last();
    chips.replaceChildren(...scenes().map((scene, at) => h("button.scene", {
      type: "button", "data-scene": scene, onclick: () => hand(startOf(scene)),
    }, h("span.number", {}, String(at + 1)), t(`scene.${scene}`))));
    if (state.frame > last()) go(last());
    update();
  }

  function update() {
    const frame = Math.min(state.frame, last());
    slider.value = frame;
    slider.disabled = frames.length < 2;
    const share = last() ? (100 * frame) / last() : 0;
    slider.style.setProperty("--share", `${share}%`);
    count.textContent = `${frame + 1} / ${frames.length}`;
    slider.setAttribute("aria-valuetext", t("timeline.at", { at: frame + 1, of: frames.length, scene: t(`scene.${frames[frame]?.scene}`) }));
    const name = playing() ? "pause" : "play";
    playButton.replaceChildren(icon(ICONS[name]));
    playButton.title = t(`timeline.${name}`);
    playButton.setAttribute("aria-label", t(`timeline.${name}`));
    for (const chip of chips.children) chip.setAttribute("aria-pressed", chip.dataset.scene === frames[frame]?.scene);
    speed.value = String(state.speed);
  }

  const faster = (by) => set({ speed: SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(state.speed) + by))] });
  const KEYS = {
    " ": toggle, k: toggle, ArrowRight: () => hand(state.frame + 1), ArrowLeft: () => hand(state.frame - 1),
    Home: () => hand(0), End: () => hand(last()), PageDown: () => jump(1), PageUp: () => jump(-1),
    "+": () => faster(1), "-": () => faster(-1),
  };
  /** Take a key that is meant for the play. → whether it was one. */
  function key(event) {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
    act?.();
    return Boolean(act);
  }

  return { element, show, update, playing, toggle, key, stop: () => playing() && stop() };
}
