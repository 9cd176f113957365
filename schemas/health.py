"""Whether the service can work."""

from typing import Literal

import msgspec


class Jobs(msgspec.Struct, frozen=True):
    """Jobs as `place job`: those that did not run though they should have, and those whose last run failed."""

    overdue: list[str]
    failed: list[str]


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """`ok` where everything the service needs answers, else `unavailable`; so too for the database alone.

    `jobs` is left out where nothing is known of them.
    """

    status: Literal["ok", "unavailable"]
    database: Literal["ok", "unavailable"]
    jobs: Jobs | msgspec.UnsetType = msgspec.UNSET
