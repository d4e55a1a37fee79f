export default {
  page: {
    title: "Convarith：看得见的卷积", skip: "跳到图示", settings: "设置", tabs: "不同的视角", api: "API",
    language: "语言", theme: "配色", theme_auto: "自动", theme_light: "浅色", theme_dark: "深色",
    tab_play: "演示", tab_stamps: "印章叠加", tab_matrix: "矩阵", tab_roundtrip: "往返", tab_sizes: "尺寸", tab_image: "图像", tab_export: "带走",
    cannot: "此设置没有结果", inexact: "结果中含有超过 2^53 的整数，此浏览器无法精确显示；所见为舍入后的值。",
    unreachable: "无法连接服务，{seconds} 秒后重试。", busy: "服务繁忙，{seconds} 秒后重试。", tryNow: "立即重试",
  },
  controls: {
    op: "运算", conv: "卷积", conv_transpose: "转置卷积", dims: "维数", example: "示例", choose: "选择…",
    size: "输入大小", kernel: "卷积核大小", stride: "步幅", padding: "填充", paddingMode: "填充方式", dilation: "膨胀", outputPadding: "输出填充",
    inChannels: "输入通道", outChannels: "输出通道", groups: "分组", bias: "偏置", flip: "翻转卷积核 (flip_kernel)", dtype: "数值类型", more: "通道、偏置、数值类型",
    rows: "行", columns: "列", top: "上", bottom: "下", left: "左", right: "右", number: "数值", paddingWord: "填充：数值或名称",
    lock: "各维一起设置", unlock: "各维分别设置", use: "改用 {field} = {value}",
  },
  examples: {
    plain: "无填充，步幅 1", same: "半填充：大小不变", full: "全填充：变大", strided: "步幅 2", dilated: "膨胀（空洞）卷积",
    sobel: "图片的边缘（Sobel）", channels: "两个输入通道、两个输出通道", depthwise: "逐深度卷积：三组", causal: "一维因果卷积",
    transposed: "无填充，步幅 1", transposedStrided: "步幅 2，填充 1", transposedOutputPadding: "步幅 2，填充 1，输出填充 1",
    checkerboard: "重叠不均：棋盘格", bilinear: "双线性上采样 2 倍",
  },
  tensor: {
    input: "输入", kernel: "卷积核", bias: "偏置", fill: "填入", again: "换一组随机数", paste: "粘贴", inputChannel: "通道 {at}", kernelPlane: "输出 {to} ← 输入 {from}",
    pasteTitle: "粘贴数值", text: "数值", placeholder: "[[1, 2], [3, 4]]", take: "采用", cancel: "取消", found: "找到 {size} 个数，第一个是 {first}。",
    inputHelp: "电子表格的单元格，或 NumPy、PyTorch、JSON 格式的数组：（长度）、（行，列）或（通道，行，列）。",
    kernelHelp: "电子表格的单元格，或 NumPy、PyTorch、JSON 格式的数组：（行，列），或带全部四个轴的层权重。",
  },
  pattern: {
    ramp: "1, 2, 3 …", ones: "全 1", random: "随机", picture: "小图片", edge: "边缘", impulse: "单个 1", identity: "恒等", blur: "模糊", sobel: "Sobel", laplacian: "拉普拉斯", bilinear: "双线性", own: "自定义",
  },
  paste: {
    shortened: "文本中有省略号：数组在打印时被缩略了。请完整打印（numpy.set_printoptions(threshold=10**6)，torch.set_printoptions(profile=\"full\")）。",
    unclosed: "缺少右括号 ]。", notNumber: "“{text}”不是数。", nothing: "其中没有数。",
    uneven: "列表长短不一：第 {at} 个（从 0 数起）大小为 {given}，第一个为 {first}。",
    tooLarge: "{what} 为 {count}；此处图示最大为 {most}。", inputRank: "它有 {rank} 个轴；此处输入可有 1 到 3 个轴，批量为 1 时可有 4 个。", kernelRank: "它有 {rank} 个轴；此处卷积核可有 1 到 4 个。",
  },
  stage: {
    label: "输入、卷积核、乘积与输出", input: "输入 {size}", inputChannel: "输入 {at}：{size}", kernel: "卷积核 {size}", kernelChannel: "卷积核，对 {at}：{size}",
    product: "乘积 {size}", productChannel: "乘积 {at}", output: "输出 {size}", outputChannel: "输出 {at}：{size}",
    inputAt: "输入 {at}", zeroAt: "插入的零", paddingAt: "填充", kernelAt: "卷积核 {at}，输入 {from} → 输出 {to}", productOf: "{x} · {w} = {product}", outputAt: "输出 {at}",
  },
  scene: { insert_zeros: "插入零", pad: "填充", flip_kernel: "翻转卷积核", slide: "滑动", add_bias: "加偏置" },
  timeline: {
    label: "时间轴", first: "回到开头 (Home)", back: "后退一步 (←)", play: "播放（空格键）", pause: "暂停（空格键）", next: "前进一步 (→)", last: "跳到结尾 (End)",
    frame: "帧", scenes: "场景", speed: "速度", at: "{scene}，第 {at} 帧，共 {of} 帧",
  },
  play: {
    hint: "指向一个元素，可看到它依赖什么、什么依赖它；单击固定；双击数字可修改。按键：空格播放，← → 单步，Page Up / Page Down 切换场景，+ − 调速，Esc 取消固定。",
    legend: "颜色", sum: "输出 {at} =", plusBias: "，再加偏置 {bias}",
    dependsOn: "输出 {at} 依赖窗口下的 {all} 个位置，其中 {real} 个是输入元素。",
    inputGoes: "输入 {at} 参与 {count} 个输出：{where}", kernelGoes: "此权重参与 {count} 个输出：{where}", goesNowhere: "没有输出依赖 {at}。",
  },
  legend: { input: "输入", kernel: "卷积核", product: "乘积", output: "输出", padding: "填充", zero: "插入的零" },
};
