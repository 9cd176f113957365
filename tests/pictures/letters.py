"""Pictures of a sample letter with made-up people."""

import tempfile
from pathlib import Path

import pypdfium2

from service.letters.checking import preview
from tests.pictures.files import write

_POINTS_TO_PIXELS = 1.4


def draw() -> None:
    """The home sheet and the first pass sheet."""
    with tempfile.TemporaryDirectory() as folder:
        letter = Path(folder) / "letter.pdf"
        preview("pass", "en", letter)
        pages = pypdfium2.PdfDocument(letter)
        for page, name in ((0, "home-sheet"), (1, "pass-sheet")):
            write(pages[page].render(scale=_POINTS_TO_PIXELS).to_pil(), name)
