"""The service's own pages: the explorer at `/`, and `/docs` (Swagger UI) with `/openapi.json`.

What is served is a list made at the start, so no path leads anywhere else. Nothing comes from
the internet and nothing is inline, so that the policy can be strict.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.envelope import exchange_of
from app.api.routing import DirectRoute, answer
from app.api.service import Service
from app.api.static import MEDIA_TYPES, StaticFile
from app.languages import ENGLISH

WEB = Path(__file__).parent.parent / "web"

#: Pages have paths of their own; what they are made of lies below /web.
PAGES = {"/": "index.html", "/docs": "docs.html"}

#: The package that ships Swagger UI's files, below /docs. Its code is not run.
SWAGGER = "fastapi_swagger"
SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")


def swagger_folder() -> Path:
    """Where Swagger UI's files are.

    Raises:
        FileNotFoundError: The package is not installed.
    """
    spec = find_spec(SWAGGER)
    if spec is None or spec.origin is None:
        message = f"Swagger UI's files are missing: install {SWAGGER}"
        raise FileNotFoundError(message)
    return Path(spec.origin).parent / "resources"


def files() -> dict[str, Path]:
    """Path → file, of all that is served."""
    found = {path: WEB / name for path, name in PAGES.items()}
    for file in sorted(WEB.rglob("*")):
        if file.suffix in MEDIA_TYPES and file.name not in PAGES.values():
            found[f"/web/{file.relative_to(WEB).as_posix()}"] = file
    return found | {f"/docs/{name}": swagger_folder() / name for name in SWAGGER_FILES}


def openapi_endpoint(app: Service) -> ASGIApp:
    """The OpenAPI document, made once."""
    content = cache(lambda: orjson.dumps(app.openapi()))

    async def openapi(scope: Scope, _receive: Receive, send: Send) -> None:
        exchange_of(scope).language = ENGLISH
        await answer(send, content())

    return openapi


def routes(app: Service) -> list[DirectRoute]:
    """The pages' routes; the document leaves them out."""
    endpoints: dict[str, ASGIApp] = {"/openapi.json": openapi_endpoint(app)}
    endpoints |= {path: StaticFile(file) for path, file in files().items()}
    return [
        DirectRoute("GET", path, endpoint, is_open=True, include_in_schema=False)
        for path, endpoint in endpoints.items()
    ]
