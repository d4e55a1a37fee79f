// Pictures and films of an SVG on the page: a copy that carries its own looks, drawn on a canvas where it must be.

const FRAME_MS = 700;
const LONGEST_MS = 90_000;
/** What children take over from their parents. */
const INHERITED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "visibility", "font-family", "font-size", "font-weight",
  "text-anchor", "dominant-baseline"];
/** What each element has for itself, when it need not be written, and under which name it is. */
const OWN = [["opacity", "1"], ["transform", "none"], ["text-decoration-line", "none", "text-decoration"]];

/** Hand a file to the reader. */
export function saveBlob(blob, name) {
  const anchor = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

/** Write the looks of `from`, as they are at this moment, into its copy and all below; what cannot be seen is left out. */
function carryLooks(from, copy, above) {
  const looks = getComputedStyle(from);
  const hidden = looks.opacity === "0" || looks.display === "none";
  if (hidden && from.localName !== "defs") return copy.remove();
  for (const { name } of [...copy.attributes]) if (/^(class|style|role|tabindex|aria-.*|data-.*)$/.test(name)) copy.removeAttribute(name);
  for (const name of INHERITED) {
    const value = looks.getPropertyValue(name);
    if (value === above?.getPropertyValue(name)) copy.removeAttribute(name);
    else copy.setAttribute(name, value);
  }
  for (const [name, usual, attribute = name] of OWN) {
    const value = looks.getPropertyValue(name);
    if (value !== usual && from.localName !== "pattern") copy.setAttribute(attribute, value);
  }
  const children = [...copy.children];
  [...from.children].forEach((child, at) => carryLooks(child, children[at], looks));
  return copy;
}

/** An SVG on the page as a text that needs no style sheet, on the page's own ground. */
function textOf(element) {
  const { x, y, width, height } = element.viewBox.baseVal;
  const copy = carryLooks(element, element.cloneNode(true));
  const ground = document.createElementNS(element.namespaceURI, "rect");
  const fill = getComputedStyle(document.body).backgroundColor;
  for (const [name, value] of Object.entries({ x, y, width, height, fill, stroke: "none" })) ground.setAttribute(name, value);
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

/** A canvas twice as fine, and of even sides, as films want them. */
function canvasFor({ viewBox: { baseVal: { width, height } } }) {
  return Object.assign(document.createElement("canvas"), { width: 2 * Math.ceil(width), height: 2 * Math.ceil(height) });
}

async function drawOn(canvas, element) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([textOf(element)], { type: "image/svg+xml" }));
  try {
    await image.decode();
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** What is on the page as a file, "svg" or "png". → Blob */
export async function pictureOf(element, type) {
  if (type === "svg") return new Blob([textOf(element)], { type: "image/svg+xml" });
  const canvas = canvasFor(element);
  await drawOn(canvas, element);
  return new Promise((resolve) => void canvas.toBlob(resolve));
}

/** The kind of film that this browser records; undefined where it records none. */
export const filmType = () => ["video/webm", "video/mp4"].find((type) => globalThis.MediaRecorder?.isTypeSupported(type));

/** Record a play as fast as it is seen: `drawFrame(i)` shows frame i and gives its SVG, whose movements are filmed too. → Blob */
export async function filmOf({ frameCount, drawFrame, signal, tell }) {
  const canvas = canvasFor(drawFrame(0));
  await drawOn(canvas, drawFrame(0));
  const stream = canvas.captureStream(0);
  const recorder = new MediaRecorder(stream, { mimeType: filmType(), videoBitsPerSecond: 6e6 });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  for (let at = 0; at < frameCount && !signal.aborted; at += 1) {
    const until = performance.now() + Math.min(FRAME_MS, LONGEST_MS / frameCount);
    const shown = drawFrame(at);
    while (performance.now() < until && !signal.aborted) {
      await drawOn(canvas, shown);
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
