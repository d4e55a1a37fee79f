// Puts the page together: header, settings, numbers, tabs; asks the API when the setting changes.

import * as api from "./api.js";
import { explained, makeControls } from "./controls.js";
import { h, segmented, select } from "./dom.js";
import * as take from "./export.js";
import * as image from "./image.js";
import { LANGUAGES, chooseLanguage, t } from "./messages.js";
import { toJson } from "./numbers.js";
import * as play from "./play.js";
import { link, open, request, set, state, subscribe } from "./state.js";
import { makeEditor } from "./tensor.js";

// One line a tab: its name, its module, the views that it wants in ctx.answer, the one operation that has it, and
// whether it stands alone, without the settings.
const TABS = [
  { id: "play", module: play, views: ["sliding_window"] },
  { id: "image", module: image, alone: true },
  { id: "export", module: take, views: ["sliding_window"] },
];
const THEMES = ["", "light", "dark"];
const REQUEST = ["op", "dims", "size", "kernel", "stride", "padding", "paddingWord", "paddingMode", "dilation", "outputPadding",
  "inChannels", "outChannels", "groups", "bias", "flip", "dtype", "input", "weights", "lang", "tab"];

const ctx = { state, set, t, api, answer: null, problem: null };
let page = null;
let asked = "";

const tabNow = () => TABS.find((tab) => tab.id === state.tab && (!tab.op || tab.op === state.op)) ?? TABS[0];

// --- asking -----------------------------------------------------------------------------------------------------

async function ask() {
  const { views } = tabNow();
  if (!views) return;
  const { op, path, body } = request();
  const question = `${state.lang} ${path} ${views} ${toJson(body)}`;
  if (question === asked) return;
  asked = question;
  const { planes: input } = state.input;
  const { planes: weights } = state.weights;
  try {
    const { value, exact } = await api.post(path, { ...body, steps: views }, { key: "answer" });
    ctx.answer = { request: { op, path, body }, response: value, exact, input, weights, views };
    ctx.problem = null;
  } catch (error) {
    if (api.isSuperseded(error)) return;
    if (!(error instanceof api.Refused)) throw error;
    ctx.problem = error.problem;
  }
  update(new Set(["answer"]));
}

/** One fault of the request once, even where rows and columns have it both. */
function faults() {
  const { problem } = ctx;
  if (!problem) return [];
  const all = problem.errors ?? [{ pointer: "", message: problem.detail ?? problem.title }];
  return all.filter((each, at) => all.findIndex((other) => other.message === each.message) === at);
}

// --- the page ---------------------------------------------------------------------------------------------------

function build() {
  const code = chooseLanguage(state.lang);
  api.speak(code);
  document.documentElement.lang = code;
  document.title = t("page.title");
  const controls = makeControls(t);
  const editors = [makeEditor(t, "input"), makeEditor(t, "kernel")];
  const tabs = h("div.tabs", { role: "tablist", "aria-label": t("page.tabs"), onkeydown: walkTabs });
  const panel = h("div.panel", { role: "tabpanel", id: "panel", tabindex: -1 });
  const aside = h("aside.settings", { "aria-label": t("page.settings") }, controls.element, editors.map((each) => each.element));
  const notice = h("div.notice", { role: "status", hidden: true });
  const trouble = h("div.trouble", { role: "alert" });
  document.body.replaceChildren(
    h("a.skip", { href: "#panel", onclick: (event) => {
      event.preventDefault();
      panel.focus();
    } }, t("page.skip")),
    header(code),
    notice,
    h("main", {}, h("section.workspace", {}, tabs, h("div.board", {}, panel, trouble)),
      aside));
  page?.view?.destroy?.();
  page = { controls, editors, aside, tabs, panel, trouble, notice, view: null, tab: null, lang: state.lang };
  update(new Set(Object.keys(state)));
}

function header(code) {
  const ops = ["conv", "conv_transpose"].map((value) => ({ value, label: t(`controls.${value}`) }));
  return h("header.top", {},
    h("h1", {}, h("img", { src: "web/icon.svg", alt: "", width: 26, height: 26 }), "Convarith"),
    segmented(t("controls.op"), ops, state.op, (op) => set({ op, ...(state.paddingWord === "full" ? { paddingWord: "" } : {}) })),
    h("div.end", {},
      h("a", { href: "docs" }, t("page.api")),
      select({ "aria-label": t("page.language") }, Object.entries(LANGUAGES).map(([value, label]) => ({ value, label })), code,
        (lang) => set({ lang })),
      select({ "aria-label": t("page.theme") }, THEMES.map((value) => ({ value, label: t(`page.theme_${value || "auto"}`) })), state.theme,
        (theme) => set({ theme }))));
}

