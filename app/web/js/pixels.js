// Pictures as arrays and arrays as pictures. A tensor here is {shape: [channels, height, width], data}.

/** What the canvas of every browser can hold. */
const MOST_PIXELS = 2 ** 24;
const HEADER = 2 ** 16;
/** Bytes that the service needs for one value at most: the input as it came, widened, and the output. */
const BYTES_A_VALUE = 24;
const GREY = [0.2126, 0.7152, 0.0722];

export function makeCanvas(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  return canvas;
}

/** A picture for those who have none at hand: edges, even surfaces, and rings that grow finer. */
export function samplePicture() {
  const canvas = makeCanvas(640, 420);
  const pen = canvas.getContext("2d");
  const shade = (height, ...colours) => {
    const gradient = pen.createLinearGradient(0, 0, 0, height);
    colours.forEach((colour, at) => gradient.addColorStop(at / (colours.length - 1), colour));
    return gradient;
  };
  const shape = (fill, ...numbers) => {
    pen.fillStyle = fill;
    pen.beginPath();
    for (let at = 0; at < numbers.length; at += 2) pen.lineTo(numbers[at], numbers[at + 1]);
    pen.fill();
  };
  const box = (fill, x, y, width, height) => shape(fill, x, y, x + width, y, x + width, y + height, x, y + height);
  const disc = (fill, x, y, radius) => {
    pen.fillStyle = fill;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fill();
  };
  box(shade(290, "#2b5c9e", "#9cc3e6", "#f3e3c8"), 0, 0, 640, 420);
  disc("#fff3c4", 420, 80, 42);
  shape(shade(300, "#3f5272", "#8fa0b8"), 0, 300, 0, 220, 90, 130, 170, 210, 260, 105, 390, 260, 470, 200, 640, 300);
  shape("#eef3f8", 260, 105, 288, 140, 264, 150, 246, 138, 231, 148);
  shape(shade(420, "#c4e39c", "#39602c"), 0, 300, 640, 270, 640, 420, 0, 420);
  shape("#c9b08a", 300, 290, 330, 290, 420, 420, 230, 420);
  box(shade(360, "#f5e3c4", "#b08d64"), 100, 230, 120, 120);
  shape("#8c3b2e", 85, 232, 160, 165, 235, 232);
  for (const x of [118, 178]) box("#25364d", x, 255, 26, 30);
  box("#4a2f20", 148, 300, 24, 50);
  for (let x = 250; x < 640; x += 26) shape("#f4efe6", x, 330, x + 7, 323, x + 14, 330, x + 14, 385, x, 385);
  for (let ring = 0; ring < 40; ring += 1) disc(ring % 2 ? "#f6f6f6" : "#1c1c1c", 540, 190, 80 * Math.sqrt(1 - ring / 40));
  return canvas;
}

/** The largest size with this shape that is asked for and that the service takes. */
export function fittingSize([width, height], { channels, kernelSize, megapixels, limits }) {
  const most = Math.min(MOST_PIXELS, megapixels * 1e6, (limits.binary_body_bytes - HEADER) / channels, limits.tensor_elements / channels,
    limits.memory_bytes / (channels * BYTES_A_VALUE), limits.float_macs / (channels * kernelSize ** 2));
  const scale = Math.min(1, Math.sqrt(most / (width * height)));
  return [width, height].map((length) => Math.max(1, scale < 1 ? Math.floor(length * scale) : length));
}

/** A drawable picture on a canvas of this size, on white where it is transparent. */
export function drawn(picture, [width, height]) {
  const canvas = makeCanvas(width, height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(picture, 0, 0, width, height);
  return canvas;
}

/** The bytes of a canvas: red, green and blue one after the other, or grey alone. */
export function tensorOf(canvas, channels) {
  const { width, height } = canvas;
  const { data: pixels } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const size = width * height;
  const data = new Uint8Array(channels * size);
  for (let i = 0, at = 0; i < size; i += 1, at += 4) {
    if (channels === 1) data[i] = Math.round(GREY[0] * pixels[at] + GREY[1] * pixels[at + 1] + GREY[2] * pixels[at + 2]);
    else for (let c = 0; c < channels; c += 1) data[c * size + i] = pixels[at + c];
  }
  return { shape: [channels, height, width], data };
}

/** {least, most, under, over}: the ends of the values, and how many lie under 0 and over 255. */
export function rangeOf({ data }) {
  let [least, most, under, over] = [Infinity, -Infinity, 0, 0];
  for (const value of data) {
    if (value < least) least = value;
    if (value > most) most = value;
    if (value < -0.5) under += 1;
    else if (value >= 255.5) over += 1;
  }
  return { least, most, under, over };
}

/** Which values become black and white, by the way of showing; `contrast` divides a scale around zero. */
export function scaleOf(show, { least, most }, contrast) {
  const reach = Math.max(Math.abs(least), Math.abs(most)) / contrast || 1;
  if (show === "signed") return { low: -reach, high: reach };
  return { low: 0, high: 255, marked: show === "marked" };
}

/** Values outside 0 to 255 get colours that no filtered photograph is full of. */
export const UNDER = [123, 47, 247];
export const OVER = [255, 204, 0];

/** Draw a tensor; one with a single channel is grey. */
export function paint(canvas, { shape: [channels, height, width], data }, { low, high, marked = false }) {
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  const { data: pixels } = image;
  const size = width * height;
  const gain = 255 / (high - low);
  const second = channels === 1 ? 0 : size;
  for (let i = 0, at = 0; i < size; i += 1, at += 4) {
    const [r, g, b] = [data[i], data[i + second], data[i + 2 * second]];
    const mark = !marked ? null : r < -0.5 || g < -0.5 || b < -0.5 ? UNDER : r >= 255.5 || g >= 255.5 || b >= 255.5 ? OVER : null;
    pixels[at] = mark ? mark[0] : (r - low) * gain;
    pixels[at + 1] = mark ? mark[1] : (g - low) * gain;
    pixels[at + 2] = mark ? mark[2] : (b - low) * gain;
    pixels[at + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}
