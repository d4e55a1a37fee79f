"""The image, really built and run: without rights, on a read-only file system, with no home and no /tmp.

It takes minutes, buildah and root, so only CONVARITH_TEST_IMAGE=1 asks for it. What buildah
needs beyond that, as another base image, comes from CONVARITH_TEST_BUILD_OPTIONS.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.calls import free_port

ROOT = Path(__file__).parent.parent
TOOLS = ("buildah", "setpriv", "unshare")

#: Seconds after which a start has failed by never ending.
HANGS = 120

#: As an orchestrator starts it: process 1 of its own, user 10001, no capability, nothing writable.
RUN = """
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
exec chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups --bounding-set=-all --inh-caps=-all \\
  --no-new-privs env -i "$@"
"""


def why_not() -> str:
    """Why these tests cannot run here; empty where they can."""
    if os.environ.get("CONVARITH_TEST_IMAGE") != "1":
        return "builds and runs the image: asked for by CONVARITH_TEST_IMAGE=1"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        return f"needs root and {', '.join(missing or TOOLS)}"
    return ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@dataclass(frozen=True)
class Image:
    """A built image, mounted."""

    root: str
    config: dict[str, Any]


def buildah(*arguments: str) -> str:
    """What buildah answers."""
    return subprocess.run(["buildah", *arguments], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    options = shlex.split(os.environ.get("CONVARITH_TEST_BUILD_OPTIONS", ""))
    name = f"localhost/convarith-test-{os.getpid()}"
    buildah("bud", "--isolation", "chroot", "--format", "docker", "--tag", name, *options, ".")
    container = buildah("from", name).strip()
    try:
        described = json.loads(buildah("inspect", "--type", "image", name))
        yield Image(buildah("mount", container).strip(), described["Docker"]["config"])
    finally:
        buildah("rm", container)
        buildah("rmi", name)


@contextmanager
def running(image: Image, *arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The image's own command; the process that runs it as its process 1, and its address."""
    port = free_port()
    variables = [*image.config["Env"], f"PORT={port}", *(f"{name}={value}" for name, value in environment.items())]
    in_folder = ["sh", "-c", f'cd {image.config["WorkingDir"]} && exec "$@"', "sh"]
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", RUN, "sh", image.root]
    with subprocess.Popen([*command, *variables, *in_folder, *image.config["Entrypoint"], *arguments]) as process:
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    """Ask until the service says that it is ready."""
    end = time.monotonic() + HANGS
    while time.monotonic() < end:
        assert process.poll() is None
        try:
            if httpx.get(url + "/healthz/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError


def child_of(process: subprocess.Popen[bytes]) -> int:
    """The process that the image's command became."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    return int(children[0])


def first_answer(process: subprocess.Popen[bytes], url: str, body: dict[str, Any]) -> httpx.Response:
    """The first thing that is answered at all, asked for again only while nothing listens."""
    end = time.monotonic() + HANGS
    while time.monotonic() < end:
        assert process.poll() is None
        try:
            return httpx.post(url + "/v1/conv", json=body, timeout=HANGS)
        except httpx.ConnectError:
            time.sleep(0.02)
    raise TimeoutError


def stop(process: subprocess.Popen[bytes]) -> int:
    """Its status after SIGTERM, as `docker stop` sends it."""
    os.kill(child_of(process), signal.SIGTERM)
    return process.wait(timeout=20)


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
def test_it_finds_its_kernels_answers_and_stops(
    image: Image, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    with running(image, *arguments) as (process, url):
        wait_until_ready(process, url)
        body = {"input": [[1, 2], [3, 4]], "kernel": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "stride": 2, "padding": 1}
        answer = httpx.post(url + "/v1/conv-transpose", json=body)
        assert answer.json()["output"] == [[5, 14, 10], [14, 36, 24], [15, 34, 20]]
        assert httpx.get(url + "/docs").status_code == 200
        assert stop(process) == 0
    events = [json.loads(line)["event"] for line in capfd.readouterr().out.splitlines()]
    assert "ready" in events
    assert "compiling" not in events


def test_without_any_rights_its_first_request_is_answered(image: Image) -> None:
    with running(image) as (process, url):
        answer = first_answer(process, url, {"input": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "kernel": [[1, 0], [0, -1]]})
        assert (answer.status_code, answer.json()["output"]) == (200, [[-4, -4], [-4, -4]])
        inside = Path(f"/proc/{child_of(process)}")
        status = dict(line.split(":\t", 1) for line in (inside / "status").read_text(encoding="ascii").splitlines())
        assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
        assert [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
        assert status["NoNewPrivs"] == "1"
        assert os.statvfs(inside / "root").f_flag & os.ST_RDONLY
        assert not re.search(rb"(?:^|\0)HOME=", (inside / "environ").read_bytes())
        assert stop(process) == 0


def test_what_it_runs_belongs_to_others_and_cannot_be_changed(image: Image) -> None:
    for folder in ("srv", "opt/venv"):
        for path in Path(image.root, folder).rglob("*"):
            if not path.is_symlink():
                found = path.stat()
                assert found.st_uid == 0, path
                assert not found.st_mode & 0o6022, path


def test_the_health_check_tells(image: Image) -> None:
    _, _, *arguments = image.config["Healthcheck"]["Test"]
    check = [sys.executable, *arguments]
    with running(image) as (process, url):
        environment = {**os.environ, "PORT": url.rpartition(":")[2]}
        wait_until_ready(process, url)
        assert subprocess.run(check, env=environment, check=False).returncode == 0
        stop(process)
        assert subprocess.run(check, env=environment, check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_it_runs_as_a_numbered_user_and_says_its_port(image: Image) -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.config["User"])
    assert list(image.config["ExposedPorts"]) == ["8000/tcp"]


def test_it_holds_no_tools_to_build_with(image: Image) -> None:
    (packages,) = Path(image.root).glob("opt/venv/lib/python3.*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert "numba" in names
    assert not names & {"pip", "pytest", "scipy", "mypy", "hypothesis"}
    assert {path.name for path in Path(image.root, "srv").iterdir()} == {"app", "kernels"}
