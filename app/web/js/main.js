// Puts the page together, and asks the API when the setting changes.

import * as api from "./api.js";
import { explain, makeControls } from "./controls.js";
import { h, segmented, select, svg } from "./dom.js";
import { LANGUAGES, chooseLanguage, t } from "./messages.js";
import { toJson } from "./numbers.js";
import * as play from "./play.js";
import { WORDS, link, open, request, set, state, subscribe } from "./state.js";
import { makeEditor } from "./tensor.js";

// `views`: the steps that it wants in ctx.answer; without them it stands alone. `op`: the only operation that has it.
const TABS = [
	{ id: "play", load: () => play, views: ["sliding_window"] },
	{ id: "stamps", load: () => import("./stamps.js"), views: ["scatter"], op: "conv_transpose" },
	{ id: "matrix", load: () => import("./matrix.js"), views: ["matrix"] },
	{ id: "roundtrip", load: () => import("./roundtrip.js"), views: [] },
	{ id: "sizes", load: () => import("./sizes.js"), views: [] },
	{ id: "image", load: () => import("./image.js") },
	{ id: "export", load: () => import("./export.js"), get views() { return source().views; } },
];
const tabsNow = () => TABS.filter(({ op }) => !op || op === state.op);
const tabNow = () => tabsNow().find(({ id }) => id === state.tab) ?? TABS[0];

/** The tabs whose pictures can be taken away; `seen` is the last that was open. */
const PICTURES = ["play", "stamps", "matrix", "roundtrip"];
let seen = "play";
const source = () => tabsNow().find(({ id }) => id === seen) ?? TABS[0];

const SLOW_MS = 1000;

const ctx = { show, answer: null, problem: null };
let page;
let asked = "";

async function ask() {
	const { views } = tabNow();
	if (!views) return;
	const { op, path, body } = request();
	const question = `${state.lang} ${path} ${views} ${toJson(body)}`;
	if (question === asked) return;
	asked = question;
	const [input, weights] = [state.input.planes, state.weights.planes];
	let waits = false;
	const slow = setTimeout(() => {
		waits = page.notice.hidden;
		if (waits) tell(t("page.waiting"));
	}, SLOW_MS);
	try {
		const { value, exact } = await api.post(path, { ...body, steps: views }, "answer");
		ctx.answer = { request: { op, path, body }, response: value, exact, input, weights, views };
		ctx.problem = null;
	} catch (error) {
		if (!api.linesOf(error).length) return;
		ctx.problem = error.problem;
	} finally {
		clearTimeout(slow);
		if (waits) tell();
	}
	update(new Set(["answer"]));
}

/** Rows and columns may have the same fault; it is said once. */
function faults() {
	const { errors, detail, title } = ctx.problem ?? { errors: [] };
	const all = errors ?? [{ pointer: "", message: detail ?? title }];
	return [...new Map(all.map((fault) => [fault.message, fault])).values()];
}

/** Everything anew, in another language. */
async function build() {
	const { lang } = state;
	if (page) page.lang = lang;
	const code = await chooseLanguage(lang);
	if (lang !== state.lang) return;
	api.speak(code);
	document.documentElement.lang = code;
	page?.view?.destroy?.();
	const controls = makeControls();
	const editors = [makeEditor("input"), makeEditor("kernel")];
	const tabs = h("div.tabs", { role: "tablist", aria: t("page.tabs") });
	const panel = h("div.panel", { role: "tabpanel", id: "panel" });
	const aside = h("aside.settings", { aria: t("page.settings") }, controls.element, editors.map((each) => each.element));
	const notice = h("div.notice", { role: "status", hidden: true });
	const trouble = h("div.trouble", { role: "alert" });
	document.body.replaceChildren(
		header(code), notice,
		h("main", h("section.workspace", tabs, h("div.board", panel, trouble)), aside));
	page = { controls, editors, aside, tabs, panel, trouble, notice, lang };
	update(new Set(Object.keys(state)));
}

function header(code) {
	const themes = ["", ...WORDS.theme].map((value) => [value, t(`page.theme_${value || "auto"}`)]);
	// "full" is a word of convolution alone.
	const operate = (op) => set({ op, paddingWord: state.paddingWord.replace("full", "") });
	return h("header.top",
		h("h1", h("img", { src: "web/icon.svg", alt: "", width: 26, height: 26 }), "Convarith"),
		segmented(t("controls.op"), WORDS.op.map((value) => [value, t(`controls.${value}`)]), state.op, operate),
		h("div.end", h("a", { href: "docs" }, "API"),
			select({ aria: t("page.language") }, Object.entries(LANGUAGES), code, (lang) => set({ lang })),
			select({ aria: t("page.theme") }, themes, state.theme, (theme) => set({ theme }))));
}

