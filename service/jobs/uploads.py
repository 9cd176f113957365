"""Files that people upload for an order: streamed into the home, read by the worker, and gone when the order has ended.

They lie in HOME/uploads/ORDER, so every worker of orders with files needs the same home. They are people's data as the
register sent it: only this system's user may read them, and none stays longer than its order.
"""

import asyncio
import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import ClientException
from litestar.types import Empty
from litestar.utils.scope.state import ScopeState
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from service.database.requests import database_of
from service.errors import N_, FieldError, Invalid, Refused
from service.settings import load

# What was uploaded and never ordered, because the connection or the service broke in between.
LEFT_OVER_AFTER = timedelta(days=2)
_FOLDER, _INCOMING = "uploads", "incoming-"
_PARTS, _LONGEST_FIELD, _MEGABYTE = 20, 10_000, 1_000_000


class TooLarge(Refused):
    """More was uploaded than this installation takes."""

    status = 413
    title = N_("Too large")


class Upload(msgspec.Struct, frozen=True):
    """Files that have come in and wait for their order: their names, and the other fields of the form."""

    folder: Path
    files: tuple[str, ...]
    fields: dict[str, str]

    def attach(self, order_id: UUID) -> None:
        """Give the files to an order, in its transaction. Of an order that has files already these are dropped."""
        place = folder_of(self.folder.parent.parent, order_id)
        try:
            self.folder.rename(place)
        except OSError:
            if not place.exists():
                raise
            self.drop()

    def digest(self) -> bytes:
        """What tells two uploads apart: the names and contents of the files, and the other fields."""
        parts: dict[str, str] = {}
        for name in self.files:
            with (self.folder / f"{name}.csv").open("rb") as file:
                parts[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256(msgspec.json.encode([parts, self.fields], order="deterministic")).digest()

    def drop(self) -> None:
        """Remove the files: nothing was ordered."""
        shutil.rmtree(self.folder, ignore_errors=True)


def folder_of(home: Path, order_id: UUID) -> Path:
    """Where the files of an order lie, as NAME.csv."""
    return home / _FOLDER / str(order_id)


def forget(home: Path, order_id: UUID) -> None:
    """Remove the files of an order that has ended."""
    shutil.rmtree(folder_of(home, order_id), ignore_errors=True)


def waiting(home: Path) -> list[UUID]:
    """The orders for which files lie here."""
    found = []
    for path in (home / _FOLDER).glob("*-*"):
        try:
            found.append(UUID(path.name))
        except ValueError:
            continue
    return found


def sweep(home: Path, ended: Collection[UUID], unfinished: Collection[UUID]) -> None:
    """Remove what lies here for orders that have ended, and what was never ordered and is two days old.

    Ages are by the file system's clock.
    """
    oldest = time.time() - LEFT_OVER_AFTER.total_seconds()
    kept, gone = {str(one) for one in unfinished}, {str(one) for one in ended}
    for path in (home / _FOLDER).glob("*"):
        # Another worker may sweep at the same time, or the order of a file end.
        with suppress(FileNotFoundError):
            if path.name in gone or (path.name not in kept and path.stat().st_mtime < oldest):
                shutil.rmtree(path, ignore_errors=True)


async def receive(request: Request[Any, Any, Any], names: Collection[str]) -> Upload:
    """Keep the files of a multipart form in the home as they come in; at least one, named by the form's fields.

    For a dependency: `Provide(receive…)` on a route with `request_max_body_size=None`, since the limit is this
    installation's own. Refuses other files, a file that comes twice, and more than the limit.
    """
    limit = load().max_upload_mb * _MEGABYTE
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    folder = database_of(request).home / _FOLDER / f"{_INCOMING}{uuid4()}"
    folder.mkdir(parents=True, mode=0o700)
    receiver = _Receiver(folder, names, limit)
    try:
        if ScopeState.from_scope(request.scope).form is Empty:
            await _stream(request, receiver)
        else:
            # The form was read before: the check of a page's hidden token needs it. Large files are on disk then.
            await _copy(request, receiver)
        return receiver.finished()
    except BaseException:
        receiver.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        N_(
            "More than {limit} megabytes were uploaded. Upload the files one at a time, or let the operator raise "
            "MEDSPILLER_MAX_UPLOAD_MB."
        ),
        limit=limit // _MEGABYTE,
    )


