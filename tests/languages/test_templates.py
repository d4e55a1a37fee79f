"""Every sentence that the source can say has its Chinese, with the same values in it."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from app.core.text import say
from app.languages import CHINESE, ENGLISH, tell
from app.languages.chinese import core, service, steps
from tests.languages import templates as reading
from tests.languages.templates import PHRASES, UnclearError, templates
from tests.languages.words import english_in

SAID = templates()
TABLES = {"core.py": core.TEMPLATES, "steps.py": steps.TEMPLATES, "service.py": service.TEMPLATES}
CHINESE_TEMPLATES = core.TEMPLATES | steps.TEMPLATES | service.TEMPLATES

HAN = "\u4e00-\u9fff"


def fields(template: str) -> set[tuple[str, str]]:
    """The names in a template's braces, each with its format."""
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(template) if name is not None}


def test_every_sentence_has_its_chinese() -> None:
    missing = {place: template for template, place in SAID.items() if template not in CHINESE_TEMPLATES}
    assert not missing, f"add these to a table of app/languages/chinese: {missing}"


def test_nothing_is_translated_that_is_never_said() -> None:
    stale = set(CHINESE_TEMPLATES) - set(SAID)
    assert not stale, f"take these out of app/languages/chinese: {stale}"


def test_no_sentence_is_in_two_tables() -> None:
    assert sum(map(len, TABLES.values())) == len(CHINESE_TEMPLATES)


@pytest.mark.parametrize("table", TABLES)
def test_the_values_are_the_same(table: str) -> None:
    different = [english for english, chinese in TABLES[table].items() if fields(english) != fields(chinese)]
    assert different == []


@pytest.mark.parametrize("table", TABLES)
def test_what_stays_english_is_a_name(table: str) -> None:
    left = {chinese: english_in(re.sub(r"\{\w*(:g)?\}", "1", chinese)) for chinese in TABLES[table].values()}
    assert {chinese: words for chinese, words in left.items() if words} == {}


@pytest.mark.parametrize("table", TABLES)
def test_it_is_set_as_chinese_is(table: str) -> None:
    """Full-width marks around Chinese, and a space between it and a word or number of another script."""
    wrong = re.compile(rf"[{HAN}][,;:!?()A-Za-z0-9]|[,;:!?()A-Za-z0-9][{HAN}]|[，；：。（）] | [，；：。（）]")
    assert [chinese for chinese in TABLES[table].values() if wrong.search(chinese)] == []


def test_most_of_it_is_chinese_at_all() -> None:
    same = {english for english, chinese in CHINESE_TEMPLATES.items() if not re.search(f"[{HAN}]", chinese)}
    assert all(re.fullmatch(r"[\W\d]*", re.sub(r"\{\w+\}", "", template)) for template in same), same


def test_a_phrase_in_a_sentence_is_told_too() -> None:
    text = say("{claim}: {reason}", claim=say("the body"), reason=say("{first} or {second}", first="a", second="b"))
    assert tell(text, ENGLISH) == "the body: a or b"
    assert tell(text, CHINESE) == "请求体：a 或 b"


def test_what_is_not_in_the_table_stays_english() -> None:
    assert tell(say("{n} zebras", n=3), CHINESE) == "3 zebras"


# The reading of the source


def said_by(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The templates of a file with this text."""
    monkeypatch.setattr(reading, "SOURCE", folder)
    (folder / "said.py").write_text(source, encoding="utf-8")
    return set(templates())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('say("a")', {"a"}),
        ('say("a" "b", x=1)', {"ab"}),
        ('say("a" if x else "b" if y else "c")', {"a", "b", "c"}),
        ('T = "a"\ndef f():\n    say(T)', {"a"}),
        ('def f():\n    t = "a"\n    if x:\n        t = "b"\n    say(t)', {"a", "b"}),
        ('t = "a"\ndef f():\n    t = "b"\n    say(t)', {"b"}),
        ('c, t = 1, "a"\nsay(t)', {"a"}),
        ('T = {1: "a", 2: "b" "c"}\nsay(T[n])', {"a", "bc"}),
        ('T: dict = {1: "a"}\nU = {1: "b"}\nsay((T if x else U)[n])', {"a", "b"}),
        ("say(HTTPStatus(status).phrase)", set(PHRASES)),
        ('other("a")', set()),
    ],
)
def test_templates_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, expected: set[str]) -> None:
    assert said_by(tmp_path, source, monkeypatch) == expected


@pytest.mark.parametrize(
    "source",
    [
        'say("a" + b)',
        'say(f"{a}")',
        "say(imported)",
        "def f(t):\n    say(t)",
        't = "a"\nt += "b"\nsay(t)',
        'say("a".lower())',
    ],
)
def test_a_template_in_pieces_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    with pytest.raises(UnclearError, match=r"said\.py:\d"):
        said_by(tmp_path, source, monkeypatch)
