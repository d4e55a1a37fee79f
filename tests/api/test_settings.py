"""Settings, as the environment holds them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.settings import Settings


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
    [("FLOAT_MACS", "0"), ("THREADS", "many"), ("CORS_ORIGINS", "a.example"), ("CORS_ORIGINS", "https://a/b")],
)
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CONVARITH_{name}", value)
    with pytest.raises(ValidationError):
        Settings()
