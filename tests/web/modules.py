"""Runs the page's own modules without a browser, in node."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.api.pages import WEB

NODE = shutil.which("node")

needs_node = pytest.mark.skipif(
    NODE is None, reason="SKIPPED: the page's modules need node to be tested without a browser"
)


@cache
def copied() -> tempfile.TemporaryDirectory[str]:
    """The modules beside a package.json, without which node does not take them for modules."""
    folder = tempfile.TemporaryDirectory()
    shutil.copytree(WEB, folder.name, dirs_exist_ok=True)
    Path(folder.name, "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return folder


def evaluate(script: str, given: Any = None) -> Any:
    """What `script` leaves in `answer`, a BigInt as text with an n. It has `given`, and may import "./js/…"."""
    program = f"""
      const given = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
      let answer;
      {script}
      console.log(JSON.stringify(answer, (_key, value) => (typeof value === "bigint" ? `${{value}}n` : value)));
    """
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", program],
        cwd=copied().name,
        input=json.dumps(given),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(module: str, script: str, given: Any = None) -> Any:
    """What `script` leaves in `answer`; it has the module as `own`, and `given`."""
    return evaluate(f'const own = await import("./{module}"); {script}', given)
