// Settings worth a look, as links.

export const EXAMPLES = {
	conv: {
		same: "in=5&k=3&pad=same&f=1",
		full: "in=5&k=3&pad=full&f=1",
		dilated: "in=7&k=3&d=2",
		sobel: "in=8&k=3&p=1&x=picture&w=sobel&f=1",
		channels: "in=4&k=2&ci=2&co=2&x=random&w=random.3",
		depthwise: "in=4&k=3&ci=3&co=3&g=3&p=1&x=random&w=random.3&f=1",
		causal: "dims=1&in=8&k=3&p=0,0;2,0&w=ones&f=1",
	},
	conv_transpose: {
		usual: "in=2&k=3&s=2&p=1",
		outputPadding: "in=3&k=3&s=2&p=1&op_pad=1",
		checkerboard: "in=4&k=3&s=2&x=ones&w=ones",
		bilinear: "in=3&k=4&s=2&p=1&x=ramp&w=bilinear",
	},
};
