"""Lists page by page: a cursor names the last row that was seen, so rows that come or go meanwhile move nothing."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from schemas.page import Page
from service.errors import FieldError, Invalid

Place = TypeVar("Place")
Row = TypeVar("Row")
Item = TypeVar("Item")

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many items a page has at most.")]
"""The parameter of a handler: `limit: Limit = PAGE`."""
After = Annotated[str | None, QueryParameter(description="The `next` of the page before.")]
"""The parameter of a handler: `after: After = None`."""
PAGE = 50


def encode_cursor(place: object) -> str:
    """Where a list goes on. `place` is what the list is ordered by, of the last row: ids, dates and numbers alone.

    A cursor stands in addresses and logs, and whoever has it can read it: nothing personal may be in it.
    """
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_cursor(after: str | None, form: type[Place]) -> Place | None:
    """The place that `encode_cursor` was given; None for the first page. Refuses what is no cursor, naming `after`."""
    if after is None:
        return None
    try:
        raw = urlsafe_b64decode(after.encode("ascii") + b"=" * (-len(after) % 4))
        return msgspec.json.decode(raw, type=form)
    except (UnicodeEncodeError, binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        wrong = FieldError("after", "is no cursor of this list")
        raise Invalid("The page cannot be found. Ask for the first one again, without `after`.", [wrong]) from None


def page_of(rows: Sequence[Row], limit: int, show: Callable[[Row], Item], place: Callable[[Row], Any]) -> Page[Item]:
    """A page of rows that were asked for with one more than `limit`, which tells whether there is another page."""
    kept = rows[:limit]
    more = len(rows) > limit
    return Page(items=[show(row) for row in kept], next=encode_cursor(place(kept[-1])) if more else None)


def page_by_id(rows: Sequence[Any], limit: int, after: str | None, show: Callable[[Any], Item]) -> Page[Item]:
    """A page of a list that is short enough to be read whole, in the order of the rows' `id`: the oldest first."""
    last = decode_cursor(after, UUID)
    wanted = sorted((row for row in rows if last is None or row.id > last), key=lambda row: row.id)
    return page_of(wanted[: limit + 1], limit, show, lambda row: row.id)
