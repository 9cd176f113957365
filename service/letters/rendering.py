"""Letters to print batches: one PDF/UA per batch, the same bytes for the same letters and templates."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from itertools import pairwise
from pathlib import Path

import msgspec
import typst

from service.errors import N_, Refused
from service.letters.content import Letter
from service.letters.glyphs import font_folders
from service.letters.texts import TEMPLATES, load_texts
from service.letters.view import View, batch_view

STARTS = "query(<letter>).map(mark => mark.location().page())"
_PAGE_TREE = re.compile(rb"/Type/Pages/Count (\d+)")


class RenderingFailed(Refused):
    """A template or a print batch is at fault; the message names no person."""

    title = N_("The letters could not be rendered")


def render_batch(letters: Sequence[Letter], out: Path, templates: Path | None = None) -> list[int]:
    """Print `letters` into the PDF `out` and return how many pages each takes, in their order.

    Sheets are for one-sided printing: a pass must not have a family's address on its back. `templates` names
    a folder whose files replace ours one by one. Typst keeps memory from one call to the next, so many
    batches belong in `render_batches`. Raises RenderingFailed; `out` is then as it was.
    """
    if not letters:
        raise RenderingFailed(N_("A print batch needs at least one letter."))
    if len({letter.protected for letter in letters}) > 1:
        raise RenderingFailed(N_("Letters to protected addresses go in a print batch of their own."))
    view = batch_view(letters, load_texts(templates))
    with template_root(templates) as root:
        pdf, pages = _compile(view, root)
    _write(out, pdf)
    return pages


@contextmanager
def template_root(templates: Path | None) -> Iterator[Path]:
    """The folder Typst reads: ours, or a short-lived copy of it with the municipality's files laid over."""
    if templates is None:
        yield TEMPLATES
        return
    if not templates.is_dir():
        raise RenderingFailed(N_("The folder named for the letter templates does not exist."))
    with tempfile.TemporaryDirectory(prefix="letter-templates-") as merged:
        shutil.copytree(TEMPLATES, merged, dirs_exist_ok=True)
        shutil.copytree(templates, merged, dirs_exist_ok=True)
        yield Path(merged)


def compiler(view: View, root: Path) -> typst.Compiler:
    """A Typst compiler for a view, which sees no file outside `root` and no font but the pinned ones."""
    return typst.Compiler(
        root / "letters.typ",
        root=root,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"data": msgspec.json.encode(view).decode()},
    )


def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(f) for f in font_folders()]
    )


def _compile(view: View, root: Path) -> tuple[bytes, list[int]]:
    written = datetime.combine(date(*view["date"]), time(12), UTC)
    try:
        machine = compiler(view, root)
        pdf = machine.compile(format="pdf", pdf_standards=["ua-1"], timestamp=written)
        starts = json.loads(machine.eval(STARTS))
    except typst.TypstError as error:
        raise RenderingFailed(
            N_("The letter templates could not be rendered: {reason}."), reason=error.message
        ) from None
    pages = _PAGE_TREE.search(pdf) if isinstance(pdf, bytes) else None
    if not isinstance(pdf, bytes) or not pages or len(starts) != len(view["letters"]):
        raise RenderingFailed(N_("The letter templates must mark the start of every letter with the label <letter>."))
    return pdf, [after - before for before, after in pairwise([*starts, int(pages[1]) + 1])]


def _write(out: Path, pdf: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=".batch-", delete=False) as file:
        part = Path(file.name)
        try:
            file.write(pdf)
            file.flush()
            os.fsync(file.fileno())
            part.replace(out)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
