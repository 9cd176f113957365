"""The timetable: what the program does by itself, and when.

Times are by the clock on the wall of the municipality, which may choose its own (`medspiller jobs set`); those of the
installation are UTC. `late` tells how long after its time a run is still made up for, when no worker ran.

A new job is an entry here, with a body that gets a `Work` and returns its result in words. `Whole` is one transaction:
the effect and the note that it is done are committed together. A body of `Steps` does once what it is asked twice.
"""

from datetime import timedelta

from jobs import backup, care, check, claims, letters, offers, payments, refresh, report, trail
from service.jobs.rules import daily, monthly, yearly
from service.jobs.work import Job, Steps, Whole

_DAY, _FORTNIGHT, _MONTH = timedelta(days=1), timedelta(days=14), timedelta(days=31)

TIMETABLE = (
    # For each municipality
    Job(
        "refresh-year",
        "Decide for the year, issue its passes",
        yearly(1, 2, "02:00"),
        _MONTH,
        Whole(refresh.decide),
    ),
    Job("refresh-month", "Find newly entitled children", monthly(15, "02:00"), _FORTNIGHT, Whole(refresh.decide)),
    Job("letters", "Hand letters over to the print provider", daily("06:00"), _DAY, Steps(letters.send)),
    Job("reservations", "End reservations that are over", daily("00:10"), _DAY, Whole(claims.expire)),
    Job("decisions", "Tell clubs what was decided", daily("16:00"), _DAY, Whole(claims.tell)),
    Job("payment-run", "Make the run of the next payment date", daily("05:00"), _FORTNIGHT, Whole(payments.make_run)),
    Job("bank-files", "Read what the bank says", daily("07:00"), _DAY, Steps(payments.read_bank)),
    Job("remittance", "Tell clubs what they are paid", daily("17:00"), _FORTNIGHT, Whole(payments.tell)),
    Job("seal", "Seal the audit trail", daily("00:30"), _DAY, Whole(trail.close)),
    Job("retention", "Erase and anonymise what was kept long enough", daily("04:00"), _DAY, Steps(care.retain)),
    Job(
        "report",
        "Report what the passes achieve",
        monthly(31, "22:00"),
        _MONTH,
        Whole(report.report),
        every_missed=True,
    ),
    # For each volunteer organisation
    Job(
        "offers-end",
        "End offers whose deadline is over",
        daily("00:15"),
        _DAY,
        Whole(offers.expire),
        organisations=True,
    ),
    Job(
        "offers-freed",
        "Offer places that fell free, where the season wants it",
        daily("08:00"),
        _DAY,
        Whole(offers.offer_freed),
        organisations=True,
    ),
    Job("offers-remind", "Remind families to answer", daily("10:00"), _DAY, Whole(offers.remind), organisations=True),
    # For the installation
    Job("backup", "Back up the database", daily("01:00"), _DAY, Steps(backup.back_up), installation=True),
    Job(
        "holidays",
        "Close accounts of seasons, erase what organisations kept long enough",
        daily("04:30"),
        _DAY,
        Steps(care.retain_holidays),
        installation=True,
    ),
    Job("check", "Verify ledgers and trail", daily("03:00"), _DAY, Steps(check.verify), installation=True),
)
