"""Which jobs wait for somebody to look at them."""

from service.errors import N_
from service.jobs.queries import alarms
from service.web.today import Waiting, pile_of

WAITING = (
    Waiting(
        "jobs.read",
        N_("Jobs that failed, or did not run in time"),
        lambda session: pile_of(alarm.since for alarm in alarms(session)),
        "/jobs",
    ),
)
