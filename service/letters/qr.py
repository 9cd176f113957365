"""QR codes, drawn as runs of dark modules."""

import re

import segno

_DARK = re.compile(rb"\x01+")


def qr_path(text: str) -> tuple[int, str]:
    """A QR code as (side in modules, SVG path to stroke one module wide), without a quiet zone.

    Error correction M. The mask is fixed: choosing the best of eight takes five times as long, and readers do
    not need it. One stroked path is the fastest of the ways Typst draws a code that stay sharp at every size.
    """
    matrix = segno.make(text, error="m", mask=2, micro=False, boost_error=False).matrix
    runs = (
        f"M{run.start()} {y}.5h{run.end() - run.start()}"
        for y, row in enumerate(matrix)
        for run in _DARK.finditer(bytes(row))
    )
    return len(matrix), "".join(runs)
