"""Lists that are read page by page."""

from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A page of a list. `next` is the `after` with which the next page is asked for; null on the last page."""

    items: list[Item]
    next: str | None
