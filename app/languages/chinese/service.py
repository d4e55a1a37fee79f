"""What the service itself says: bodies that cannot be read, fields, statuses."""

from __future__ import annotations

from http import HTTPStatus

#: The phrases of the statuses, which differ between versions of Python.
_STATUSES = {
    400: "请求有误",
    401: "未经认证",
    402: "需要付款",
    403: "禁止访问",
    404: "未找到",
    405: "方法不被允许",
    406: "无法满足 Accept",
    407: "需要代理认证",
    408: "请求超时",
    409: "冲突",
    410: "已不存在",
    411: "需要长度",
    412: "前提条件不满足",
    413: "请求体过大",
    414: "地址过长",
    415: "不支持的媒体类型",
    416: "范围无法满足",
    417: "期望无法满足",
    418: "我是茶壶",
    421: "请求送错了服务器",
    422: "无法处理的请求",
    423: "已锁定",
    424: "依赖的请求失败",
    425: "为时过早",
    426: "需要升级协议",
    428: "需要前提条件",
    429: "请求过多",
    431: "请求头过大",
    451: "因法律原因不可用",
    500: "服务器内部错误",
    501: "尚未实现",
    502: "网关错误",
    503: "服务暂不可用",
    504: "网关超时",
    505: "不支持的 HTTP 版本",
    506: "协商出现循环",
    507: "存储空间不足",
    508: "检测到循环",
    510: "需要扩展",
    511: "需要网络认证",
}

