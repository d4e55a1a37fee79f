// Pictures and films of the SVGs on the page: copies that carry their own looks.

import { svg } from "./dom.js";

const FRAME_MS = 700;
const LONGEST_MS = 90_000;
const MARGIN = 24;
/** What children take over from their parents; and what each element has for itself, when it need not be written, and its name then. */
const INHERITED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "visibility", "font-family", "font-size", "font-weight",
	"text-anchor", "dominant-baseline"];
const OWN = [["opacity", "1"], ["transform", "none"], ["text-decoration-line", "none", "text-decoration"]];

export function saveBlob(blob, name) {
	const anchor = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
	anchor.click();
	setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

/** Write the looks of this moment into a copy; what cannot be seen is left out. */
function carryLooks(from, copy, above) {
	const looks = getComputedStyle(from);
	if ((looks.opacity === "0" || looks.display === "none") && from.localName !== "defs") return copy.remove();
	for (const { name } of [...copy.attributes]) if (/^(class|style|role|tabindex|aria-.*|data-.*)$/.test(name)) copy.removeAttribute(name);
	for (const name of INHERITED) {
		const value = looks.getPropertyValue(name);
		if (value !== above?.getPropertyValue(name)) copy.setAttribute(name, value);
	}
	for (const [name, usual, attribute = name] of OWN) {
		const value = looks.getPropertyValue(name);
		if (value !== usual && from.localName !== "pattern") copy.setAttribute(attribute, value);
	}
	const children = [...copy.children];
	[...from.children].forEach((child, at) => carryLooks(child, children[at], looks));
	return copy;
}

/** All pictures in `root`, where they stand. → {text, width, height} */
function snapshot(root) {
	const pictures = [...root.querySelectorAll("svg:not(.icon)")].filter((picture) => picture.getBoundingClientRect().width);
	const boxes = pictures.map((picture) => picture.getBoundingClientRect());
	const [left, top] = ["left", "top"].map((side) => Math.min(...boxes.map((box) => box[side])));
	const [right, bottom] = ["right", "bottom"].map((side) => Math.max(...boxes.map((box) => box[side])));
	const size = { width: right - left + 2 * MARGIN, height: bottom - top + 2 * MARGIN };
	const whole = svg("svg", { ...size, viewBox: `0 0 ${size.width} ${size.height}` },
		svg("rect", { ...size, fill: getComputedStyle(document.body).backgroundColor }),
		pictures.map((picture, at) => {
			const copy = carryLooks(picture, picture.cloneNode(true));
			copy.setAttribute("overflow", "visible");
			copy.setAttribute("x", boxes[at].left - left + MARGIN);
			copy.setAttribute("y", boxes[at].top - top + MARGIN);
			return copy;
		}));
	return { text: new XMLSerializer().serializeToString(whole), ...size };
}

const blobOf = (text) => new Blob([text], { type: "image/svg+xml" });

/** Twice as fine, and of even sides, as films want them. */
const canvasFor = ({ width, height }) => Object.assign(document.createElement("canvas"), { width: 2 * Math.ceil(width), height: 2 * Math.ceil(height) });

async function drawOn(canvas, { text }) {
	const image = new Image();
	image.src = URL.createObjectURL(blobOf(text));
	try {
		await image.decode();
		canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
	} finally {
		URL.revokeObjectURL(image.src);
	}
}

export async function pictureOf(root, type) {
	const shown = snapshot(root);
	if (type === "svg") return blobOf(shown.text);
	const canvas = canvasFor(shown);
	await drawOn(canvas, shown);
	return new Promise((resolve) => void canvas.toBlob(resolve));
}

export const filmType = () => ["video/webm", "video/mp4"].find((type) => globalThis.MediaRecorder?.isTypeSupported(type));

/** `drawFrame(i)` shows a frame in `root`; its movements are filmed too. */
export async function filmOf(root, { frameCount, drawFrame, signal, tell }) {
	drawFrame(0);
	const canvas = canvasFor(snapshot(root));
	const stream = canvas.captureStream(0);
	const recorder = new MediaRecorder(stream, { mimeType: filmType(), videoBitsPerSecond: 6e6 });
	const parts = [];
	recorder.ondataavailable = ({ data }) => parts.push(data);
	const ended = new Promise((resolve) => (recorder.onstop = resolve));
	recorder.start();
	for (let at = 0; at < frameCount && !signal.aborted; at += 1) {
		const until = performance.now() + Math.min(FRAME_MS, LONGEST_MS / frameCount);
		drawFrame(at);
		while (performance.now() < until && !signal.aborted) {
			await drawOn(canvas, snapshot(root));
			stream.getTracks()[0].requestFrame();
			await new Promise((resolve) => void setTimeout(resolve, 30));
		}
		tell((at + 1) / frameCount);
	}
	recorder.stop();
	await ended;
	signal.throwIfAborted();
	return new Blob(parts, { type: filmType() });
}
