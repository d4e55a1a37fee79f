"""Holds answers to the OpenAPI document, one by one or by the thousand."""

from __future__ import annotations

import json
from typing import Any

from jsonschema_rs import Draft202012Validator
from safetensors.numpy import load

from tests.api.client import JSON, PROBLEM, SAFETENSORS

Body = dict[str, Any]


class Documented:
    """An OpenAPI document; its schemas are compiled when they are first needed."""

    def __init__(self, document: Body) -> None:
        self.document = document
        self._validators: dict[tuple[str, str, int, str], Draft202012Validator] = {}

    def schema(self, path: str, method: str, status: int, media_type: str) -> Body:
        """What the document says of an answer; a status or a media type that it lacks is a failure."""
        responses = self.document["paths"][path][method]["responses"]
        assert str(status) in responses, f"{status} is not documented for {method} {path}"
        content = responses[str(status)]["content"]
        assert media_type in content, f"{media_type} is not documented for {status} of {method} {path}"
        found: Body = content[media_type]["schema"]
        return found

    def validator(self, schema: Body) -> Draft202012Validator:
        """One that knows the document's components."""
        return Draft202012Validator(schema | {"components": self.document["components"]})

    def check(self, path: str, method: str, status: int, media_type: str, content: bytes) -> None:
        """The answer is one that the document has, and as it says there."""
        key = path, method, status, media_type
        if key not in self._validators:
            self._validators[key] = self.validator(self.schema(*key))
        if media_type == SAFETENSORS:
            assert "output" in load(content)
            return
        if media_type not in (JSON, PROBLEM):
            return
        answer = json.loads(content)
        self._validators[key].validate(answer)
        if media_type == PROBLEM:
            assert answer["status"] == status
            assert len(content) <= 4096
            assert "errors" not in answer or 1 <= len(answer["errors"]) <= 16