TEMPLATES = {HTTPStatus(status).phrase: phrase for status, phrase in _STATUSES.items()} | {
    # Kinds of problems
    "Malformed body": "请求体格式有误",
    "Too costly": "超出限额",
    "Overflow": "溢出",
    "Invalid request": "请求无效",
    "{count} things are wrong with the request; the first: {first}": "请求中有 {count} 处错误；第一处：{first}",
    # Statuses without a code
    "There is nothing at this path; /docs tells what there is": "这个路径下没有内容；可用的路径见 /docs",
    "This service does not answer to the host name of the request; call it by its own": (
        "本服务不以请求中的主机名提供服务；请使用它自己的主机名"
    ),
    "This service needs a key; send it as Authorization: Bearer, or as X-API-Key": (
        "本服务需要密钥；请用 Authorization: Bearer 或 X-API-Key 发送"
    ),
    "This key is not known here; ask whoever runs the service for another": "这里没有这个密钥；请向服务的运营者索取",
    "One caller may ask {rate}; ask again in {seconds} s": "每个调用者的限额为 {rate}；请在 {seconds} 秒后重试",
    "This path takes {allow}": "这个路径接受 {allow}",
    "Accept takes none of what is served here: {served}": "Accept 不接受这里提供的任何类型：{served}",
    "The Content-Type is {given}; send {taken}": "Content-Type 为 {given}；请发送 {taken}",
    "{first} or {second}": "{first} 或 {second}",
    "The Content-Encoding is {given}; gzip and zstd are taken, one at a time": (
        "Content-Encoding 为 {given}；可用 gzip 或 zstd，每次一种"
    ),
    "The body must keep {rate:g} bytes a second after its first {grace:g} s; send it faster or packed": (
        "请求体在最初 {grace:g} 秒之后必须保持每秒 {rate:g} 字节；请加快发送，或压缩后发送"
    ),
    "The body, unpacked, may be {limit} bytes; {advice}": "请求体解压后最多 {limit} 字节；{advice}",
    "send a smaller one": "请减小它",
    "send a smaller one, or tensors as safetensors": "请减小它，或以 safetensors 发送张量",
    "The parameters of the request are not what the document says": "请求的参数与文档不符",
    "Something went wrong here, not in the request; it is logged under {id}": (
        "出错的是服务端，不是请求；日志中的编号为 {id}"
    ),
    "{count} requests wait already; ask again in a moment": "已有 {count} 个请求在等待；请稍后再试",
    "The requests under way hold all of the memory that there is for them; ask again in a moment": (
        "可用的内存已被正在处理的请求占满；请稍后再试"
    ),
    "The service is stopping; ask again": "服务正在停止；请重试",
    "The service is stopping; ask another": "服务正在停止；请改用另一个实例",
    "The service is starting; ask again in a second": "服务正在启动；请过一秒再试",
    "The head of the request is over {limit} bytes": "请求头超过 {limit} 字节",
    "A request has one Host header; this one has {count}": "请求应有且仅有一个 Host 头；这里有 {count} 个",
    "The Transfer-Encoding is not known here; chunked alone is taken": (
        "这里不支持该 Transfer-Encoding；只能使用 chunked"
    ),
    "Between two parts of the body, or behind it, are over {limit} bytes of extensions or trailers": (
        "请求体的两部分之间或其末尾，分块扩展或尾部字段超过 {limit} 字节"
    ),
    "The head of the request took over {limit:g} s": "请求头的传输超过 {limit:g} 秒",
    "This is not an HTTP request that can be read": "这不是可以读取的 HTTP 请求",
    # JSON
    "the body": "请求体",
    "the JSON of the metadata key parameters": "元数据键 parameters 的内容",
    "{name} is not JSON: {error}": "{name}不是 JSON：{error}",
    "{name} must be a JSON object": "{name}必须是 JSON 对象",
    "{name} has {count} names; no request has that many": "{name}中有 {count} 个名称；没有请求需要这么多",
    "it is nested too deeply": "嵌套过深",
    "it is not UTF-8": "不是 UTF-8 编码",
    "it cannot be read": "无法读取",
    "it ends too early, or half of a surrogate pair stands alone": "结束得太早，或者有不成对的代理字符",
    "a number in it is too large for a double": "其中有一个数超出双精度浮点数的范围",
    "a whole number in it has too many digits": "其中有一个整数位数过多",
    "{what} (byte {byte})": "{what}（字节位置 {byte}）",
    "not as JSON has it": "不合 JSON 语法",
    "invalid character": "无效字符",
    "invalid number": "无效的数",
    "trailing characters": "末尾有多余的字符",
    "trailing comma in array": "数组末尾有多余的逗号",
    "trailing comma in object": "对象末尾有多余的逗号",
    "object keys must be strings": "对象的键必须是字符串",
    "expected ':'": "此处应为 ':'",
    "expected ',' or ']'": "此处应为 ',' 或 ']'",
    "expected ',' or '}}'": "此处应为 ',' 或 '}}'",
    "expected '\"'": "此处应为 '\"'",
    "invalid escape character in string": "字符串中有无效的转义字符",
    "invalid character in unicode escape": "Unicode 转义中有无效字符",
    "invalid utf-16 surrogate pair": "无效的 UTF-16 代理对",
    # safetensors
    "the body is not whole and sound in its Content-Encoding": "请求体按其 Content-Encoding 解压时不完整或已损坏",
    "the first 8 bytes must give the header's length, 2 to {longest}; they give {length} in a body of {size}": (
        "前 8 个字节必须给出头部的长度（2 到 {longest}）；这里给出 {length}，而请求体共 {size} 字节"
    ),
    "the header is not JSON with each name once: {error}": "头部不是名称互不重复的 JSON：{error}",
    "the header must be a JSON object": "头部必须是 JSON 对象",
    "the header's __metadata__ must hold strings alone": "头部的 __metadata__ 只能含有字符串",
    "a name occurs twice": "有一个名称出现了两次",
    "it goes wrong at character {place}": "错误在第 {place} 个字符处",
    "a number in it cannot be read": "其中有一个数无法读取",
    "tensor {name} must have dtype, shape and data_offsets": "张量 {name} 必须有 dtype、shape 和 data_offsets",
    "tensor {name}: dtype, shape or data_offsets are of the wrong kind": (
        "张量 {name}：dtype、shape 或 data_offsets 的类型不对"
    ),
    "tensor {name}: its data_offsets are outside the {size} bytes of data": (
        "张量 {name}：data_offsets 超出了 {size} 字节的数据"
    ),
    "tensor {name}: {bytes} bytes do not hold its shape in {dtype}": (
        "张量 {name}：{bytes} 字节与它的形状和 {dtype} 不符"
    ),
    "the tensors' bytes must follow each other without gap or overlap": ("各张量的字节必须首尾相接，不能有空隙或重叠"),
    "{count} bytes follow the last tensor": "最后一个张量之后还有 {count} 字节",
    "{name} is not known here; a request has the tensors input, kernel and bias, and the metadata key parameters": (
        "这里没有 {name}；请求含有张量 input、kernel 和 bias，以及元数据键 parameters"
    ),
    "{name} has dtype {dtype}; taken are {known}": "{name} 的 dtype 为 {dtype}；可用的有 {known}",
    "{name} has rank {rank}; it must be at most {deepest}": "{name} 的维数为 {rank}；不能大于 {deepest}",
    "{name} has a dimension of 0; each must be at least 1": "{name} 有一维为 0；每一维都不能小于 1",
    "{name} is a tensor of the file; leave it out of the parameters": "{name} 是文件中的张量；请从 parameters 中去掉它",
    "the tensor {name} is missing": "缺少张量 {name}",
    # Fields
    "{name} is missing": "缺少 {name}",
    "'{name}' is not a field here": "这里没有字段 '{name}'",
    "'{name}' is not a field here; did you mean {close}?": "这里没有字段 '{name}'；您是不是要写 {close}？",
    "{name} is for conv_transpose; {op} does not take it: leave it out": (
        "{name} 只用于 conv_transpose；{op} 没有这个字段：请去掉它"
    ),
    "{name} has length {given}; it must be {wanted}": "{name} 的长度为 {given}；必须为 {wanted}",
    "{name} is {kind}; it must be {wanted}": "{name} 是{kind}；必须是{wanted}",
    "{name} is a fraction; it must be a whole number, written without a point": (
        "{name} 是小数；必须是整数，书写时不带小数点"
    ),
    "true": "布尔值 true",
    "false": "布尔值 false",
    "null": "空值 null",
    "an object": "对象",
    "a list": "列表",
    "a string": "字符串",
    "a number": "数",
    "a word": "单词",
    "a whole number": "整数",
    "true or false": "布尔值（true 或 false）",
    "a list of whole numbers": "整数列表",
    "a whole number, or a list of one for each dimension": "整数，或每维一个整数的列表",
    "a whole number, or a list of one for each dimension or of [before, after] pairs, or a word": (
        "整数，或每维一个整数或一对 [before, after] 的列表，或单词"
    ),
    "true, false or a list of views": "布尔值（true 或 false），或视图的列表",
    "steps[{j}] is '{name}'; it must be one of {known}": "steps[{j}] 为 '{name}'；必须是下列之一：{known}",
    "the view {name} is for conv_transpose alone": "视图 {name} 只用于 conv_transpose",
    "the view {name} is named twice": "视图 {name} 出现了两次",
    "spatial_dims is {given}; it must be 1, 2 or 3": "spatial_dims 为 {given}；必须为 1、2 或 3",
    # Tensors as nested lists
    "{field} is nested more than {deepest} lists deep; {deepest} is a batch of volumes with channels": (
        "{field} 的列表嵌套超过 {deepest} 层；{deepest} 层已是一批带通道的三维体数据"
    ),
    "{name} is empty; it must hold at least 1 value": "{name} 是空的；必须至少有 1 个值",
    "{name} has length {length} where {reference} has {wanted}; all must be as long": (
        "{name} 的长度为 {length}，而 {reference} 的长度为 {wanted}；各列表必须一样长"
    ),
    "{name} is not a list where {reference} is one of {wanted} values": (
        "{name} 不是列表，而 {reference} 是有 {wanted} 个值的列表"
    ),
    "{name} is a list where its neighbours are numbers": "{name} 是列表，而与它并列的都是数",
    "{name} is {kind}; it must be a number": "{name} 是{kind}；必须是数",
    "{name} is {kind}; it must be a number, or lists of numbers": "{name} 是{kind}；必须是数，或由数组成的列表",
    "{name} is {value}, outside int64 (-2^63 to 2^63 - 1); write it as a fraction, like 1e19, to compute in floats": (
        "{name} 为 {value}，超出 int64 的范围（-2^63 到 2^63 - 1）；要用浮点数计算，请写成 1e19 这样的形式"
    ),
    "{name} is {value}, which {dtype} cannot hold as a finite number": "{name} 为 {value}，超出 {dtype} 的有限范围",
    "{name} is a fraction by the way it is written, and dtype is int64: write whole numbers without a point or "
    "an exponent, or set dtype to float64": (
        "{name} 按写法是小数，而 dtype 为 int64：整数请不要写小数点或指数，或者将 dtype 设为 float64"
    ),
}
