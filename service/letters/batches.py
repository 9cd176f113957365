"""Many print batches with bounded memory: each is rendered by a short-lived process of its own.

The letters travel over the process's standard input, never in its arguments or in a file, and only page
counts come back. Running this module is that process.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec

from service.errors import N_, Refused, Text
from service.letters.content import Letter
from service.letters.rendering import RenderingFailed, render_batch

LETTERS_PER_BATCH = 100
"""Measured: about 200 MB a process; larger batches render no faster and take more memory (500 letters: 580 MB)."""

_REFUSED = 3


class _Job(msgspec.Struct):
    letters: list[Letter]
    out: str
    templates: str | None


def render_batches(
    batches: Iterable[tuple[Sequence[Letter], Path]], workers: int = 2, templates: Path | None = None
) -> Iterator[list[int]]:
    """Render each batch of letters into its file and yield its pages per letter, in the order of the batches.

    At most `workers` processes run at once and `batches` is read no further ahead, so memory does not grow
    with their number. A batch that fails raises RenderingFailed with one sentence; those before it stay on
    disk.
    """
    waiting: deque[Future[list[int]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for letters, out in batches:
                waiting.append(pool.submit(_render_apart, letters, out, templates, workers))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _render_apart(letters: Sequence[Letter], out: Path, templates: Path | None, workers: int) -> list[int]:
    job = _Job(list(letters), str(out.absolute()), str(templates.absolute()) if templates else None)
    threads = max(1, (os.cpu_count() or 1) // workers)
    process = subprocess.run(
        [sys.executable, "-m", "service.letters.batches"],
        input=msgspec.msgpack.encode(job),
        capture_output=True,
        env={
            **os.environ,
            "RAYON_NUM_THREADS": str(threads),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
    )
    if process.returncode == 0:
        return msgspec.json.decode(process.stdout, type=list[int])
    if process.returncode == _REFUSED:
        raise RenderingFailed(N_("{reason}"), reason=msgspec.json.decode(process.stdout, type=Text))
    raise RenderingFailed(
        N_("The print batch {batch} failed: its process ended with status {status}."),
        batch=out.name,
        status=process.returncode,
    )


def _main() -> int:
    job = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Job)
    try:
        pages = render_batch(job.letters, Path(job.out), Path(job.templates) if job.templates else None)
    except Refused as refused:
        sys.stdout.write(msgspec.json.encode(refused.text, enc_hook=str).decode())
        return _REFUSED
    sys.stdout.write(msgspec.json.encode(pages).decode())
    return 0


if __name__ == "__main__":
    sys.exit(_main())