function showTab() {
	const now = tabNow();
	if (page.op !== state.op) {
		page.op = state.op;
		page.tabs.replaceChildren(...tabsNow().map(({ id }) => h("button", { role: "tab", "data-tab": id, "aria-controls": "panel",
			onclick: () => set({ tab: id }) }, t(`page.tab_${id}`))));
		for (const input of document.querySelectorAll(".top .segmented input")) input.checked = input.value === state.op;
	}
	for (const button of page.tabs.children) button.setAttribute("aria-selected", String(button.dataset.tab === now.id));
	if (PICTURES.includes(now.id)) seen = now.id;
	if (page.tab === now && page.source === source()) return;
	page.tabs.querySelector("[aria-selected=true]").scrollIntoView({ block: "nearest", inline: "center" });
	page.view?.destroy?.();
	Object.assign(page, { tab: now, source: source() });
	if (String(ctx.answer?.views) !== String(now.views)) Object.assign(ctx, { answer: null, problem: null });
	asked = ctx.answer ? asked : "";
	page.panel.replaceChildren();
	page.panel.className = `panel panel-${now.id}`;
	page.panel.setAttribute("aria-label", t(`page.tab_${now.id}`));
	page.aside.hidden = !now.views;
	mount(now, page.panel);
}

/** Unless another tab was chosen while it came. */
async function mount(tab, panel) {
	page.view = null;
	const again = h("button", { onclick: () => mount(tab, panel) }, t("page.tryNow"));
	const modules = await Promise.all([tab.load(), page.source.load()]).catch(() => tell(t("page.notLoaded"), again));
	if (!modules || page.tab !== tab || page.panel !== panel) return;
	[, ctx.source] = modules;
	page.view = modules[0].mount(panel, ctx);
	show(page.view, new Set());
}

/** A view is built for an answer and a width, then drawn; one of its own kind is told of every change. */
function show(view, changed) {
	if (view?.update) view.update(changed);
	else if (view && ctx.answer && (ctx.answer !== view.shown || changed.has("width"))) view.build((view.shown = ctx.answer));
	else if (view?.shown) view.draw?.();
}

function update(changed) {
	if (page.lang !== state.lang) {
		build();
		return;
	}
	document.documentElement.dataset.theme = state.theme;
	showTab();
	const found = faults();
	page.controls.update(found);
	for (const editor of page.editors) editor.update(found);
	const bad = Boolean(page.tab.views && ctx.problem);
	page.panel.inert = bad;
	page.trouble.hidden = !bad;
	explain(page.trouble, found, t("page.cannot"));
	if (ctx.answer?.exact === false) tell(t("page.inexact"));
	show(page.view, changed);
	ask();
	keepLink();
}

function tell(text, ...more) {
	page.notice.hidden = !text;
	page.notice.replaceChildren(text ?? "", ...more);
}

let timer;
function keepLink() {
	clearTimeout(timer);
	timer = setTimeout(() => {
		const text = link();
		if (text !== location.hash.slice(1)) history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
	}, 300);
}

api.onReach((lost) => {
	if (lost?.wanted) askForKey(lost.wanted);
	else tell(lost && t(lost.status ? "page.busy" : "page.unreachable", { seconds: lost.again }), h("button", { onclick: api.tryNow }, t("page.tryNow")));
});

/** A field that is being filled in stays. */
function askForKey(wanted) {
	const label = t(wanted === "wrong" ? "page.wrongKey" : "page.needsKey");
	if (page.notice.querySelector("form")?.getAttribute("aria-label") === label) return;
	const field = h("input", { type: "password", required: true, autocomplete: "off", aria: label });
	const use = (event) => {
		event.preventDefault();
		tell(t("page.waiting"));
		api.useKey(field.value);
	};
	tell(label, h("form", { onsubmit: use, aria: label }, field, h("button", { type: "submit" }, t("page.useKey"))));
}

const TYPING = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, dialog *";
document.addEventListener("keydown", (event) => {
	const { target, key } = event;
	if (event.defaultPrevented || target.closest(TYPING)) return;
	// The space bar presses what has the focus, and arrows move a slider or a choice.
	if (target.matches(key === " " ? "button, a, summary, input:not(.frames)" : "input:not(.frames)")) return;
	if (page.view?.key?.(event)) event.preventDefault();
});

// One tooltip, for the cell under the pointer: one for each cell would be many elements.
const tip = svg("title");
document.addEventListener("pointerover", ({ target }) => {
	const cell = target.closest(".cell");
	tip.textContent = cell?.getAttribute("aria-label") ?? "";
	cell?.append(tip);
});

let width = 0;
new ResizeObserver(() => {
	if (width && width !== document.body.clientWidth) show(page.view, new Set(["width"]));
	width = document.body.clientWidth;
}).observe(document.body);

addEventListener("hashchange", () => location.hash.slice(1) !== link() && open(location.hash));
open(location.hash);
await build();
subscribe(update);
