// Take it away: the frame as a picture, the play as a film, the link, the request for a shell, the layer as code.

import { h, segmented } from "./dom.js";
import { toJson } from "./numbers.js";
import * as play from "./play.js";
import { filmOf, filmType, pictureOf, saveBlob } from "./snapshot.js";
import { link, request } from "./state.js";

const FRAMEWORKS = { numpy: "NumPy", pytorch: "PyTorch", keras: "Keras", jax: "JAX", onnx: "ONNX" };

/** The request as a shell takes it; a key is taken from the shell, and never shown. */
export const curlOf = ({ path, body }, base, withKey = false) =>
  `curl -s '${new URL(path, base)}' -H 'Content-Type: application/json'${withKey ? ' -H "Authorization: Bearer $CONVARITH_KEY"' : ""} -d '${toJson(body)}'`;

/** Copy text, on pages that may not use the clipboard too (those without https). → whether it worked */
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
  let recording = null;
  let asked = "";

  const says = h("p.says", { role: "status" });
  const tell = (key, values) => {
    says.textContent = key ? t(`export.${key}`, values) : "";
  };
  const button = (key, onclick, attributes) => h("button", { type: "button", onclick, ...attributes }, t(`export.${key}`));
  const copyButton = (textOf) => button("copy", async () => tell((await copy(textOf())) ? "copied" : "notCopied"));
  const block = (key, ...content) => h(`section.take.${key}`, {}, h("h2", {}, t(`export.${key}`)), content);
  const text = (key) => h("pre", { tabindex: 0, "aria-label": t(`export.${key}`) });

  const preview = h("div.preview");
  const view = play.mount(preview, ctx);
  const picture = (type) => button(type, async () => saveBlob(await pictureOf(view.drawFrame(state.frame), type), `convarith-${state.op}-${state.frame + 1}.${type}`));
  const film = button("film", record, { disabled: !filmType(), title: filmType() ? null : t("export.noFilm") });
  const address = h("input.address", { readonly: true, "aria-label": t("export.link"), onfocus: () => address.select() });
  const curl = text("curl");
  const code = text("code");

  root.replaceChildren(
    block("picture", preview, h("div.tools", {}, picture("png"), picture("svg"), film, says)),
    block("link", h("div.tools", {}, address, copyButton(() => address.value))),
    block("curl", curl, h("div.tools", {}, copyButton(() => curl.textContent))),
    block("code", segmented(t("export.framework"), Object.entries(FRAMEWORKS).map(([value, label]) => ({ value, label })), framework, (value) => {
      framework = value;
      ctx.set({ extra: { ...state.extra, code: value } });
    }), code, h("div.tools", {}, copyButton(() => code.textContent))));

  async function record() {
    if (recording) return recording.abort();
    recording = new AbortController();
    film.textContent = t("export.stop");
    try {
      const blob = await filmOf({ frameCount: view.frameCount(), drawFrame: view.drawFrame, signal: recording.signal,
        tell: (share) => tell("filming", { percent: Math.round(100 * share) }) });
      saveBlob(blob, `convarith-${state.op}.${blob.type.split("/")[1]}`);
      tell("filmed");
    } catch (error) {
      if (!api.isSuperseded(error)) throw error;
      tell("");
    }
    recording = null;
    film.textContent = t("export.film");
    return view.update(new Set());
  }

  async function write() {
    const { op, body } = request();
    const question = toJson({ op, framework, body });
    if (question === asked) return;
    asked = question;
    try {
      code.textContent = (await api.post("v1/code", { op, framework, ...body }, { key: "code" })).value.code;
    } catch (error) {
      if (api.isSuperseded(error)) return;
      if (!(error instanceof api.Refused)) throw error;
      code.textContent = error.lines.join("\n");
    }
  }

  return {
    update(changed) {
      if (changed.has("answer")) recording?.abort();
      view.update(changed);
      address.value = `${location.href.split("#")[0]}#${link()}`;
      curl.textContent = curlOf(request(), document.baseURI, api.hasKey());
      write();
    },
    key: view.key,
    destroy() {
      recording?.abort();
      view.destroy();
    },
  };
}
