"""The application over a test's database, made once for all tests of a process that want it alike.

Putting six hundred routes together costs a second of computing, which each test would pay for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from service.app import LOCAL_URL, create_app
from service.database.engine import Database
from service.database.keys import open_keys
from service.jobs.alarms import AlarmLog
from service.web.security import COUNTS


@dataclass
class _Made:
    """An application, and how many servers or clients run it at this moment."""

    app: Litestar
    running: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.app.on_startup.append(self._starts)
        self.app.on_shutdown.append(self._ends)

    async def _starts(self, app: Litestar) -> None:
        if not self.running:
            await app.stores.get(COUNTS).delete_all()
        self.running += 1

    def _ends(self, _: Litestar) -> None:
        self.running -= 1

    def turn_to(self, database: Database) -> None:
        """Work on another database, as if just made: no alarm was told, and when it starts nobody has asked yet."""
        state = self.app.state
        state.database, state.key_ring, state.alarms = database, open_keys(database), AlarmLog()


_MADE: dict[tuple[str, int, tuple[int, ...]], _Made] = {}
# Handlers are told apart by where they lie in memory, so that they must not go.
_KEPT: list[ControllerRouterHandler] = []


def app_over(
    database: Database,
    public_url: str = LOCAL_URL,
    requests_a_minute: int = 600,
    more: Sequence[ControllerRouterHandler] = (),
) -> Litestar:
    """The application as `create_app` makes it, with the test's own handlers. What runs over another database at the
    same time is left alone."""
    wanted = public_url, requests_a_minute, tuple(map(id, more))
    made = _MADE.get(wanted)
    if made is None or (made.running and made.app.state.database is not database):
        made = _MADE[wanted] = _Made(create_app(database, public_url, requests_a_minute))
        for handler in more:
            made.app.register(handler)
        _KEPT.extend(more)
    elif not made.running:
        made.turn_to(database)
    return made.app