function walkTabs(event) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const list = [...event.currentTarget.children];
  const next = list[(list.indexOf(event.target) + by + list.length) % list.length];
  next.focus();
  next.click();
  event.stopPropagation();
}

function showTabs() {
  const now = tabNow();
  const there = TABS.filter((tab) => !tab.op || tab.op === state.op);
  page.tabs.hidden = TABS.length < 2;
  const name = there.map((tab) => tab.id).join();
  if (page.tabs.dataset.name !== name) {
    page.tabs.dataset.name = name;
    page.tabs.replaceChildren(...there.map((tab) => h("button", { type: "button", role: "tab", id: `tab-${tab.id}`,
      "aria-controls": "panel", onclick: () => set({ tab: tab.id }) }, t(`page.tab_${tab.id}`))));
  }
  for (const button of page.tabs.children) {
    const on = button.id === `tab-${now.id}`;
    button.setAttribute("aria-selected", String(on));
    button.tabIndex = on ? 0 : -1;
  }
  page.panel.setAttribute("aria-label", t(`page.tab_${now.id}`));
  if (page.tab === now) return;
  page.view?.destroy?.();
  page.tab = now;
  ctx.answer = ctx.answer?.views === now.views ? ctx.answer : null;
  page.panel.replaceChildren();
  page.panel.className = `panel ${now.id}`;
  page.aside.hidden = Boolean(now.alone);
  page.view = now.module.mount(page.panel, ctx);
}

function update(changed) {
  if (page.lang !== state.lang) return build();
  document.documentElement.dataset.theme = state.theme;
  showTabs();
  const found = faults();
  page.controls.update(found);
  for (const editor of page.editors) editor.update(found);
  for (const input of document.querySelectorAll("header .segmented input")) input.checked = input.value === state.op;
  const bad = Boolean(page.tab.views && ctx.problem);
  page.panel.classList.toggle("stale", bad);
  page.trouble.replaceChildren(...(bad ? [h("h2", {}, t("page.cannot")), ...found.map((each) => explained(t, each))] : []));
  if (ctx.answer && !ctx.answer.exact) page.trouble.replaceChildren(h("p", {}, t("page.inexact")));
  page.trouble.hidden = !page.trouble.childNodes.length;
  page.view.update(changed);
  if (REQUEST.some((key) => changed.has(key))) ask();
  keepLink();
  return undefined;
}

// --- the address, keys, reach -----------------------------------------------------------------------------------

let timer = 0;
function keepLink() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const text = link();
    if (text !== location.hash.slice(1)) history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    remember();
  }, 300);
}

/** Language and theme stay with the reader, where the browser may keep them. */
function remember() {
  try {
    localStorage.setItem("convarith", JSON.stringify({ lang: state.lang, theme: state.theme }));
  } catch {
    // Private windows may forbid it; the link has them anyway.
  }
}
function remembered() {
  try {
    const { lang, theme } = JSON.parse(localStorage.getItem("convarith") ?? "{}");
    return { lang: lang in LANGUAGES ? lang : "", theme: THEMES.includes(theme) ? theme : "" };
  } catch {
    return {};
  }
}

api.onReach((lost) => {
  page.notice.hidden = !lost;
  if (!lost) return;
  page.notice.replaceChildren(h("span", {}, t(lost.status ? "page.busy" : "page.unreachable", { seconds: lost.again })),
    h("button", { type: "button", onclick: () => api.tryNow() }, t("page.tryNow")));
});

const TYPING = "input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, dialog, [role=tablist]";
document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.defaultPrevented || target.closest?.(TYPING)) return;
  // A button is pressed with the space bar, and a slider or a choice moves with the arrows.
  if (event.key === " " && target.matches("button, a, summary, input")) return;
  if (event.key !== " " && target.matches("input") && !target.matches(".frames")) return;
  if (page.view.key?.(event)) event.preventDefault();
});

addEventListener("hashchange", () => location.hash.slice(1) !== link() && open(location.hash));
set(remembered());
open(location.hash);
build();
subscribe(update);
