"""Letters a second: Typst in print batches, and WeasyPrint on a letter of the same words.

Goals: 400 pages a second on two cores with QR codes, and 500 MB in all whatever the number of letters.
"""

import html
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import segno

from service.letters.batches import LETTERS_PER_BATCH, render_batches
from service.letters.content import Letter
from service.letters.samples import sample_letter
from service.letters.texts import Filled, load_texts
from service.letters.view import letter_view


def run(count: int) -> list[str]:
    """Print so many letters, and 50 of them with WeasyPrint; one line for each: what, measured, goal."""
    return [typst(count), weasyprint(min(count, 50))]


def letters(count: int) -> list[Letter]:
    """Made-up letters with one to three children, each with numbers of its own."""
    return [_numbered(sample_letter("pass", "da", children=1 + at % 3), at) for at in range(count)]


def _numbered(letter: Letter, at: int) -> Letter:
    passes = tuple(
        msgspec.structs.replace(sheet, number=f"AB{child}D-EFG-{at:04}", bare_number=f"AB{child}DEFG{at:04}")
        for child, sheet in enumerate(letter.passes)
    )
    return msgspec.structs.replace(letter, number=f"{at:06}", passes=passes)


def typst(count: int, size: int = LETTERS_PER_BATCH, workers: int = 2) -> str:
    """Render `count` letters in batches of `size` and say how fast and with how much memory."""
    before = _memory(resource.RUSAGE_SELF)
    with tempfile.TemporaryDirectory() as folder:
        started, used = time.perf_counter(), _processor_time()
        pages = sum(sum(batch) for batch in render_batches(_batches(count, size, Path(folder)), workers))
        seconds = time.perf_counter() - started
        used = _processor_time() - used
    memory = workers * _memory(resource.RUSAGE_CHILDREN) + max(before, _memory(resource.RUSAGE_SELF))
    return (
        f"Typst: {count:,} letters, {pages:,} pages in {seconds:.1f} s = {pages / seconds:.0f} pages/s (goal 400), "
        f"{pages / used:.0f} for each second of processor time, at most {memory:.0f} MB in all (goal 500)"
    )


def _batches(count: int, size: int, folder: Path) -> Iterator[tuple[Sequence[Letter], Path]]:
    for start in range(0, count, size):
        yield letters(min(size, count - start)), folder / f"batch-{start}.pdf"


def _processor_time() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _memory(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def weasyprint(count: int) -> str:
    """The same letters as HTML through WeasyPrint, in one process as it runs, times two for two cores."""
    try:
        weasy: Any = import_module("weasyprint")
    except ImportError:
        return "WeasyPrint is not installed: install the dependency group `benchmark` to compare with it."
    texts = load_texts(None)
    page = "<style>@page{size:A4;margin:2cm} .sheet{break-after:page} body{font-family:sans-serif}</style>"
    started = time.perf_counter()
    body = "".join(_as_html(letter_view(letter, texts), letter) for letter in letters(count))
    document = weasy.HTML(string=f"<html lang=da><title>Letters</title>{page}{body}").render(pdf_variant="pdf/ua-1")
    document.write_pdf(pdf_variant="pdf/ua-1")
    rate = 2 * len(document.pages) / (time.perf_counter() - started)
    return f"WeasyPrint: {len(document.pages)} pages, {rate:.0f} pages/s if two cores doubled it"


def _as_html(view: dict[str, Any], letter: Letter) -> str:
    text = view["text"]
    rows = "".join(
        f"<tr><td>{_safe(c['name'])}<td>{c['number']}<td>{_safe(c['amount'])}<td>{_safe(c['period'])}</tr>"
        for c in view["children"]
    )
    shown = ("intro", "steps", "private_use", "keep", "grounds", "rights", "page", "private_code", "ask")
    paragraphs = "".join(f"<p>{_safe(text[key])}</p>" for key in shown)
    address = "<br>".join(map(_safe, view["address"]["lines"]))
    home = f"<div class=sheet><p>{address}</p><h1>{_safe(text['heading'])}</h1><table>{rows}</table>{paragraphs}</div>"
    return home + "".join(
        f"<div class=sheet><h1>{_safe(sheet['name'])}</h1><p>{sheet['number']}</p>{_code(data.bare_number)}"
        f"<p>{_safe(sheet['amount'])}</p><p>{_safe(sheet['period'])}</p><p>{_safe(sheet['steps'])}</p></div>"
        for sheet, data in zip(view["sheets"], letter.passes, strict=True)
    )


def _code(number: str) -> str:
    uri = segno.make(number, error="m", mask=2, micro=False).svg_data_uri(scale=4)
    return f'<img alt="QR" src="{uri}">'


def _safe(filled: Filled | list[str]) -> str:
    return html.escape(filled if isinstance(filled, str) else " ".join(map(str, filled)))
