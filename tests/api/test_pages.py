"""The pages as they are served: what is there and what is not, packed, known again, with a strict policy."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import re
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api import static
from app.api.pages import SWAGGER_FILES, WEB, files
from app.api.static import StaticFile
from app.main import create_app
from app.settings import Settings
from tests.api.calls import ask, serving

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

APP = create_app(Settings())
PAGES = ("/", "/docs")


def get(path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(APP, "GET", path, headers={"Accept-Encoding": "identity", **named})


def test_every_file_of_the_page_is_served_as_it_lies_there() -> None:
    lying = {file for file in WEB.rglob("*") if file.is_file()}
    served = files()
    assert lying == {file for file in served.values() if WEB in file.parents}
    for path, file in served.items():
        response = get(path)
        assert response.status_code == 200, path
        assert response.content == file.read_bytes()
        assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/web/docs.js", "text/javascript; charset=utf-8"),
        ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
        ("/docs/favicon-32x32.png", "image/png"),
    ],
)
def test_media_types(path: str, media_type: str) -> None:
    response = get(path)
    assert response.headers["content-type"] == media_type
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../app/main.py",
        "/docs/%2e%2e/main.py",
        "/docs/__init__.py",
        "/docs//swagger-ui.css",
        "/web",
        "/web/",
        "/web/../main.py",
        "/web/%2e%2e/main.py",
        "/web/..%2fmain.py",
        "/web/docs.js/",
        "/web/docs.js%00.css",
        "/web//docs.js",
        "/web/index.html",
        "/index.html",
        "/WEB/docs.js",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    assert ask(APP, "GET", path).status_code == 404


def test_other_methods_are_refused() -> None:
    response = ask(APP, "POST", "/", content=b"{}")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_nothing_from_elsewhere_and_nothing_inline(page: str) -> None:
    response = get(page)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert not re.search("unsafe|http", policy)
    assert response.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|<style|\sstyle=|\son[a-z]+=|javascript:""", response.text)
    assert all(body == "" for body in re.findall(r"<script[^>]*>(.*?)</script>", response.text, re.DOTALL))
    for link in re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', response.text):
        assert get("/" + link).status_code == 200, link


def modules() -> list[Path]:
    return sorted(WEB.rglob("*.js"))


@pytest.mark.parametrize("module", modules(), ids=lambda file: file.name)
def test_what_a_module_imports_is_served(module: Path) -> None:
    for name in re.findall(
        r"""(?:\bfrom|\bimport|\bimport\()\s*["']([^"']+)["']""", module.read_text(encoding="utf-8")
    ):
        assert name.startswith("."), f"{module.name} takes {name} from elsewhere"
        assert (module.parent / name).resolve() in files().values()


def test_the_page_is_small() -> None:
    """All its files together, every tab and every language, in bytes before they are packed."""
    assert sum(file.stat().st_size for file in WEB.rglob("*") if file.is_file()) < 150_000


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_packed_bodies_unpack_to_the_file(encoding: str) -> None:
    for path in ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"):
        packed = ask(APP, "GET", path, headers={"Accept-Encoding": encoding})
        plain = get(path)
        assert packed.headers["content-encoding"] == encoding
        assert unpacked(packed.headers["content-encoding"], raw(path, encoding)) == plain.content
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
        assert packed.headers["content-type"] == plain.headers["content-type"]
        assert "content-encoding" not in plain.headers
        for response in (packed, plain):
            assert "Accept-Encoding" in response.headers["vary"]


def raw(path: str, encoding: str) -> bytes:
    """A body as it goes over the wire."""
    return asyncio.run(StaticFile(files()[path]).body(encoding))


def unpacked(encoding: str, body: bytes) -> bytes:
    return gzip.decompress(body) if encoding == "gzip" else zstd.decompress(body)


def test_pictures_and_small_files_go_as_they_are(tmp_path: Path) -> None:
    small = tmp_path / "small.css"
    small.write_text("p{}", encoding="utf-8")
    assert StaticFile(small).encodings == ("identity",)
    assert "content-encoding" not in get("/docs/favicon-32x32.png", Accept_Encoding="gzip, zstd").headers


def test_a_file_is_packed_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[int] = []

    def pack(content: bytes) -> bytes:
        packed.append(len(content))
        return gzip.compress(content)

    monkeypatch.setitem(static.PACKERS, "gzip", pack)
    file = StaticFile(files()["/docs/swagger-ui.css"])

    async def all_at_once() -> set[bytes]:
        return set(await asyncio.gather(*(file.body("gzip") for _ in range(8))))

    assert len(asyncio.run(all_at_once())) == 1
    assert len(packed) == 1


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_a_known_file_is_not_sent_again(encoding: str) -> None:
    first = get("/docs/swagger-ui.css", Accept_Encoding=encoding)
    tag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}(-gzip|-zstd)?"', tag)
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = get("/docs/swagger-ui.css", Accept_Encoding=encoding, If_None_Match=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        for name in ("cache-control", "vary"):
            assert again.headers[name] == first.headers[name]
        assert "content-type" not in again.headers


def test_another_encoding_or_content_has_another_tag(tmp_path: Path) -> None:
    tags = {
        get("/docs/swagger-ui.css", Accept_Encoding=encoding).headers["etag"] for encoding in ("gzip", "zstd", "br")
    }
    assert len(tags) == 3
    for tag in ('"other"', tags.pop().strip('"'), '""', ","):
        assert get("/", If_None_Match=tag).status_code == 200
    tagged = []
    for text in ("a", "b"):
        file = tmp_path / f"{text}.js"
        file.write_text(text, encoding="utf-8")
        tagged.append(StaticFile(file).tag)
    assert tagged[0] != tagged[1]


def test_a_page_has_its_headers_in_a_304_too() -> None:
    known = get("/").headers["etag"]
    assert "content-security-policy" in get("/", If_None_Match=known).headers


def test_over_the_wire_by_get_head_and_if_none_match() -> None:
    with (
        serving() as server,
        closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection,
    ):

        def asked(method: str, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response, response.read()

        got, body = asked("GET", "/docs/swagger-ui.css", **{"Accept-Encoding": "gzip"})
        assert gzip.decompress(body) == (files()["/docs/swagger-ui.css"]).read_bytes()
        head, nothing = asked("HEAD", "/docs/swagger-ui.css", **{"Accept-Encoding": "gzip"})
        assert nothing == b""
        kept: Any = ("content-length", "content-type", "content-encoding", "etag", "cache-control", "vary")
        assert [head.headers[name] for name in kept] == [got.headers[name] for name in kept]
        again, nothing = asked(
            "GET", "/docs/swagger-ui.css", **{"Accept-Encoding": "gzip", "If-None-Match": got.headers["etag"]}
        )
        assert (again.status, nothing) == (304, b"")
        assert asked("GET", "/web/../main.py")[0].status == 404


def test_swaggers_page_asks_for_what_is_served() -> None:
    page = (WEB / "docs.html").read_text(encoding="utf-8")
    assert all(f"docs/{name}" in page for name in SWAGGER_FILES)
