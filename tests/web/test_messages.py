"""The page's words: in English and in Chinese the same keys, the same values put in, and none that is missing."""

from __future__ import annotations

import re

from app.api.pages import WEB
from tests.web.modules import needs_node, run

pytestmark = needs_node

LANGUAGES = ("en", "zh")


def messages(language: str) -> dict[str, str]:
    """ "section.key" → text."""
    found: dict[str, dict[str, str]] = run(f"messages/{language}.js", "answer = own.default;")
    return {f"{section}.{key}": text for section, texts in found.items() for key, text in texts.items()}


def test_both_languages_say_the_same_things() -> None:
    english, chinese = map(messages, LANGUAGES)
    assert english.keys() == chinese.keys()
    slots = re.compile(r"\{(\w+)\}")
    # How large numbers are counted differs: two megapixels are 200 times ten thousand.
    others = {"image.upTo"}
    for key in english.keys() - others:
        assert set(slots.findall(english[key])) == set(slots.findall(chinese[key])), key
    assert not [key for key in english if not english[key].strip() or not chinese[key].strip()]


def test_what_the_modules_ask_for_is_there() -> None:
    english = messages("en")
    for module in sorted(WEB.rglob("js/*.js")):
        code = re.sub(r"^\s*(//|/?\*).*$", "", module.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for key in re.findall(r"""\bt\(["'](\w+\.\w+)["']""", code):
            assert key in english, f"{module.name}: {key}"


def test_nothing_is_kept_that_no_module_says() -> None:
    code = "".join(module.read_text(encoding="utf-8") for module in sorted(WEB.rglob("js/*.js")))
    named = set(re.findall(r'"(\w+\.\w+)"', code))
    patterns = [re.sub(r"\$\{[^`]*?\}", r"\\w*", name) for name in re.findall(r"t\(`(\w+\.[^`]*)`", code)]
    for name in messages("en").keys() - named:
        assert any(re.fullmatch(pattern, name) for pattern in patterns), name


#: Words that Chinese text has in Latin letters; a letter alone is a formula's.
LATIN = {
    *("API", "Convarith", "Esc", "JSON", "NumPy", "PyTorch", "Page", "Up", "Down", "Home", "End", "PNG", "SVG"),
    *("Sobel", "set_printoptions", "flip_kernel", "output_padding", "zeros"),
}


def test_chinese_is_chinese() -> None:
    for name, text in messages("zh").items():
        words = set(re.findall(r"[A-Za-z_]{2,}", re.sub(r"\{\w+\}", "", text)))
        assert words <= LATIN, f"{name}: {words - LATIN}"
