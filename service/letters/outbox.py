"""The print provider of an installation that has none: a folder from which somebody prints."""

import hashlib
import os
import shutil
from pathlib import Path

from service.errors import Refused


class Outbox:
    """Puts finished batches into a folder, whole or not at all; one that somebody took out does not come again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deliver(self, name: str, pdf: Path, manifest: Path) -> None:
        """Move in the PDF and then, as the sign that it is complete, the manifest."""
        digest = hashlib.sha256(pdf.read_bytes()).hexdigest()
        # By what is in it, not by its name: after a restore a number may come again with other letters.
        delivered = self.folder / f".{name}.delivered"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if delivered.exists() and delivered.read_text() == digest:
                return
            for source, ending in ((pdf, "pdf"), (manifest, "csv")):
                part = self.folder / f".{name}.{ending}.part"
                shutil.copyfile(source, part)
                _sync(part)
                part.replace(self.folder / f"{name}.{ending}")
            delivered.write_text(digest)
            _sync(self.folder)
        except OSError as error:
            raise Refused(
                "The outbox {folder} cannot be written: {reason}.", folder=self.folder, reason=error.strerror
            ) from error


def _sync(path: Path) -> None:
    """Let a file or the names in a folder outlive a power cut, before the batch is noted as handed over."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
