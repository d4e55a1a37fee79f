"""What the service does not hold on to: work when it stops, answers that nobody reads, memory of outputs."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress

import httpx
import numpy as np
from safetensors.numpy import save

from tests.api.calls import Server, read_all, serving

BULK = "application/vnd.safetensors"


def test_a_long_computation_ends_with_the_service() -> None:
    """Some minutes of work; the process must not wait for them."""
    body = save({"input": np.ones((3000, 3000), np.float32), "kernel": np.ones((1500, 1500), np.float32)})

    def ask(url: str) -> None:
        try:
            httpx.post(url + "/v1/conv", content=body, headers={"Content-Type": BULK, "Accept": BULK}, timeout=120)
        except httpx.TransportError:
            return

    with serving(float_macs=str(10**14), shutdown_grace="1") as server:
        asking = threading.Thread(target=ask, args=(server.url,))
        asking.start()
        running = "convarith_queue_running 1.0"
        while running not in httpx.get(server.url + "/metrics").text:
            assert asking.is_alive()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=60) == 0
        asking.join()


def minutes() -> bytes:
    """A request for some minutes of work."""
    body = save({"input": np.ones((3000, 3000), np.float32), "kernel": np.ones((1500, 1500), np.float32)})
    head = (
        f"POST /v1/conv HTTP/1.1\r\nHost: x\r\nContent-Type: {BULK}\r\nAccept: {BULK}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def wait_for(server: Server, *lines: str) -> None:
    """Ask for the metrics until they have these lines."""
    for _ in range(1200):
        told = httpx.get(server.url + "/metrics").text.splitlines()
        if set(lines) <= set(told):
            return
        threading.Event().wait(0.05)
    raise TimeoutError(lines)


def test_the_work_of_a_client_that_goes_away_ends() -> None:
    """Whether it is computed or waits; and it keeps no memory."""
    request = minutes()
    with serving(float_macs=str(10**14)) as server:
        with server.connect() as first, server.connect() as third:
            first.sendall(request)
            wait_for(server, "convarith_queue_running 1.0", "convarith_queue_waiting 0.0")
            with server.connect() as second:
                second.sendall(request)
                third.sendall(request)
                wait_for(server, "convarith_queue_running 1.0", "convarith_queue_waiting 2.0")
            wait_for(server, "convarith_queue_running 1.0", "convarith_queue_waiting 1.0")
        wait_for(
            server, "convarith_queue_running 0.0", "convarith_queue_waiting 0.0", "convarith_memory_held_bytes 0.0"
        )
        ones = save({"input": np.ones((400, 400), np.float32), "kernel": np.ones((3, 3), np.float32)})
        headers = {"Content-Type": BULK, "Accept": BULK}
        assert httpx.post(server.url + "/v1/conv", content=ones, headers=headers, timeout=60).status_code == 200


def ask_for_much(connection: socket.socket, more: str = "") -> None:
    """A few bytes that are answered with 4000 × 4000 floats, over a connection that holds little of them."""
    ones = np.ones((1, 1), np.float32)
    body = save({"input": ones, "kernel": ones}, metadata={"parameters": '{"stride":4000,"output_padding":3999}'})
    head = (
        f"POST /v1/conv-transpose HTTP/1.1\r\nHost: x\r\nContent-Type: {BULK}\r\nAccept: {BULK}\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    )
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
    connection.sendall(head.encode() + body)


def test_an_answer_is_counted_until_it_is_read() -> None:
    with serving(body_grace="60") as server, server.connect() as connection:
        ask_for_much(connection, "Connection: close\r\n")
        connection.recv(1)
        wait_for(server, "convarith_queue_running 0.0")
        told = httpx.get(server.url + "/metrics").text
        held = float(told.partition("\nconvarith_memory_held_bytes ")[2].split()[0])
        assert held >= 4000 * 4000 * 4
        received = 1 + len(read_all(connection))
        assert received > 4000 * 4000 * 4
        wait_for(server, "convarith_memory_held_bytes 0.0")


def test_an_answer_that_nobody_reads_is_dropped() -> None:
    with serving(body_grace="0.5") as server, server.connect() as connection:
        ask_for_much(connection)
        threading.Event().wait(4)
        received = 0
        connection.settimeout(60)
        with suppress(ConnectionResetError):
            while part := connection.recv(1 << 20):
                received += len(part)
        assert received < 4000 * 4000 * 4
        assert httpx.get(server.url + "/healthz/live").status_code == 200


#: In a process of its own: a service that stops ends all work of its process.
KEEPING = """
import numpy as np
from app.core.outputs import SMALLEST, new_output
from app.settings import KEPT_BYTES, Settings
from tests.api.client import Client
LARGE = (KEPT_BYTES // 4 + 1,)
large = new_output(LARGE, np.dtype(np.float32))
Client(Settings(access_log=False)).close()
assert not large.flags.owndata
assert new_output(LARGE, np.dtype(np.float32)).flags.owndata
assert not new_output((SMALLEST,), np.dtype(np.float32)).flags.owndata
"""


def test_less_memory_of_outputs_is_kept_than_by_the_core_alone() -> None:
    """A service counts what requests hold, and this comes on top."""
    ended = subprocess.run([sys.executable, "-c", KEEPING], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
