"""FastAPI, with this service's envelope around it and its errors in the document."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.api.envelope import Envelope
from app.api.openapi import add_components
from app.api.routing import open_paths_of
from app.settings import Settings


class Service(FastAPI):
    """The application. The envelope is the outermost layer: FastAPI's own cost too much for a small request."""

    def __init__(self, settings: Settings, **described: Any) -> None:
        super().__init__(**described)
        self.state.settings = settings
        self._envelope: Envelope | None = None

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        return add_components(super().openapi(), self.state.settings, open_paths_of(self.routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the routes are those that there are at the first one."""
        if self._envelope is None:
            self._envelope = Envelope(super().__call__, self.routes, self.state.settings)
        await self._envelope(scope, receive, send)
