"""Whether the service can work."""

from typing import Literal

import msgspec


class Health(msgspec.Struct, frozen=True):
    """`ok` where everything the service needs answers, else `unavailable`; so too for the database alone."""

    status: Literal["ok", "unavailable"]
    database: Literal["ok", "unavailable"]
