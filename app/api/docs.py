"""The API's own pages: `/openapi.json`, and `/docs` with Swagger UI from an installed package.

Nothing comes from the internet and nothing is inline, so that the policy can be strict.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.routing import DirectRoute, answer
from app.api.service import Service

OWN = Path(__file__).parent.parent / "web"

#: The package that ships Swagger UI's files. Its code is not run.
PACKAGE = "fastapi_swagger"

CSP = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = ((b"content-security-policy", CSP), (b"referrer-policy", b"no-referrer"))
ASSET_HEADERS = ((b"cache-control", b"public, max-age=3600"),)

#: Path below /docs, file, media type.
ASSETS = (
    ("swagger-ui-bundle.js", "swagger-ui-bundle.js", b"text/javascript; charset=utf-8"),
    ("swagger-ui.css", "swagger-ui.css", b"text/css; charset=utf-8"),
    ("favicon.png", "favicon-32x32.png", b"image/png"),
)


@cache
def swagger_folder() -> Path:
    """Where Swagger UI's files are.

    Raises:
        FileNotFoundError: The package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        message = f"Swagger UI's files are missing: install {PACKAGE}"
        raise FileNotFoundError(message)
    return Path(spec.origin).parent / "resources"


def file_endpoint(file: Path, media_type: bytes, headers: tuple[tuple[bytes, bytes], ...] = ASSET_HEADERS) -> ASGIApp:
    """Answers with one file, read once."""
    content = cache(file.read_bytes)

    async def send_file(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, content(), media_type, headers=headers)

    return send_file


def openapi_endpoint(app: Service) -> ASGIApp:
    """The OpenAPI document, made once."""
    content = cache(lambda: orjson.dumps(app.openapi()))

    async def openapi(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, content())

    return openapi


async def to_docs(_scope: Scope, _receive: Receive, send: Send) -> None:
    """To the documentation, for as long as there is no page of its own here."""
    await answer(send, b"", b"text/plain", 307, [(b"location", b"docs")])


def routes(app: Service) -> list[DirectRoute]:
    """The pages' routes; the document leaves them out."""
    pages = {
        "/": to_docs,
        "/openapi.json": openapi_endpoint(app),
        "/docs": file_endpoint(OWN / "docs.html", b"text/html; charset=utf-8", PAGE_HEADERS),
        "/docs/init.js": file_endpoint(OWN / "docs.js", b"text/javascript; charset=utf-8"),
    }
    for path, file, media_type in ASSETS:
        pages[f"/docs/{path}"] = file_endpoint(swagger_folder() / file, media_type)
    return [DirectRoute("GET", path, endpoint, include_in_schema=False) for path, endpoint in pages.items()]
