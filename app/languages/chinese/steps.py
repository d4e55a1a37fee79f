"""What the steps say: their titles and details, and the phrases in them."""

from __future__ import annotations

TEMPLATES = {
    # Phrases
    "length {size}": "长度 {size}",
    "{size}": "{size}",
    "{before} becomes {after}": "{before} 变为 {after}",
    "elements: {b0} before and {a0} after": "前 {b0}，后 {a0}",
    "rows: {b0} above and {a0} below; columns: {b1} on the left and {a1} on the right": (
        "上 {b0}，下 {a0}；左 {b1}，右 {a1}"
    ),
    "planes: {b0} in front and {a0} behind; rows: {b1} above and {a1} below; "
    "columns: {b2} on the left and {a2} on the right": ("前 {b0}，后 {a0}；上 {b1}，下 {a1}；左 {b2}，右 {a2}"),
    "{first} {second}": "{first}{second}",
    # The bias
    "Add the bias": "加上偏置",
    "Add the bias {bias}": "加上偏置 {bias}",
    "The bias is 0: nothing changes.": "偏置为 0：什么也不变。",
    "The bias {bias} is added to every element of the output.": "输出的每个元素都加上偏置 {bias}。",
    "Each of the {channels} output channels has one number added to all its elements; the first is {bias}.": (
        "{channels} 个输出通道各有一个数，加到该通道的所有元素上；第一个数为 {bias}。"
    ),
    # sliding_window: zeros between the elements
    "Stride 1: no zeros are inserted": "步幅为 1：不插入零",
    "The elements stay next to each other and keep {size}.": "元素仍彼此相邻，大小不变（{size}）。",
    "No zeros are inserted (stride {stride})": "没有零可插入（步幅 {stride}）",
    "Zeros go between neighbours, and with {size} there are none along the strides above 1: nothing changes.": (
        "零插在相邻元素之间，而这个输入（{size}）在步幅大于 1 的方向上没有相邻元素：什么也不变。"
    ),
    "Insert zeros between the elements (stride {stride}): {change}": "在元素之间插入零（步幅 {stride}）：{change}",
    "Insert {zeros} zero between the elements (stride {stride}): {change}": (
        "在元素之间插入 {zeros} 个零（步幅 {stride}）：{change}"
    ),
    "Insert {zeros} zeros between the elements (stride {stride}): {change}": (
        "在元素之间插入 {zeros} 个零（步幅 {stride}）：{change}"
    ),
    "Insert {zeros} zero row and column between the elements (stride {stride}): {change}": (
        "在元素之间插入 {zeros} 行和 {zeros} 列零（步幅 {stride}）：{change}"
    ),
    "Insert {zeros} zero rows and columns between the elements (stride {stride}): {change}": (
        "在元素之间插入 {zeros} 行和 {zeros} 列零（步幅 {stride}）：{change}"
    ),
    "Insert {zeros} zero plane, row and column between the elements (stride {stride}): {change}": (
        "在元素之间插入 {zeros} 个平面、{zeros} 行和 {zeros} 列零（步幅 {stride}）：{change}"
    ),
    "Insert {zeros} zero planes, rows and columns between the elements (stride {stride}): {change}": (
        "在元素之间插入 {zeros} 个平面、{zeros} 行和 {zeros} 列零（步幅 {stride}）：{change}"
    ),
    "Between neighbours come stride − 1 zeros: {zeros}. They take the place of the stride, so the window itself "
    "will move by 1.": "相邻元素之间插入（步幅 − 1）个零：{zeros}。它们代替了步幅，因此窗口本身每次只移动 1。",
    # sliding_window: the padding
    "No padding: the input keeps {size}": "无填充：输入大小不变（{size}）",
    "The padding is 0, so nothing is added around the input.": "填充为 0，因此输入周围不添加任何元素。",
    "Pad with zeros: {change}": "用零填充：{change}",
    "Pad with the mirrored input: {change}": "用输入的镜像填充：{change}",
    "Pad with the elements at the edge: {change}": "用边缘元素填充：{change}",
    "Pad with the elements of the opposite edge: {change}": "用对侧边缘的元素填充：{change}",
    "Zeros are added around the input ({sides}), so that the window can reach over its edge.": (
        "在输入周围补零（{sides}），使窗口能够越过边缘。"
    ),
    "The input is continued by its mirror image, without the edge itself ({sides}).": (
        "输入向外以自身的镜像延续，边缘元素本身不重复（{sides}）。"
    ),
    "The element at the edge is repeated outside it ({sides}).": "边缘元素向外重复（{sides}）。",
    "The input goes on from its opposite edge, as if it were a ring ({sides}).": (
        "输入首尾相接成环，向外从对侧边缘继续（{sides}）。"
    ),
    "Each side gets dilation·(kernel − 1) − padding zeros: {sums}": (
        "每一侧补 d·(k − 1) − p 个零（d 为膨胀率，k 为卷积核大小，p 为填充）：{sums}"
    ),
    "{zeros}; output_padding adds {output_padding} after the last": (
        "{zeros}；output_padding 再在末尾增加 {output_padding}"
    ),
    "{zeros}. That makes {sides}.": "{zeros}。也就是{sides}。",
    "{zeros}. That makes {sides}; a negative number takes away.": "{zeros}。也就是{sides}；负数表示裁去。",
    "No padding: {size} stays": "无填充：大小不变（{size}）",
    "Pad and crop: {change}": "填充并裁剪：{change}",
    "Crop: {change}": "裁剪：{change}",
    # sliding_window: the kernel flipped
    "Flip the kernel": "翻转卷积核",
    "The {size} weights are read backwards": "{size} 个权重按倒序读取",
    "The rows and columns of the {size} kernel are reversed, a turn by 180°": (
        "{size} 卷积核的行和列都反转，即旋转 180°"
    ),
    "The planes, rows and columns of the {size} kernel are reversed": "{size} 卷积核的平面、行和列都反转",
    "{how}, as the mathematical convolution has it; without the flip this is a cross-correlation.": (
        "{how}，这就是数学上的卷积；不翻转则是互相关。"
    ),
    "A kernel of size {size} is the same when it is flipped: nothing changes.": (
        "大小为 {size} 的卷积核翻转前后相同：什么也不变。"
    ),
    "The kernel stays as it is: two flips cancel": "卷积核保持不变：两次翻转相互抵消",
    "A window that gathers needs the kernel flipped, and flip_kernel flips it once more: the two flips cancel.": (
        "收集元素的窗口需要翻转卷积核，而 flip_kernel 又翻转一次：两次翻转相互抵消。"
    ),
    "{how}: a window that gathers meets the weights of a stamp in the opposite order.": (
        "{how}：收集元素的窗口以相反的顺序遇到印章的各个权重。"
    ),
    "{detail} Its channel axes change places inside each group: {before} becomes {after}.": (
        "{detail}它的两个通道轴在每组内互换：{before} 变为 {after}。"
    ),
    # sliding_window: the window slides
    "Slide a window of {kernel} over {size}: {positions} positions give {output}": (
        "窗口（{kernel}）在填充后的输入（{size}）上滑动：{positions} 个位置，得到输出（{output}）"
    ),
    "Slide a window of {kernel} over {size}: {positions} position gives {output}": (
        "窗口（{kernel}）在填充后的输入（{size}）上滑动：{positions} 个位置，得到输出（{output}）"
    ),
    "The window moves with stride {stride}": "窗口以步幅 {stride} 移动",
    "{moves}, and with dilation {dilation} its elements reach over {reach}": (
        "{moves}，其元素因膨胀率 {dilation} 而分散在更大的范围内（{reach}）"
    ),
    "{moves}; it sees {in_group} of {channels} input channels": (
        "{moves}；它只看到 {channels} 个输入通道中的 {in_group} 个"
    ),
    "{moves}. Each output is the sum of {taps} products; the first is {first}.": (
        "{moves}。每个输出是 {taps} 个乘积之和；第一个输出为 {first}。"
    ),
    "{moves}. Each output is a single product; the first is {first}.": (
        "{moves}。每个输出只是一个乘积；第一个输出为 {first}。"
    ),
    # matrix
    "Write the input as a row of {inside} numbers: {letter} is {batch}×{inside}": (
        "把输入写成一行，共 {inside} 个数：{letter} 为 {batch}×{inside}"
    ),
    "Write each of the {batch} inputs as a row of {inside} numbers: {letter} is {batch}×{inside}": (
        "把 {batch} 个输入各写成一行，每行 {inside} 个数：{letter} 为 {batch}×{inside}"
    ),
    "The input of {shape} is a row of {inside} numbers already.": "输入（{shape}）本来就是一行 {inside} 个数。",
    "Row after row, the input of {shape} becomes one row of {inside} numbers.": (
        "输入（{shape}）逐行相接，成为一行 {inside} 个数。"
    ),
    "Plane after plane and row after row, the input of {shape} becomes one row of {inside} numbers.": (
        "输入（{shape}）逐个平面、逐行相接，成为一行 {inside} 个数。"
    ),
    "The {channels} channels of {shape} follow one another.": "{channels} 个通道（{shape}）依次相接。",
    "The {channels} channels of {shape} follow one another, each read row after row.": (
        "{channels} 个通道（{shape}）依次相接，每个通道逐行读取。"
    ),
    "Lay the kernel into a zero map, once for each of the {outside} outputs": (
        "把卷积核放进全零的图里：{outside} 个输出各放一次"
    ),
    "Lay the kernel into a zero map, for the {outside} output": "把卷积核放进全零的图里：为这 {outside} 个输出",
    "Each map has the input's form, {sample}, and holds the weights over the elements that its output sees.": (
        "每张图与输入同形（{sample}），权重放在对应的输出所看到的元素上。"
    ),
    "A weight over the padding is left out.": "落在填充上的权重被略去。",
    "A weight over the padding is added to the element repeated there.": "落在填充上的权重加到该处所重复的元素上。",
    "{matrix} is {inside}×{outside}: one flattened placement a column": (
        "{matrix} 为 {inside}×{outside}：每一列是一张展平的摆放图"
    ),
    "{matrix} is {inside}×{outside}: one row for each input element, one column for each output": (
        "{matrix} 为 {inside}×{outside}：每个输入元素一行，每个输出元素一列"
    ),
    "{matrix} is {inside}×{outside} with rank {rank}": "{matrix} 为 {inside}×{outside}，秩为 {rank}",
    "{matrix} is {inside}×{outside} with rank {rank} (at the default tolerance of numpy.linalg.matrix_rank)": (
        "{matrix} 为 {inside}×{outside}，秩为 {rank}（按 numpy.linalg.matrix_rank 的默认容差）"
    ),
    "{claim}: {reason}": "{claim}：{reason}",
    "square and of full rank, so it has an inverse and the input follows from the output.": (
        "它是满秩的方阵，因此可逆，输入可以由输出还原。"
    ),
    "not square, so it has no inverse; yet its rank is that of all {inside} input numbers, "
    "so the input follows from the output.": (
        "它不是方阵，因此没有逆矩阵；但它的秩等于输入的全部 {inside} 个数，所以输入可以由输出还原。"
    ),
    "square, but its rank is below {inside}, so it has no inverse: different inputs give the same output, "
    "and the input does not follow.": (
        "它是方阵，但秩小于 {inside}，因此没有逆矩阵：不同的输入给出相同的输出，输入无法还原。"
    ),
    "not square, and its rank is below {inside}: different inputs give the same output, "
    "and the input does not follow.": ("它不是方阵，且秩小于 {inside}：不同的输入给出相同的输出，输入无法还原。"),
    "not square, and only {rank} of its {outside} outputs are independent: they cannot hold {inside} numbers, "
    "so the input does not follow.": (
        "它不是方阵，而且 {outside} 个输出中只有 {rank} 个相互独立：它们容纳不下 {inside} 个数，因此输入无法还原。"
    ),
    "not square, and {outside} numbers cannot hold {inside}, so the input does not follow from the output.": (
        "它不是方阵，而且 {outside} 个数容纳不下 {inside} 个数，因此输入无法由输出还原。"
    ),
    "not square, and {outside} number cannot hold {inside}, so the input does not follow from the output.": (
        "它不是方阵，而且 {outside} 个数容纳不下 {inside} 个数，因此输入无法由输出还原。"
    ),
    "{reason} {matrix} is exactly the transpose of the C that conv has on an input of {output} "
    "with the same padding.": (
        "{reason}设 C 为 conv 以相同的填充作用于与本输出同样大小的输入（{output}）时的矩阵，"
        "则 {matrix} 恰好是 C 的转置。"
    ),
    "Read each column of Cᵀ as a kernel of the input's form: {outside} kernels of {sample}": (
        "把 Cᵀ 的每一列看作与输入同形的卷积核：共 {outside} 个（{sample}）"
    ),
    "Read the column of Cᵀ as a kernel of the input's form: {outside} kernel of {sample}": (
        "把 Cᵀ 的这一列看作与输入同形的卷积核：共 {outside} 个（{sample}）"
    ),
    "Each of them times the input, element by element, sums to one output; the first sum is {first}.": (
        "每个卷积核与输入逐元素相乘后求和，得到一个输出；第一个和为 {first}。"
    ),
    "Multiply: {result} = {left}·{matrix}": "相乘：{result} = {left}·{matrix}",
    "A matrix of {batch}×{inside} times one of {inside}×{outside} is one of {batch}×{outside}.": (
        "{batch}×{inside} 的矩阵乘以 {inside}×{outside} 的矩阵，得到 {batch}×{outside} 的矩阵。"
    ),
    "Give the output its form: {form}": "恢复输出的形状：{form}",
    "The {outside} numbers are the output, in the same order.": "这 {outside} 个数按原来的顺序就是输出。",
    "The {outside} numbers are put back in rows, in the same order.": "这 {outside} 个数按原来的顺序重新排成行。",
    # scatter
    "Multiply each input element with the kernel: {count} stamps of {kernel}": (
        "每个输入元素与卷积核相乘：{count} 个印章（{kernel}）"
    ),
    "Multiply the input element with the kernel: {count} stamp of {kernel}": (
        "输入元素与卷积核相乘：{count} 个印章（{kernel}）"
    ),
    "The kernel is flipped, as flip_kernel asks, and the first stamp is it times {first}": (
        "卷积核按 flip_kernel 的要求翻转，第一个印章是它乘以 {first}"
    ),
    "The first stamp is the kernel times {first}": "第一个印章是卷积核乘以 {first}",
    "{stamp}, its elements {dilation} apart": "{stamp}，各元素间隔 {dilation}",
    "{stamp}. The stamp of each element lies at stride times its index (stride {stride}).": (
        "{stamp}。每个元素的印章位于其下标乘以步幅之处（步幅 {stride}）。"
    ),
    "Count the stamps over each place of the whole map: {map}": "数一数整张图上每个位置有几个印章：{map}",
    "The map is (i − 1)·s + kₑ + output_padding long: {sums}.": "图的长度为 (i − 1)·s + kₑ + output_padding：{sums}。",
    "Away from its edge {least} to {most} stamps meet at a place: such uneven overlap draws a checkerboard.": (
        "远离边缘处，每个位置有 {least} 到 {most} 个印章重叠：这样不均匀的重叠会产生棋盘效应。"
    ),
    "Away from its edge every place has {most} stamp: the overlap is even.": (
        "远离边缘处，每个位置都有 {most} 个印章：重叠是均匀的。"
    ),
    "Away from its edge every place has {most} stamps: the overlap is even.": (
        "远离边缘处，每个位置都有 {most} 个印章：重叠是均匀的。"
    ),
    "Add the stamps up on the whole map: {map}": "在整张图上把印章相加：{map}",
    "Where stamps overlap their values are summed, those of the {channels} input channels too.": (
        "印章重叠处的值相加，{channels} 个输入通道的值也一同相加。"
    ),
    "Where stamps overlap their values are summed; where there is none the map is 0.": (
        "印章重叠处的值相加；没有印章的地方为 0。"
    ),
    "The padding of a transposed convolution takes off the map ({sides}).": ("转置卷积的填充是从图上裁去（{sides}）。"),
}
