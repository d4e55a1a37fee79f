// Pictures as arrays and arrays as pictures. A tensor here is {shape: [channels, height, width], data}.

/** What every browser's canvas can hold. */
const MOST_PIXELS = 2 ** 24;
const HEADER = 2 ** 16;
/** What the service holds for one value at most. */
const BYTES_A_VALUE = 16;

function penOn(width, height) {
	return Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
}

/** A picture for those who have none at hand: edges, even surfaces, and rings that grow finer. */
export function samplePicture() {
	const pen = penOn(640, 420);
	/** A polygon of x, y, x, y …; three numbers are a disc. */
	const shape = (fill, ...numbers) => {
		pen.fillStyle = fill;
		pen.beginPath();
		if (numbers.length === 3) pen.arc(...numbers, 0, 7);
		else for (let at = 0; at < numbers.length; at += 2) pen.lineTo(numbers[at], numbers[at + 1]);
		pen.fill();
	};
	const sky = pen.createLinearGradient(0, 0, 0, 290);
	["#2b5c9e", "#9cc3e6", "#f3e3c8"].forEach((colour, at) => sky.addColorStop(at / 2, colour));
	shape(sky, 0, 0, 640, 0, 640, 420, 0, 420);
	shape("#fff3c4", 420, 80, 42);
	shape("#6b7c98", 0, 300, 0, 220, 90, 130, 170, 210, 260, 105, 390, 260, 470, 200, 640, 300);
	shape("#6f9a4f", 0, 300, 640, 270, 640, 420, 0, 420);
	shape("#d9c3a0", 100, 230, 220, 230, 220, 350, 100, 350);
	shape("#8c3b2e", 85, 232, 160, 165, 235, 232);
	for (let x = 250; x < 640; x += 26) shape("#f4efe6", x, 330, x + 7, 323, x + 14, 330, x + 14, 385, x, 385);
	for (let ring = 0; ring < 40; ring += 1) shape(ring % 2 ? "#f6f6f6" : "#1c1c1c", 540, 190, 80 * Math.sqrt(1 - ring / 40));
	return pen.canvas;
}

/** A picture as bytes, grey or in three colours, no larger than is asked for and than the service takes. */
export function tensorOf(picture, { channels, size, megapixels }, limits) {
	const most = Math.min(MOST_PIXELS, megapixels * 1e6, Math.min(limits.binary_body_bytes - HEADER, limits.tensor_elements,
		limits.memory_bytes / BYTES_A_VALUE, limits.float_macs / size ** 2) / channels);
	const scale = Math.min(1, Math.sqrt(most / (picture.width * picture.height)));
	const [width, height] = [picture.width, picture.height].map((length) => Math.max(1, Math.floor(length * scale)));
	const pen = penOn(width, height);
	Object.assign(pen, { imageSmoothingQuality: "high", fillStyle: "#fff" });
	pen.fillRect(0, 0, width, height);
	pen.drawImage(picture, 0, 0, width, height);
	const pixels = pen.getImageData(0, 0, width, height).data;
	const plane = width * height;
	const data = new Uint8Array(channels * plane);
	for (let i = 0, at = 0; i < plane; i += 1, at += 4) {
		if (channels === 1) data[i] = Math.round(0.2126 * pixels[at] + 0.7152 * pixels[at + 1] + 0.0722 * pixels[at + 2]);
		else for (let c = 0; c < channels; c += 1) data[c * plane + i] = pixels[at + c];
	}
	return { shape: [channels, height, width], data };
}

const isUnder = (value) => value < -0.5;
const isOver = (value) => value >= 255.5;

/** {least, most, under, over}: the ends of the values, and how many lie under 0 and over 255. */
export function rangeOf({ data }) {
	const range = { least: Infinity, most: -Infinity, under: 0, over: 0 };
	for (const value of data) {
		if (value < range.least) range.least = value;
		if (value > range.most) range.most = value;
		if (isUnder(value)) range.under += 1;
		if (isOver(value)) range.over += 1;
	}
	return range;
}

/** Draw from black at `low` to white at `high`; where `marked`, values under 0 and over 255 get colours of their own. */
export function paint(canvas, { shape: [channels, height, width], data }, low = 0, high = 255, marked = false) {
	Object.assign(canvas, { width, height });
	const pen = canvas.getContext("2d");
	const image = pen.createImageData(width, height);
	const plane = channels === 1 ? 0 : width * height;
	const gain = 255 / (high - low);
	for (let i = 0, at = 0; i < width * height; i += 1, at += 4) {
		let [r, g, b] = [data[i], data[i + plane], data[i + 2 * plane]];
		if (marked && (isUnder(r) || isUnder(g) || isUnder(b))) [r, g, b] = [123, 47, 247];
		else if (marked && (isOver(r) || isOver(g) || isOver(b))) [r, g, b] = [255, 204, 0];
		image.data[at] = (r - low) * gain;
		image.data[at + 1] = (g - low) * gain;
		image.data[at + 2] = (b - low) * gain;
		image.data[at + 3] = 255;
	}
	pen.putImageData(image, 0, 0);
}
