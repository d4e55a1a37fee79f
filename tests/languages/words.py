"""What may stay in Latin letters in a Chinese sentence: names, and the letters of formulas."""

from __future__ import annotations

import re

from app.api.schemas import ASKED_DTYPES, CodeParameters, ConvRequest, ConvTransposeRequest, SizeRequest
from app.core.code import FRAMEWORKS
from app.core.problem import METHODS, OPS, PADDING_MODES, PADDING_WORDS
from app.core.views import VIEWS

#: Every word of the contract.
WORDS = {
    *ConvRequest.model_fields,
    *ConvTransposeRequest.model_fields,
    *SizeRequest.model_fields,
    *CodeParameters.model_fields,
    *FRAMEWORKS,
    *(*ASKED_DTYPES, *METHODS, *OPS, *PADDING_MODES, *VIEWS),
    *(word for words in PADDING_WORDS.values() for word in words),
    *("true", "false", "null", "before", "after"),
}

#: Names from outside it.
NAMES = {
    *("JSON", "HTTP", "UTF-8", "UTF-16", "Unicode", "Accept", "Content-Type", "Content-Encoding"),
    *("Authorization", "Bearer", "X-API-Key", "Host", "Transfer-Encoding", "chunked"),
    *("GET", "HEAD", "POST", "/docs", "gzip", "zstd", "safetensors", "dtype", "numpy.linalg.matrix_rank", "1e19"),
    *("application/json", "application/vnd.safetensors", "parameters", "__metadata__", "shape", "data_offsets"),
    *("F32", "F64", "I64", "U8", "I8", "U16", "I16", "U32", "I32", "F16", "BF16", "BOOL"),
}

_words = re.compile(r"[A-Za-z0-9_./+-]*[A-Za-z][A-Za-z0-9_./+-]*")
_quoted = re.compile(r"'[^']*'")
_number = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")


def english_in(text: str) -> list[str]:
    """The words that are neither names, nor quoted, nor letters of a formula, nor numbers."""
    found: list[str] = _words.findall(_quoted.sub("", text))
    return [word for word in found if len(word) > 1 and word not in WORDS | NAMES and not _number.fullmatch(word)]
