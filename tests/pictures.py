"""`make pictures`: the pictures of the docs, made from a sample letter with made-up people."""

import tempfile
from pathlib import Path

import pypdfium2

from service.letters.checking import preview

_IMAGES = Path(__file__).parents[1] / "docs" / "images"
_POINTS_TO_PIXELS = 1.4


def main() -> None:
    """Write the home sheet and the first pass sheet as PNG."""
    with tempfile.TemporaryDirectory() as folder:
        letter = Path(folder) / "letter.pdf"
        preview("pass", "en", letter)
        pages = pypdfium2.PdfDocument(letter)
        for page, name in ((0, "home-sheet"), (1, "pass-sheet")):
            picture = pages[page].render(scale=_POINTS_TO_PIXELS).to_pil()
            picture.convert("P", palette=1, colors=64).save(_IMAGES / f"{name}.png", optimize=True)
            print(_IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
