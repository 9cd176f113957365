"""The first page: what waits for whoever is signed in, here, by what they may do.

A slice lists what can wait in it as `WAITING` in its `today.py`; `create_app` puts the lists together.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
from litestar import Response, get
from sqlalchemy import text
from sqlmodel import Session

from service.database.requests import transactional
from service.identity.access import AnyRequest, PlaceNotChosen, Principal, principal_of
from service.identity.mails import ROLE_NAMES
from service.identity.permissions import SIGNED_IN
from service.values import clock
from service.web import menu
from service.web.pages import page


class Pile(msgspec.Struct, frozen=True):
    """How many things wait, and since when the oldest does."""

    count: int
    since: datetime | None


class Waiting(msgspec.Struct, frozen=True):
    """Something that can wait for somebody who has the permission.

    `text` names it in English, for any number; `look` finds what waits in the tenant that is acted for; `path` is the
    page where it is done, if there is one. `look_for` is asked in its place where it waits for the service or club
    alone that somebody acts for.
    """

    permission: str
    text: str
    look: Callable[[Session], Pile] | None = None
    path: str | None = None
    look_for: Callable[[Session, Principal], Pile] | None = None

    def pile(self, session: Session, principal: Principal) -> Pile:
        """What waits for somebody."""
        if self.look_for is not None:
            return self.look_for(session, principal)
        return self.look(session) if self.look is not None else Pile(0, None)


class Line(msgspec.Struct, frozen=True):
    """Something that does wait."""

    text: str
    pile: Pile
    path: str | None


def counted(sql: str) -> Callable[[Session], Pile]:
    """A look by a query that gives the count and the oldest instant; `:now` is the clock's."""

    def look(session: Session) -> Pile:
        count, since = session.execute(text(sql), {"now": clock.now()} if ":now" in sql else {}).one()
        return Pile(count, since)

    return look


def pile_of(instants: Iterable[datetime]) -> Pile:
    """Things that wait since these instants."""
    known = list(instants)
    return Pile(len(known), min(known, default=None))


def lines_of(session: Session, waiting: Iterable[Waiting], principal: Principal) -> list[Line]:
    """What waits, the oldest first."""
    lines = [Line(one.text, one.pile(session, principal), one.path) for one in waiting]
    return sorted((line for line in lines if line.pile.count), key=lambda line: line.pile.since or clock.now())


@get(menu.START, sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def today(request: AnyRequest, session: Session) -> Response[str]:
    """What waits for whoever asks."""
    principal = principal_of(request)
    if principal.place is None and principal.places > 1:
        raise PlaceNotChosen
    mine = [one for one in request.app.state.waiting if principal.may(one.permission)]
    lines = lines_of(session, mine, principal)
    return page(request, "web/today.html", lines=lines, watches=bool(mine), roles=ROLE_NAMES)
