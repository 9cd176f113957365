"""What is printed: manifests and packing letters as PDF/UA on A4, the same bytes for the same content."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

import typst

from service.letters.glyphs import font_folders, printable

_TEMPLATES: Final = Path(__file__).parent / "templates"


def as_pdf(template: str, view: dict[str, Any], written: date) -> bytes:
    """A template with what stands in it."""
    made = typst.Compiler(
        _TEMPLATES / template,
        root=_TEMPLATES,
        font_paths=typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(f) for f in font_folders()]
        ),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(_printable(view))},
    ).compile(format="pdf", pdf_standards=["ua-1"], timestamp=datetime.combine(written, time(12), UTC))
    assert isinstance(made, bytes)
    return made


def _printable(value: Any) -> Any:
    """The same with every text in characters that the fonts can draw."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(one) for one in value]
    return value
