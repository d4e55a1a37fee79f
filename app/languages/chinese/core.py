"""What the core finds wrong with a setting, with arrays and with costs."""

from __future__ import annotations

TEMPLATES = {
    # Numbers, lists and words
    "{name} has type {type}; it must be {wanted}": "{name} 的类型为 {type}；必须是{wanted}",
    "an array of numbers, or lists of them that are as long as each other": "数的数组，或数的列表，且各列表长度相同",
    "{field} is {value}; it must be at least {nearest}": "{field} 为 {value}；不能小于 {nearest}",
    "{field} is {value}; it must be at most {nearest}": "{field} 为 {value}；不能大于 {nearest}",
    "{field} has length {given}; it must be {wanted}": "{field} 的长度为 {given}；必须为 {wanted}",
    "{low} to {high}": "{low} 到 {high}",
    "{field} is {word}; it must be one of {allowed}": "{field} 为 {word}；必须是下列之一：{allowed}",
    "{field} {word} is not for this operation; it takes {allowed}": (
        "{field} 的取值 {word} 不适用于本运算；可用的有 {allowed}"
    ),
    "{field} is for conv_transpose; conv does not take it: leave it out": (
        "{field} 只用于 conv_transpose；conv 没有这个字段：请去掉它"
    ),
    # Channels, groups and bias
    "groups is {groups}; it must divide the input channels ({inside}) and the output channels ({outside})": (
        "groups 为 {groups}；它必须同时整除输入通道数（{inside}）和输出通道数（{outside}）"
    ),
    "groups is {groups}; it must divide the input channels ({inside})": (
        "groups 为 {groups}；它必须整除输入通道数（{inside}）"
    ),
    "the kernel takes {found} channels per group (its second axis); the input has {inside} in "
    "{groups} group(s), so it must be {expected}": (
        "卷积核每组接收 {found} 个通道（第二个轴）；输入有 {inside} 个通道，分为 {groups} 组，因此必须为 {expected}"
    ),
    "the kernel takes {found} channels (its first axis); the input has {inside}, so it must be {inside}": (
        "卷积核接收 {found} 个通道（第一个轴）；输入有 {inside} 个通道，因此必须为 {inside}"
    ),
    "{mismatch}; {remedy}": "{mismatch}；{remedy}",
    "for a bare 3-D volume and kernel set spatial_dims to 3": (
        "若输入和卷积核都是不带通道的三维体数据，请将 spatial_dims 设为 3"
    ),
    "with groups {better} the kernel fits as it is": "groups 取 {better} 时，这个卷积核不用改动就合适",
    "the bias has rank {rank}; it must have shape ({n},), a number for each output channel": (
        "偏置的维数为 {rank}；它的形状必须为 ({n},)，每个输出通道一个数"
    ),
    "the bias has length {length}; it must be {n}, one for each output channel": (
        "偏置的长度为 {length}；必须为 {n}，每个输出通道一个"
    ),
    # Sizes
    "elements": "个元素",
    "rows": "行",
    "columns": "列",
    "planes": "个平面",
    "the kernel reaches over {reach} {axis} and the padded input has {padded}: {remedy}": (
        "卷积核跨越 {reach} {axis}，而填充后的输入只有 {padded} {axis}：{remedy}"
    ),
    "use a smaller kernel or dilation": "请使用更小的卷积核或膨胀率",
    "{change} or use a smaller kernel": "请{change}，或使用更小的卷积核",
    "set {field} to {value}": "将 {field} 设为 {value}",
    "raise {field} by {missing}": "将 {field} 增大 {missing}",
    "padding {pad} is too large for padding_mode {mode} on {i} {axis}; it can be at most {limit}": (
        "padding_mode 为 {mode} 而输入只有 {i} {axis}时，填充 {pad} 过大；至多为 {limit}"
    ),
    "padding takes {crop} off a full map of {full} {axis} and leaves no output: lower it by {excess} in all": (
        "填充要从共 {full} {axis}的完整图上裁去 {crop}，不剩任何输出：请将填充总共减小 {excess}"
    ),
    "{name} is {given}; it must be less than the larger of stride ({s}) and dilation ({d}), so at most {largest}": (
        "{name} 为 {given}；它必须小于步幅（{s}）与膨胀率（{d}）中较大的一个，即至多为 {largest}"
    ),
    "output_size[{j}] is {asked}; with these settings it can be {low} to {high}": (
        "output_size[{j}] 为 {asked}；在这些设置下可以取 {low} 到 {high}"
    ),
    "output_padding and output_size both set the output's size: leave one of them out": (
        "output_padding 和 output_size 都决定输出的大小：请去掉其中一个"
    ),
    "padding {word} sets the output's size by itself: leave output_padding out": (
        "padding 取 {word} 时已经决定了输出的大小：请去掉 output_padding"
    ),
    # Ranks and dtypes
    "the kernel has rank {rank}; it must be 1 or 2 (bare) or 3 to 5 "
    "(channels, channels and 1 to 3 spatial dimensions)": (
        "卷积核的维数为 {rank}；必须为 1 或 2（不带通道），或者 3 到 5（两个通道轴和 1 到 3 个空间维）"
    ),
    "the kernel has rank {rank}; with spatial_dims {n} it must be {n} (bare) or {channels} (two channel axes first)": (
        "卷积核的维数为 {rank}；spatial_dims 为 {n} 时必须为 {n}（不带通道）或 {channels}（前面有两个通道轴）"
    ),
    "the input has rank {rank} and the bare kernel rank {n}: they must be equal; for channels "
    "give the kernel two channel axes first": (
        "输入的维数为 {rank}，而不带通道的卷积核的维数为 {n}：两者必须相等；要有通道，请在卷积核前面加两个通道轴"
    ),
    "the input has rank {rank}; with a kernel of rank {kernel_rank} ({n} spatial dimensions) it must be "
    "{low} (channels first) or {high} (batch and channels first)": (
        "输入的维数为 {rank}；卷积核的维数为 {kernel_rank}（{n} 个空间维）时，"
        "必须为 {low}（通道在前）或 {high}（批和通道在前）"
    ),
    "input and kernel must both have rank 3, 4 or 5; they have {x} and {w}": (
        "输入和卷积核的维数必须同为 3、4 或 5；现在分别为 {x} 和 {w}"
    ),
    "to a single sample add a batch axis: {change}": "单个样本请加上批轴：{change}",
    "input, kernel and bias must share one dtype of {dtypes}; they have {given}: convert them, as by {remedy}": (
        "输入、卷积核和偏置的 dtype 必须相同，且为下列之一：{dtypes}；现在分别为 {given}：请转换，例如 {remedy}"
    ),
    "every dimension must be at least 1": "每一维都不能小于 1",
    # Costs
    "input": "输入",
    "kernel": "卷积核",
    "output": "输出",
    "the {tensor} would have {would_be} elements; the limit is {limit}": (
        "{tensor}将有 {would_be} 个元素；上限为 {limit}"
    ),
    "the steps would have {would_be} elements; the limit is {limit}: ask for fewer views or a smaller input": (
        "各步骤将有 {would_be} 个元素；上限为 {limit}：请减少视图或使用更小的输入"
    ),
    "the script would have {would_be} numbers in it; the limit is {limit}: send a smaller input or kernel": (
        "脚本中将有 {would_be} 个数；上限为 {limit}：请使用更小的输入或卷积核"
    ),
    "the script would make a tensor of {would_be} elements on its way; the limit is {limit}": (
        "脚本在运行中将生成一个有 {would_be} 个元素的张量；上限为 {limit}"
    ),
    "this needs {would_be} bytes of memory; the limit is {limit}": "这需要 {would_be} 字节的内存；上限为 {limit}",
    "stride, dilation and padding make an axis of {would_be} places; the limit is {limit}": (
        "步幅、膨胀率和填充使一个轴长达 {would_be} 个位置；上限为 {limit}"
    ),
    "this takes {would_be} multiply-adds; the limit for {dtype} is {limit}": (
        "这需要 {would_be} 次乘加运算；{dtype} 的上限为 {limit}"
    ),
    "the steps take up to {would_be} multiply-adds, the rank of the matrix most of all; the limit for "
    "{dtype} is {limit}: ask for fewer views or a smaller input": (
        "各步骤最多需要 {would_be} 次乘加运算，其中求矩阵的秩占得最多；"
        "{dtype} 的上限为 {limit}：请减少视图或使用更小的输入"
    ),
    # Overflow
    "the sum of the products' magnitudes can exceed int64's largest number, {limit}: use smaller numbers, "
    "or a float dtype": "乘积绝对值之和可能超过 int64 的最大值 {limit}：请使用更小的数，或改用浮点 dtype",
    "in the view {view} products of magnitude up to {would_be} would be summed; int64 holds up to {limit}: "
    "use smaller numbers, a float dtype, or leave this view out": (
        "在视图 {view} 中，要相加的乘积的绝对值之和可达 {would_be}，而 int64 最多容纳 {limit}："
        "请使用更小的数、浮点 dtype，或去掉这个视图"
    ),
    "the result is too large for {dtype}: use smaller numbers": "结果超出 {dtype} 的范围：请使用更小的数",
    "the result is too large for {dtype}: use smaller numbers or float64": (
        "结果超出 {dtype} 的范围：请使用更小的数或 float64"
    ),
    "a number in the steps is too large for {dtype}: use smaller numbers or leave the steps out": (
        "步骤中有一个数超出 {dtype} 的范围：请使用更小的数，或去掉步骤"
    ),
}
