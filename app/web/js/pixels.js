// Pictures as arrays and arrays as pictures. A tensor here is {shape: [channels, height, width], data}.

/** What is filtered at once; larger pictures are made smaller. */
const MOST_PIXELS = 2e6;

const penOn = (width, height) => Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");

export function samplePicture() {
	const pen = penOn(640, 420);
	const shape = (fill, ...corners) => {
		pen.fillStyle = fill;
		pen.beginPath();
		for (let at = 0; at < corners.length; at += 2) pen.lineTo(corners[at], corners[at + 1]);
		pen.fill();
	};
	shape("#9cc3e6", 0, 0, 640, 0, 640, 420, 0, 420);
	shape("#6b7c98", 0, 300, 0, 220, 90, 130, 170, 210, 260, 105, 390, 260, 470, 200, 640, 300);
	shape("#6f9a4f", 0, 300, 640, 270, 640, 420, 0, 420);
	for (let x = 250; x < 640; x += 26) shape("#f4efe6", x, 330, x + 7, 323, x + 14, 330, x + 14, 385, x, 385);
	for (let ring = 0; ring < 40; ring += 1) {
		pen.fillStyle = ring % 2 ? "#f6f6f6" : "#1c1c1c";
		pen.beginPath();
		pen.arc(530, 120, 80 * Math.sqrt(1 - ring / 40), 0, 7);
		pen.fill();
	}
	return pen.canvas;
}

export function tensorOf(picture, channels) {
	const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (picture.width * picture.height)));
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

/** Black at `low`, white at `high`; where `marked`, values beyond 0 and 255 get colours of their own. */
export function paint(canvas, { shape: [channels, height, width], data }, low = 0, high = 255, marked = false) {
	Object.assign(canvas, { width, height });
	const pen = canvas.getContext("2d");
	const image = pen.createImageData(width, height);
	const plane = channels === 1 ? 0 : width * height;
	for (let i = 0, at = 0; i < width * height; i += 1, at += 4) {
		let colour = [data[i], data[i + plane], data[i + 2 * plane]];
		if (marked && colour.some((value) => value < -0.5)) colour = [123, 47, 247];
		else if (marked && colour.some((value) => value >= 255.5)) colour = [255, 204, 0];
		for (let c = 0; c < 3; c += 1) image.data[at + c] = ((colour[c] - low) * 255) / (high - low);
		image.data[at + 3] = 255;
	}
	pen.putImageData(image, 0, 0);
}
