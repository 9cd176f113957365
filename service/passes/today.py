"""What of the letters with passes waits for somebody."""

from service.errors import N_
from service.passes.letters import RETURNED_WAITING
from service.web.today import Waiting, counted

WAITING = (
    Waiting(
        "letters.send",
        N_("Returned letters, to be sent again"),
        counted(RETURNED_WAITING),
        path="/letters/returned",
    ),
)
