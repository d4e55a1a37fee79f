// Pictures and films of an SVG on the page: a copy that carries its own looks, drawn on a canvas where it must be.

const SVG = "http://www.w3.org/2000/svg";
const FRAME_MS = 700;
const LONGEST_FILM_MS = 90_000;
const FILMS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

/** What children take over from their parents; it is written where it differs from the parent's. */
const INHERITED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-opacity", "visibility",
  "font-family", "font-size", "font-style", "font-weight", "text-anchor", "dominant-baseline"];
/** What each element has for itself, and when it need not be written. */
const OWN = { opacity: "1", transform: "none", "text-decoration-line": "none" };

/** Hand a file to the reader. */
export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement("a");
  Object.assign(anchor, { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function background(element) {
  for (let node = element; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!/^(transparent|rgba\(.*, 0\))$/.test(colour)) return colour;
  }
  return "white";
}

/** Write the looks of `from`, as they are at this moment, into `to` and all below; what cannot be seen is left out. */
function carryLooks(from, to, above) {
  const looks = getComputedStyle(from);
  if (looks.display === "none" && from.localName !== "defs") return to.remove();
  if (looks.opacity === "0") return to.remove();
  for (const name of INHERITED) {
    const value = looks.getPropertyValue(name);
    if (value !== above?.getPropertyValue(name)) to.setAttribute(name, value);
    else to.removeAttribute(name);
  }
  for (const [name, usual] of Object.entries(OWN)) {
    const value = looks.getPropertyValue(name);
    if (value !== usual) to.setAttribute(name === "text-decoration-line" ? "text-decoration" : name, value);
  }
  for (const name of ["class", "style", "tabindex", ...Object.keys(from.dataset).map((key) => `data-${key}`)]) to.removeAttribute(name);
  const children = [...to.children];
  [...from.children].forEach((child, at) => carryLooks(child, children[at], looks));
  return to;
}

/** A copy of an SVG that needs no style sheet, on the page's background. → {element, width, height} */
function selfContained(element) {
  const { width, height } = element.viewBox.baseVal;
  const [x, y] = [element.viewBox.baseVal.x, element.viewBox.baseVal.y];
  const copy = carryLooks(element, element.cloneNode(true));
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const ground = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ x, y, width, height, fill: background(element), stroke: "none" })) ground.setAttribute(name, value);
  copy.prepend(ground);
  return { element: copy, width, height };
}

const textOf = (element) => new XMLSerializer().serializeToString(element);

/** Draw an SVG over the whole of a canvas. */
async function drawOn(canvas, element) {
  const url = URL.createObjectURL(new Blob([textOf(element)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** A canvas of at least `least` pixels across, and of even sides, as films want them. */
function canvasFor({ width, height }, least) {
  const scale = Math.max(2, least / width);
  const even = (length) => 2 * Math.round((length * scale) / 2);
  return Object.assign(document.createElement("canvas"), { width: even(width), height: even(height) });
}

/** What is on the page as a file: "svg" or "png". → Blob */
export async function pictureOf(element, type) {
  const copy = selfContained(element);
  if (type === "svg") return new Blob([`${textOf(copy.element)}\n`], { type: "image/svg+xml" });
  const canvas = canvasFor(copy, 1600);
  await drawOn(canvas, copy.element);
  return new Promise((resolve) => {
    canvas.toBlob(resolve, "image/png");
  });
}

/** The kind of film that this browser records; undefined where it records none. */
export const filmType = () => FILMS.find((type) => globalThis.MediaRecorder?.isTypeSupported(type));

/**
 * Record a play, at the speed of seeing it: `drawFrame(i)` shows frame i and gives its SVG, whose movements are
 * filmed while they last. `onprogress(share)` is told how far it is; `signal` ends it. → Blob
 */
export async function filmOf({ frameCount, drawFrame, signal, onprogress = () => {} }) {
  const element = drawFrame(0);
  const canvas = canvasFor(selfContained(element), 1280);
  const pen = canvas.getContext("2d");
  await drawOn(canvas, selfContained(element).element);
  const stream = canvas.captureStream(0);
  const [track] = stream.getVideoTracks();
  const recorder = new MediaRecorder(stream, { mimeType: filmType(), videoBitsPerSecond: 6_000_000 });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const ended = new Promise((resolve) => {
    recorder.onstop = resolve;
  });
  const wait = (ms) => new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
  recorder.start();
  const each = Math.min(FRAME_MS, LONGEST_FILM_MS / frameCount);
  try {
    for (let at = 0; at < frameCount && !signal?.aborted; at += 1) {
      const shown = drawFrame(at);
      const until = performance.now() + each * (at === frameCount - 1 ? 2 : 1);
      do {
        await drawOn(canvas, selfContained(shown).element);
        track.requestFrame();
        await wait(30);
      } while (performance.now() < until && !signal?.aborted);
      onprogress((at + 1) / frameCount);
    }
  } finally {
    recorder.stop();
    await ended;
    pen.clearRect(0, 0, canvas.width, canvas.height);
  }
  signal?.throwIfAborted();
  return new Blob(parts, { type: recorder.mimeType.split(";")[0] });
}
