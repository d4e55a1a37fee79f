// Take it away: pictures, the play as a film, the link, the request for a shell, the layer as code.

import { hasKey, isSuperseded, linesOf, post } from "./api.js";
import { h, segmented } from "./dom.js";
import { t } from "./messages.js";
import { toJson } from "./numbers.js";
import { filmOf, filmType, pictureOf, saveBlob } from "./snapshot.js";
import { keep, link, request, state } from "./state.js";

const FRAMEWORKS = { numpy: "NumPy", pytorch: "PyTorch", keras: "Keras", jax: "JAX", onnx: "ONNX" };

/** A key is taken from the shell, and never shown. */
const curlOf = ({ path, body }) => `curl -s '${new URL(path, document.baseURI)}' -H 'Content-Type: application/json'${
	hasKey() ? ' -H "Authorization: Bearer $CONVARITH_KEY"' : ""} -d '${toJson(body)}'`;

/** Also on pages that may not use the clipboard (those without https). */
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
	let recording = null;
	let asked = "";
	const framework = () => (state.extra.code in FRAMEWORKS ? state.extra.code : "pytorch");

	const says = h("p.says", { role: "status" });
	const tell = (key, values) => {
		says.textContent = key ? t(`export.${key}`, values) : "";
	};
	const button = (key, onclick) => h("button", { onclick }, t(`export.${key}`));
	const copyButton = (textOf) => button("copy", async () => tell((await copy(textOf())) ? "copied" : "notCopied"));
	const block = (key, ...content) => h(`section.take.${key}`, h("h2", t(`export.${key}`)), content);
	const text = (key) => h("pre", { tabindex: 0, aria: t(`export.${key}`) });

	const preview = h("div.preview");
	const picture = (type) => button(type, async () => saveBlob(await pictureOf(preview, type), `convarith-${state.op}-${state.frame + 1}.${type}`));
	const film = button("film", record);
	const address = h("input.address", { readonly: true, aria: t("export.link"), onfocus: () => address.select() });
	const [curl, code] = [text("curl"), text("code")];

	root.replaceChildren(
		block("picture", preview, h("div.tools", picture("png"), picture("svg"), film, says)),
		block("link", h("div.tools", address, copyButton(() => address.value))),
		block("curl", curl, h("div.tools", copyButton(() => curl.textContent))),
		block("code", segmented(t("export.framework"), Object.entries(FRAMEWORKS), framework(), (value) => keep("code", value)),
			code, h("div.tools", copyButton(() => code.textContent))));
	const view = ctx.source.mount(preview);
	film.hidden = !view.drawFrame || !filmType();

	async function record() {
		if (recording) return recording.abort();
		recording = new AbortController();
		film.textContent = t("export.stop");
		try {
			const blob = await filmOf(preview, { frameCount: view.frameCount(), drawFrame: view.drawFrame, signal: recording.signal,
				tell: (share) => tell("filming", { percent: Math.round(100 * share) }) });
			saveBlob(blob, `convarith-${state.op}.${blob.type.split("/")[1]}`);
			tell("");
		} catch (error) {
			if (!isSuperseded(error)) throw error;
			tell("");
		}
		recording = null;
		film.textContent = t("export.film");
		return ctx.show(view, new Set());
	}

	async function write() {
		const { op, body } = request();
		const question = { op, framework: framework(), ...body };
		if (toJson(question) === asked) return;
		asked = toJson(question);
		try {
			code.textContent = (await post("v1/code", question)).value.code;
		} catch (error) {
			code.textContent = linesOf(error).join("\n") || code.textContent;
		}
	}

	return {
		update(changed) {
			if (changed.has("answer")) recording?.abort();
			ctx.show(view, changed);
			address.value = `${location.href.split("#")[0]}#${link()}`;
			curl.textContent = curlOf(request());
			write();
		},
		key: view.key,
		destroy() {
			recording?.abort();
			view.destroy?.();
		},
	};
}
