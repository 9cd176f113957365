"""What of the register waits for somebody."""

from service.errors import N_
from service.web.today import Waiting, counted

WAITING = (
    Waiting(
        "register.confirm",
        N_("Imports held, to be confirmed"),
        counted("SELECT count(*), min(imported_at) FROM register_import WHERE state = 'held'"),
        "/register?state=held",
    ),
)
