"""`medspiller serve` as a process of its own."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

COMMAND = (sys.executable, "-c", "from service.cli import main; main()", "serve", "--port")


@contextmanager
def started(port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address it printed."""
    process = subprocess.Popen(
        [*COMMAND, str(port), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)["url"]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(installation: Path, number: signal.Signals) -> None:
    with started() as (process, url):
        assert httpx.get(f"{url}/health").json()["status"] == "ok"
        assert httpx.get(f"{url}/Sigrid-Nordahl", params={"q": "Testvej"}).status_code == 404
        secret = {"Authorization": "Bearer medspiller_Geheim", "Cookie": "medspiller=Geheim"}
        assert httpx.get(f"{url}/sign-in/link/Geheim", headers=secret).status_code == 401
        assert httpx.post(f"{url}/sign-in", data={"email": "sigrid@nordahl.example"}).status_code == 403
        process.send_signal(number)
        rest, log = process.communicate(timeout=15)
    assert (process.returncode, rest) == (0, "")
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [(line["route"], line["status"]) for line in lines if line["event"] == "request"]
    assert requests[:2] == [("/health", 200), ("unknown", 404)]
    assert [status for _, status in requests[2:]] == [401, 403]
    for personal in ("Sigrid", "sigrid", "Testvej", "Geheim"):
        assert personal not in log


def test_a_taken_port_is_one_sentence(installation: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([*COMMAND, str(port)], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert str(port) in done.stderr
