"""The print provider of an installation that has none: a folder from which somebody prints."""

import os
import shutil
from pathlib import Path


class Outbox:
    """Puts finished batches into a folder, whole or not at all. The same batch again takes its own place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deliver(self, name: str, pdf: Path, manifest: Path) -> None:
        """Copy the PDF and then, as the sign that it is complete, the manifest."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for source, ending in ((pdf, "pdf"), (manifest, "csv")):
            part = self.folder / f".{name}.{ending}.part"
            shutil.copyfile(source, part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(self.folder / f"{name}.{ending}")
