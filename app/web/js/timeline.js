// Scenes, buttons, a slider over all frames, speed, and a clock that rests while nobody looks.

import { h, icon, select } from "./dom.js";
import { t } from "./messages.js";
import { WORDS, set, state } from "./state.js";

const SLIDE_MS = 700;
const SCENE_MS = 1300;
const ICONS = {
	back: "M8 5h2v14H8zM19 5v14l-8-7z", play: "M7 4.5v15l13-7.5z",
	pause: "M6 5h4.5v14H6zM13.5 5H18v14h-4.5z", next: "M14 5h2v14h-2zM5 5v14l8-7z",
};

export const stepsIn = (steps) => steps.map(({ name, title, detail }) => h("div.step", { "data-step": name }, h("h2", title), h("p", detail)));

export function makeTimeline() {
	let [frames, timer] = [[], 0];
	const last = () => Math.max(0, frames.length - 1);
	const now = () => Math.min(state.frame, last());
	const go = (frame) => set({ frame: Math.min(last(), Math.max(0, frame)) });
	const scenes = () => [...new Set(frames.map(({ scene }) => scene))];
	const startOf = (scene) => frames.findIndex((frame) => frame.scene === scene);

	function stop() {
		clearTimeout(timer);
		timer = 0;
	}
	function run() {
		timer = setTimeout(() => {
			if (document.hidden) return run();
			if (now() < last()) {
				go(now() + 1);
				return run();
			}
			stop();
			return update();
		}, (frames[now()]?.scene === "slide" ? SLIDE_MS : SCENE_MS) / state.speed);
	}
	function toggle() {
		if (timer) stop();
		else {
			if (now() === last()) go(0);
			run();
		}
		update();
	}
	function hand(frame) {
		stop();
		go(frame);
		update();
	}
	const faster = (by) => set({ speed: WORDS.speed[WORDS.speed.indexOf(state.speed) + by] ?? state.speed });

	const ACTS = { back: () => hand(now() - 1), play: toggle, next: () => hand(now() + 1) };
	const KEYS = { " ": toggle, ArrowRight: ACTS.next, ArrowLeft: ACTS.back, Home: () => hand(0), End: () => hand(last()),
		"+": () => faster(1), "-": () => faster(-1) };

	const named = (name) => ({ title: t(`timeline.${name}`), aria: t(`timeline.${name}`) });
	const buttons = h("div.buttons", Object.entries(ACTS).map(([name, onclick]) => h(`button.${name}`, { onclick, ...named(name) }, icon(ICONS[name]))));
	const slider = h("input.frames", { type: "range", min: 0, aria: t("timeline.frame"), oninput: () => hand(Number(slider.value)) });
	const count = h("span.count");
	const chips = h("div.scenes");
	const speed = select(named("speed"), WORDS.speed.map((value) => [value, `${value}×`]), 1, (value) => set({ speed: Number(value) }));
	const element = h("div.timeline", chips, h("div.transport", buttons, slider, count, speed));

	function show(list, atEnd) {
		frames = list;
		slider.max = last();
		chips.replaceChildren(...scenes().map((scene, at) => h("button.scene", { "data-scene": scene, onclick: () => hand(startOf(scene)) }, `${at + 1} ${t(`scene.${scene}`)}`)));
		if (state.frame > last() || atEnd) go(last());
	}

	function update() {
		const scene = frames[now()]?.scene;
		const name = timer ? "pause" : "play";
		slider.value = now();
		slider.setAttribute("aria-valuetext", `${t(`scene.${scene}`)}, ${now() + 1} / ${frames.length}`);
		count.textContent = `${now() + 1} / ${frames.length}`;
		speed.value = state.speed;
		const button = buttons.children[1];
		if (button.title !== named(name).title) {
			button.replaceChildren(icon(ICONS[name]));
			for (const [key, words] of Object.entries(named(name))) button.setAttribute(key, words);
		}
		for (const chip of chips.children) chip.setAttribute("aria-pressed", String(chip.dataset.scene === scene));
	}

	function key(event) {
		const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
		act?.();
		return Boolean(act);
	}
	return { element, show, update, stop, key, playing: () => timer !== 0 };
}
