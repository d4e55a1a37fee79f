"""Runs the page's own modules without a browser, in node."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from typing import Any

import pytest

from app.api.pages import WEB

NODE = shutil.which("node")

needs_node = pytest.mark.skipif(
    NODE is None, reason="SKIPPED: the page's modules need node to be tested without a browser"
)


def run(module: str, script: str, given: Any = None) -> Any:
    """What `script` leaves in `answer`; it has the module (one that imports no other) as `own`, and `given`."""
    source = base64.b64encode((WEB / module).read_bytes()).decode()
    program = f"""
      const own = await import("data:text/javascript;base64,{source}");
      const given = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
      let answer;
      {script}
      console.log(JSON.stringify(answer));
    """
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", program],
        input=json.dumps(given),
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
