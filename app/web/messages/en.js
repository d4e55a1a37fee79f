export default {
  page: {
    title: "Convarith: convolution, seen", skip: "Skip to the picture", settings: "Settings", tabs: "Ways to see it", api: "API",
    language: "Language", theme: "Colours", theme_auto: "Auto", theme_light: "Light", theme_dark: "Dark",
    tab_play: "Play", tab_stamps: "Stamps", tab_matrix: "Matrix", tab_roundtrip: "Round trip", tab_sizes: "Sizes", tab_image: "Image", tab_export: "Take away",
    cannot: "This setting has no result", inexact: "This answer has integers over 2^53, which this browser cannot show exactly; what you see is rounded.",
    unreachable: "The service cannot be reached. Trying again in {seconds} s.", busy: "The service is busy. Trying again in {seconds} s.", tryNow: "Try now",
  },
  controls: {
    op: "Operation", conv: "Convolution", conv_transpose: "Transposed convolution", dims: "Dimensions", example: "Example", choose: "Choose …",
    size: "Input size", kernel: "Kernel size", stride: "Stride", padding: "Padding", paddingMode: "Padding mode", dilation: "Dilation", outputPadding: "Output padding",
    inChannels: "Input channels", outChannels: "Output channels", groups: "Groups", bias: "Bias", flip: "Flip the kernel (flip_kernel)", dtype: "Number type", more: "Channels, bias, number type",
    rows: "rows", columns: "columns", top: "top", bottom: "bottom", left: "left", right: "right", number: "number", paddingWord: "Padding: a number or a word",
    lock: "Set all sides together", unlock: "Set each dimension by itself", use: "Use {field} = {value}",
  },
  examples: {
    plain: "No padding, stride 1", same: "Half padding: the size stays", full: "Full padding: the size grows", strided: "Stride 2", dilated: "Dilated (atrous)",
    sobel: "Edges of a picture (Sobel)", channels: "Two channels in and out", depthwise: "Depthwise: three groups", causal: "1-D, causal",
    transposed: "No padding, stride 1", transposedStrided: "Stride 2, padding 1", transposedOutputPadding: "Stride 2, padding 1, output padding 1",
    checkerboard: "Uneven overlap: a checkerboard", bilinear: "Bilinear upsampling by 2",
  },
  tensor: {
    input: "Input", kernel: "Kernel", bias: "Bias", fill: "Fill with", again: "Other random numbers", paste: "Paste", inputChannel: "channel {at}", kernelPlane: "output {to} ← input {from}",
    pasteTitle: "Paste numbers", text: "Numbers", placeholder: "[[1, 2], [3, 4]]", take: "Take these", cancel: "Cancel", found: "Found {size} numbers, the first is {first}.",
    inputHelp: "Cells of a spreadsheet, or an array as NumPy, PyTorch or JSON write it: (length), (rows, columns) or (channels, rows, columns).",
    kernelHelp: "Cells of a spreadsheet, or an array as NumPy, PyTorch or JSON write it: (rows, columns), or the weights of a layer with all four axes.",
  },
  pattern: {
    ramp: "1, 2, 3 …", ones: "ones", random: "random", picture: "small picture", edge: "edge", impulse: "single 1", identity: "identity", blur: "blur", sobel: "Sobel", laplacian: "Laplacian", bilinear: "bilinear", own: "your own",
  },
  paste: {
    shortened: "The text has … in it: the array was shortened when it was printed. Print all of it (numpy.set_printoptions(threshold=10**6), torch.set_printoptions(profile=\"full\")).",
    unclosed: "A closing bracket ] is missing.", notNumber: "“{text}” is not a number.", nothing: "There are no numbers in it.",
    uneven: "The lists are uneven: number {at} (counted from 0) has size {given}, the first has {first}.",
    tooLarge: "{what} is {count}; the pictures here go up to {most}.", inputRank: "This has {rank} axes; an input here has 1 to 3, or 4 with a batch of 1.", kernelRank: "This has {rank} axes; a kernel here has 1 to 4.",
  },
  stage: {
    label: "Input, kernel, products and output", input: "Input {size}", inputChannel: "Input {at}: {size}", kernel: "Kernel {size}", kernelChannel: "Kernel for {at}: {size}",
    product: "Products {size}", productChannel: "Products {at}", output: "Output {size}", outputChannel: "Output {at}: {size}",
    inputAt: "Input {at}", zeroAt: "Inserted zero", paddingAt: "Padding", kernelAt: "Kernel {at}, input {from} → output {to}", productOf: "{x} · {w} = {product}", outputAt: "Output {at}",
  },
  scene: { insert_zeros: "Insert zeros", pad: "Pad", flip_kernel: "Flip the kernel", slide: "Slide", add_bias: "Add the bias" },
  timeline: {
    label: "Time line", first: "To the start (Home)", back: "One step back (←)", play: "Play (space bar)", pause: "Pause (space bar)", next: "One step on (→)", last: "To the end (End)",
    frame: "Frame", scenes: "Scenes", speed: "Speed", at: "{scene}, frame {at} of {of}",
  },
  play: {
    hint: "Point at an element to see what it depends on and what depends on it; click to pin it; double-click a number to change it. Keys: space bar plays, ← → step, Page Up and Page Down change the scene, + − the speed, Esc unpins.",
    legend: "Colours", sum: "Output {at} =", plusBias: ", and {bias} for the bias",
    dependsOn: "Output {at} depends on {all} places under its window; {real} of them are input elements.",
    inputGoes: "Input {at} goes into {count} outputs: {where}", kernelGoes: "This weight takes part in {count} outputs: {where}", goesNowhere: "No output depends on {at}.",
  },
  legend: { input: "input", kernel: "kernel", product: "products", output: "output", padding: "padding", zero: "inserted zero" },
};
