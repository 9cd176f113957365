"""Where two pictures differ: just enough of PNG to see which part of a page a field is printed in."""

import struct
import zlib

_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def changed_area(before: bytes, after: bytes) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) in pixels around all that differs between two PNGs of one size."""
    (rows, size), (others, _) = _rows(before), _rows(after)
    top, bottom, left, right = None, 0, len(rows[0]), 0
    for y, (row, other) in enumerate(zip(rows, others, strict=True)):
        if row == other:
            continue
        changed = [x for x, (a, b) in enumerate(zip(row, other, strict=True)) if a != b]
        top, bottom = y if top is None else top, y + 1
        left, right = min(left, changed[0]), max(right, changed[-1] + 1)
    return None if top is None else (left // size, top, -(-right // size), bottom)


def _rows(png: bytes) -> tuple[list[bytes], int]:
    """The unfiltered rows of an 8-bit PNG without interlacing, and its bytes per pixel (PNG specification, 9.2)."""
    at, data, width, size = 8, b"", 0, 0
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, size = struct.unpack_from(">I", body)[0], _CHANNELS[body[9]]
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    raw, stride = zlib.decompress(data), width * size + 1
    rows: list[bytes] = []
    above = bytes(stride - 1)
    for start in range(0, len(raw), stride):
        above = _unfiltered(raw[start], raw[start + 1 : start + stride], above, size)
        rows.append(above)
    return rows, size


def _unfiltered(kind: int, line: bytes, above: bytes, size: int) -> bytes:
    if kind == 0:
        return line
    row = bytearray(line)
    for x in range(len(row)):
        left = row[x - size] if x >= size else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = above[x]
        elif kind == 3:
            guess = (left + above[x]) // 2
        else:
            guess = _paeth(left, above[x], above[x - size] if x >= size else 0)
        row[x] = (row[x] + guess) & 255
    return bytes(row)


def _paeth(left: int, up: int, corner: int) -> int:
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner
