"""What of the clubs waits for somebody."""

from service.errors import N_
from service.web.today import Waiting, counted

WAITING = (
    Waiting(
        "clubs.change",
        N_("Clubs that have applied"),
        counted("SELECT count(*), min(applied_at) FROM club_application WHERE state = 'waiting'"),
        path="/clubs/applications",
    ),
    Waiting(
        "clubs.approve_account",
        N_("Accounts of clubs, to be approved"),
        counted("SELECT count(*), min(proposed_at) FROM club_payee WHERE state = 'proposed'"),
        path="/clubs/accounts",
    ),
)
