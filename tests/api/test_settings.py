"""Settings, as the environment holds them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app import settings as module
from app.main import create_app
from app.settings import Settings
from tests.api.calls import ask

GIB = 2**30


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVARITH_FLOAT_MACS", "12")
    monkeypatch.setenv("CONVARITH_CORS_ORIGINS", "https://a.example, http://localhost:3000")
    settings = Settings()
    assert settings.float_macs == 12
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLOAT_MACS", "0"),
        ("FLOAT_MACS", str(2**63)),
        ("INT_MACS", "1" + "0" * 30),
        ("TOTAL_MEMORY_BYTES", str(2**64)),
        ("THREADS", "many"),
        ("THREADS", "5000"),
        ("CORS_ORIGINS", "a.example"),
        ("CORS_ORIGINS", "https://a/b"),
        ("SHUTDOWN_DELAY", "25"),
    ],
)
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CONVARITH_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_the_largest_limits_can_be_told() -> None:
    names = ("json_body_bytes", "float_macs", "int_macs", "tensor_elements", "total_memory_bytes", "step_elements")
    shown = ask(create_app(Settings.model_validate(dict.fromkeys(names, 2**63 - 1))), "GET", "/v1/limits").json()
    assert shown["limits"]["float_macs"] == 2**63 - 1


def test_a_machine_of_many_processors_has_no_more_threads_than_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available_threads", lambda: 5000)
    assert Settings().threads == module.MOST_THREADS


@pytest.mark.parametrize(
    ("available", "given", "expected"),
    [
        (24 * GIB, {}, (12 * GIB, GIB)),
        (GIB, {}, (GIB // 2, GIB // 2)),
        (GIB // 2, {}, (GIB // 4 * 10 // 11, GIB // 4 * 10 // 11)),
        (GIB // 8, {}, (GIB // 32, GIB // 32)),
        (GIB, {"memory_bytes": 1000}, (GIB // 2, 1000)),
        (GIB, {"total_memory_bytes": 4 * GIB}, (4 * GIB, GIB)),
        (GIB, {"total_memory_bytes": 1000}, (1000, 1000)),
        (GIB, {"total_memory_bytes": 4 * GIB, "memory_bytes": 3 * GIB}, (4 * GIB, 3 * GIB)),
    ],
)
def test_memory_follows_the_machine(
    monkeypatch: pytest.MonkeyPatch, available: int, given: dict[str, Any], expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(module, "available_memory", lambda: available)
    settings = Settings(**given)
    assert (settings.total_memory_bytes, settings.memory_bytes) == expected


@pytest.mark.parametrize("given", [{"memory_bytes": GIB}, {"memory_bytes": 9, "total_memory_bytes": 8}])
def test_one_request_may_not_need_more_than_all(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]) -> None:
    monkeypatch.setattr(module, "available_memory", lambda: GIB)
    with pytest.raises(ValidationError, match="TOTAL_MEMORY_BYTES"):
        Settings(**given)
