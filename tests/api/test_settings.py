"""Settings, as the environment holds them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app import settings as module
from app.settings import Settings

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
        ("THREADS", "many"),
        ("CORS_ORIGINS", "a.example"),
        ("CORS_ORIGINS", "https://a/b"),
        ("SHUTDOWN_DELAY", "25"),
    ],
)
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CONVARITH_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


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
