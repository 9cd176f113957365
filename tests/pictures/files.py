"""Where the pictures of the docs lie, and how they become small."""

from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_COLOURS = 64


def write(picture: Image.Image, name: str) -> None:
    """Write a picture as PNG with few colours."""
    path = IMAGES / f"{name}.png"
    small = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path} ({path.stat().st_size // 1024} kB)")
