"""What of lists and stays waits for a coordinator."""

from typing import Final

from sqlmodel import Session

from service.errors import N_
from service.stays.lists import doubles
from service.web.today import Pile, Waiting, counted, pile_of


def _undecided(session: Session) -> Pile:
    return pile_of(one.since for one in doubles(session) if one.verdict is None)


WAITING: Final = (
    Waiting(
        "lists.receive",
        N_("Lists of families whose receipt is to be confirmed"),
        counted(
            """SELECT count(*), min(received_at) FROM received_list l WHERE confirmed_at IS NULL
            AND NOT EXISTS (SELECT FROM received_list n WHERE (n.season_id, n.municipality_id) =
                (l.season_id, l.municipality_id) AND n.number > l.number)"""
        ),
        "/received-lists",
    ),
    Waiting(
        "lists.receive",
        N_("Families on two lists that seem to have the same child"),
        _undecided,
        "/received-lists/doubles",
    ),
)
"""What waits, in the order shown."""
