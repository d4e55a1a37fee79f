"""The command line: what it takes, and how it says what it cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from app import settings
from app.__main__ import divide, listen, parser, read_settings
from app.settings import Settings
from tests.api.calls import free_port


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    options = parser().parse_args([])
    assert (options.host, options.port, options.workers) == ("127.0.0.1", 8000, 1)
    monkeypatch.setenv("PORT", "1234")
    assert parser().parse_args([]).port == 1234
    assert parser().parse_args(["--port", "5"]).port == 5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--port", "70000"], "from 0 to 65535, not '70000'"),
        (["--port", "http"], "(--port or $PORT) is a whole number"),
        (["--port", "-1"], "not '-1'"),
        (["--port", "9" * 5000], "from 0 to 65535"),
        (["--workers", "0"], "the number of workers is a whole number from 1 to 512, not '0'"),
    ],
)
def test_arguments_that_cannot_be(capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(arguments)
    assert expected in capsys.readouterr().err


def test_a_variable_that_is_no_port(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "no")
    with pytest.raises(SystemExit):
        parser().parse_args([])
    assert "$PORT" in capsys.readouterr().err


def test_every_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVARITH_FLOAT_MACS", "lots")
    monkeypatch.setenv("CONVARITH_THREADS", "0")
    with pytest.raises(SystemExit, match=r"(?s)CONVARITH_FLOAT_MACS: .*CONVARITH_THREADS: "):
        read_settings()


@pytest.fixture
def own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("own_environment")
def test_workers_divide_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "available_memory", lambda: 3 * 2**29)
    for name in ("CONVARITH_THREADS", "CONVARITH_TOTAL_MEMORY_BYTES"):
        os.environ.pop(name, None)
    alone = Settings.model_construct(_fields_set=set(), threads=7)
    share, memory = divide(alone, 3), 2**28 * 10 // 11  # what the program leaves of half a gibibyte
    assert (share.threads, share.total_memory_bytes, share.memory_bytes) == (2, memory, memory)
    os.environ.pop("CONVARITH_THREADS")
    os.environ.pop("CONVARITH_TOTAL_MEMORY_BYTES")
    least = divide(alone, 100)
    assert (least.threads, least.total_memory_bytes) == (1, 2**25)


@pytest.mark.usefixtures("own_environment")
def test_what_one_worker_has_may_be_set() -> None:
    os.environ |= {"CONVARITH_THREADS": "5", "CONVARITH_TOTAL_MEMORY_BYTES": "3000"}
    share = divide(read_settings(), 3)
    assert (share.threads, share.total_memory_bytes) == (5, 3000)


@pytest.mark.usefixtures("own_environment")
def test_a_share_that_is_too_small_for_one_request() -> None:
    os.environ["CONVARITH_MEMORY_BYTES"] = str(Settings().total_memory_bytes)
    with pytest.raises(SystemExit, match="CONVARITH_MEMORY_BYTES"):
        divide(read_settings(), 2)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 300])
def test_a_host_that_is_not_here(host: str) -> None:
    with pytest.raises(SystemExit, match="Cannot listen on"):
        listen(host, free_port())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_hosts_that_are_here(host: str) -> None:
    with listen(host, 0) as listener:
        assert listener.getsockname()[1] > 0
