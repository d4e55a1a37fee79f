// Take it away: the frame as a picture, the play as a film, the link, the request for a shell, the layer as code.

import { h, segmented } from "./dom.js";
import { toJson } from "./numbers.js";
import * as play from "./play.js";
import { filmOf, filmType, pictureOf, saveBlob } from "./snapshot.js";
import { link, request } from "./state.js";

const FRAMEWORKS = { numpy: "NumPy", pytorch: "PyTorch", keras: "Keras", jax: "JAX", onnx: "ONNX" };

/** The request as a shell takes it. */
export function curlOf({ path, body }, origin) {
  return `curl -s ${new URL(path, origin)} -H 'Content-Type: application/json' -d '${toJson(body)}'`;
}

/** Copy text where the page may use the clipboard, or else by what is selected. → whether it worked */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { value: text });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

export function mount(root, ctx) {
  const { t, api, state } = ctx;
  let framework = state.extra.code in FRAMEWORKS ? state.extra.code : "pytorch";
  let asked = "";

  const says = h("p.says", { role: "status" });
  const tell = (text) => {
    says.textContent = text;
  };
  const button = (label, onclick) => h("button", { type: "button", onclick }, label);
  const copyButton = (textOf) => button(t("export.copy"), async () => tell(t((await copy(textOf())) ? "export.copied" : "export.notCopied")));

  const preview = h("div.preview");
  const view = play.mount(preview, ctx);
  const bar = makeExportBar(ctx, view, tell);

  const address = h("input.address", { type: "text", readonly: true, "aria-label": t("export.link"), onfocus: (event) => event.target.select() });
  const curl = h("pre", { tabindex: 0, "aria-label": t("export.curl") });
  const code = h("pre", { tabindex: 0, "aria-label": t("export.code") });
  const choose = (value) => {
    framework = value;
    ctx.set({ extra: { ...state.extra, code: value } });
    askForCode();
  };
  const saveCode = () => saveBlob(new Blob([code.textContent], { type: "text/x-python" }), `convarith_${framework}.py`);
  const block = (name, ...content) => h(`section.take.${name}`, {}, h("h2", {}, t(`export.${name}`)), content);

  root.replaceChildren(
    block("picture", preview, bar),
    says,
    block("link", h("div.tools", {}, address, copyButton(() => address.value))),
    block("curl", curl, h("div.tools", {}, copyButton(() => curl.textContent))),
    block("code", h("p", {}, t("export.codeHelp")),
      segmented(t("export.framework"), Object.entries(FRAMEWORKS).map(([value, label]) => ({ value, label })), framework, choose),
      code, h("div.tools", {}, copyButton(() => code.textContent), button(t("export.saveCode"), saveCode))));

  async function askForCode() {
    const { op, body } = request();
    const question = toJson({ op, framework, ...body });
    if (question === asked) return;
    asked = question;
    try {
      const { value } = await api.post("v1/code", { op, framework, ...body }, { key: "code" });
      code.textContent = value.code;
      code.classList.remove("wrong");
    } catch (error) {
      if (api.isSuperseded(error)) return;
      if (!(error instanceof api.Refused)) throw error;
      const { errors, detail, title } = error.problem;
      code.textContent = errors?.map((each) => each.message).join("\n") ?? detail ?? title;
      code.classList.add("wrong");
    }
  }

  return {
    update(changed) {
      view.update(changed);
      address.value = `${location.origin}${location.pathname}${location.search}#${link()}`;
      curl.textContent = curlOf(request(), document.baseURI);
      askForCode();
    },
    key: (event) => view.key(event),
    destroy() {
      view.destroy();
      bar.destroy();
      api.cancel("code");
    },
  };
}

/** Buttons that save what `view` shows: `view.frameCount()`, and `view.drawFrame(i)` → its SVG. */
export function makeExportBar({ t, state }, view, tell) {
  let running = null;
  const name = (type) => `convarith-${state.op}-${state.frame + 1}.${type}`;
  const save = (type) => async () => {
    if (view.frameCount()) saveBlob(await pictureOf(view.drawFrame(state.frame), type), name(type));
  };
  const film = h("button", { type: "button", onclick: record, disabled: !filmType(), title: filmType() ? null : t("export.noFilm") }, t("export.film"));

  async function record() {
    if (running) return running.abort();
    if (!view.frameCount()) return undefined;
    running = new AbortController();
    film.textContent = t("export.stop");
    try {
      const blob = await filmOf({ frameCount: view.frameCount(), drawFrame: view.drawFrame, signal: running.signal,
        onprogress: (share) => tell(t("export.filming", { percent: Math.round(100 * share) })) });
      saveBlob(blob, `convarith-${state.op}.${blob.type.split("/")[1]}`);
      tell(t("export.filmed"));
    } catch (error) {
      if (error.name !== "AbortError") throw error;
      tell("");
    } finally {
      running = null;
      film.textContent = t("export.film");
    }
    return undefined;
  }

  const bar = h("div.tools", {},
    h("button", { type: "button", onclick: save("png") }, t("export.png")),
    h("button", { type: "button", onclick: save("svg") }, t("export.svg")), film);
  bar.destroy = () => running?.abort();
  return bar;
}
