"""Texts in the reader's own language.

A language is a table from English templates to its own, with the same names in the braces.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.core.text import Text
from app.languages.chinese import TEMPLATES as CHINESE_TEMPLATES

ENGLISH, CHINESE = "en", "zh"

#: By the tag that Content-Language tells. English needs no table: its templates are the keys.
LANGUAGES: dict[str, Mapping[str, str]] = {ENGLISH: {}, CHINESE: CHINESE_TEMPLATES}


def tell(text: Text, language: str) -> str:
    """The sentence in a language; what its table lacks stays English."""
    return str(text) if language == ENGLISH else _told(text, LANGUAGES[language])


def _told(text: Text, table: Mapping[str, str]) -> str:
    values = {name: _told(value, table) if isinstance(value, Text) else value for name, value in text.values.items()}
    return table.get(text.template, text.template).format_map(values)
