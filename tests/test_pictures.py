"""The pictures of the docs: each is shown somewhere, each that is shown is there, and together they are small."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
MOST_BYTES = 1_500_000


def test_every_picture_is_shown_is_there_and_says_what_it_shows() -> None:
    shown: dict[Path, str] = {}
    for page in (DOCS.parent / "README.md", *DOCS.glob("*.md")):
        for said, where in re.findall(r"!\[([^\]]*)\]\(([^)]+\.png)\)", page.read_text(encoding="utf-8")):
            shown[(page.parent / where).resolve()] = said
    there = set((DOCS / "images").glob("*.png"))
    assert sorted(set(shown) ^ there) == []
    assert [path.name for path, said in shown.items() if len(said) < 10] == []


def test_together_they_are_small() -> None:
    assert sum(path.stat().st_size for path in (DOCS / "images").glob("*")) < MOST_BYTES