class _Receiver:
    """Writes the parts of a form: files to the folder, small fields to memory."""

    def __init__(self, folder: Path, names: Collection[str], limit: int) -> None:
        self._folder, self._names, self._limit, self._taken = folder, names, limit, 0
        self._file: BinaryIO | None = None
        self._files: list[str] = []
        self._name: str | None = None
        self._text = bytearray()
        self._fields: dict[str, str] = {}

    def begin(self, name: str, is_file: bool) -> None:
        self._name, self._text = name, bytearray()
        if not is_file:
            return
        if name not in self._names or name in self._files:
            wrong = FieldError(
                name, "is no file that is taken here: there are {known}", {"known": ", ".join(self._names)}
            )
            if name in self._files:
                wrong = FieldError(name, "comes twice")
            raise Invalid("A file of the upload is wrong.", [wrong])
        self._files.append(name)
        path = self._folder / f"{name}.csv"
        path.touch(mode=0o600)
        self._file = path.open("wb")

    def write(self, data: bytes | bytearray) -> None:
        self._taken += len(data)
        if self._taken > self._limit:
            raise _too_large(self._limit)
        if self._file is not None:
            self._file.write(data)
        elif len(self._text) + len(data) > _LONGEST_FIELD:
            raise Invalid("A field of the upload is too long.", [FieldError(self._name or "body", "is too long")])
        else:
            self._text += data

    def end(self) -> None:
        if self._file is None and self._name is not None:
            self._fields[self._name] = self._text.decode(errors="replace")
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._name = None

    def finished(self) -> Upload:
        if not self._files:
            known = ", ".join(self._names)
            raise Invalid("Upload at least one file: {known}.", known=known)
        return Upload(self._folder, tuple(self._files), self._fields)


async def _stream(request: Request[Any, Any, Any], receiver: _Receiver) -> None:
    kind, options = request.content_type
    if kind != "multipart/form-data" or "boundary" not in options:
        raise Invalid("Upload the files as multipart/form-data, each named by its field.")
    try:
        with PushMultipartParser(options["boundary"], max_segment_count=_PARTS) as parser:
            async for chunk in _chunks(request):
                # Disks wait, the event loop must not.
                await asyncio.to_thread(_take, parser, chunk, receiver)
    except MultipartError as error:
        raise Invalid("The upload broke off or is no well-formed multipart/form-data. Upload it again.") from error


async def _chunks(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """The body in pieces of at least a megabyte; the last is empty, which tells the parser that there is no more."""
    gathered = bytearray()
    async for chunk in request.stream():
        gathered += chunk
        if len(gathered) >= _MEGABYTE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _take(parser: PushMultipartParser, chunk: bytes, receiver: _Receiver) -> None:
    for part in parser.parse(chunk):
        if isinstance(part, MultipartSegment):
            # A form sends a file that nobody chose as one without name and content.
            receiver.begin(part.name or "", bool(part.filename))
        elif part:
            receiver.write(part)
        else:
            receiver.end()


async def _copy(request: Request[Any, Any, Any], receiver: _Receiver) -> None:
    try:
        form = await request.form()
    except ClientException as error:
        raise Invalid("The upload cannot be read. Upload it again.") from error
    for name, value in form.multi_items():
        receiver.begin(name, isinstance(value, UploadFile))
        if isinstance(value, UploadFile):
            while chunk := await value.read(_MEGABYTE):
                await asyncio.to_thread(receiver.write, chunk)
        else:
            receiver.write(str(value).encode())
        receiver.end()
