"""The jobs and the orders in plain words, what comes of them, and the way on from there.

What came of a run is kept as finished English text (`result`) and as ids and counts (`outcome`); from the latter the
pages say it in the reader's language.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from service.errors import N_, Count, Text
from service.jobs.queries import Run
from service.jobs.work import Job


class Words(msgspec.Struct, frozen=True):
    """A job of the timetable: its title, what it does for whom, and what is to be thought of before it is run by hand.

    Without `before` a run by hand harms nothing and is not asked about twice.
    """

    title: str
    does: str
    before: str | None = None


JOBS: Final[Mapping[str, Words]] = {
    "refresh-year": Words(
        N_("Decisions of the year"),
        N_("Decides for every child who is entitled in the new year, issues the passes and queues their letters."),
        N_(
            "Determinations change, passes are issued and letters are queued. A result far off the last one is held "
            "until a second person approves it."
        ),
    ),
    "refresh-month": Words(
        N_("Newly entitled children"),
        N_("Decides anew for every child, so that children who have become entitled get their pass within the month."),
        N_(
            "Determinations change, passes are issued and letters are queued. A result far off the last one is held "
            "until a second person approves it."
        ),
    ),
    "letters": Words(
        N_("Letters to the post"),
        N_("Puts the letters that wait into print batches and hands them over to the print provider."),
        N_("What is handed over is printed and posted. It cannot be called back."),
    ),
    "reservations": Words(
        N_("Reservations that are over"),
        N_("Gives back to the children what clubs had reserved and have not claimed by the last day."),
    ),
    "decisions": Words(
        N_("Decisions for clubs"),
        N_("Tells each club by e-mail what case workers have decided about its claims since the day before."),
    ),
    "payment-run": Words(
        N_("Payment run"),
        N_("Makes the run of a payment date on the day after its cutoff. Two people approve and release it then."),
    ),
    "bank-files": Words(
        N_("Files of the bank"),
        N_("Reads what the bank put into its folder: which payments were carried out, and which came back."),
    ),
    "remittance": Words(
        N_("Advice for clubs"),
        N_("Tells each club by e-mail what it is paid, and draws the claims that are checked by lot."),
    ),
    "seal": Words(
        N_("Seal of the audit trail"),
        N_("Seals the trail's new entries, so that the auditor can see whether somebody changed or removed one."),
    ),
    "retention": Words(
        N_("Erasure"),
        N_("Erases or makes anonymous what has been kept as long as the municipality may keep it."),
        N_("What is erased cannot be had back."),
    ),
    "report": Words(
        N_("Report of the month"),
        N_("Keeps a report of each scheme, with small numbers hidden, for those who follow what the passes achieve."),
    ),
}
"""The municipality's jobs by their names in the timetable."""

ORDERS: Final[Mapping[str, str]] = {
    "register.import": N_("Import of an extract"),
    "register.confirm": N_("Confirmation of an import"),
    "eligibility.refresh": N_("Refresh"),
    "eligibility.approve": N_("Approval of a refresh"),
    "letters.render": N_("Print batches"),
    "letters.hand-over": N_("Hand-over of a print batch"),
    "report.make": N_("Report"),
}
"""What can be ordered, by kind."""

STATES: Final[Mapping[str, str]] = {
    "queued": N_("Waiting"),
    "running": N_("Under way"),
    "done": N_("Done"),
    "failed": N_("Failed"),
    "missed": N_("Missed"),
}

FACTS: Final[Mapping[str, str]] = {
    "persons": N_("Persons"),
    "households": N_("Households"),
    "incomes": N_("Incomes"),
    "decisions": N_("Awards made elsewhere"),
    "rejected": N_("Rejected rows"),
    "unchanged": N_("Without a change"),
    "children": N_("Children"),
    "entitled": N_("Entitled"),
    "not_entitled": N_("Not entitled"),
    "needs_review": N_("For a person to decide"),
    "new": N_("New"),
    "lost": N_("Lost"),
    "passes_issued": N_("Passes issued"),
    "letters_queued": N_("Letters queued"),
    "letters": N_("Letters"),
    "pages": N_("Pages"),
    "batches": N_("Print batches"),
    "held_back": N_("Letters held back"),
    "figures": N_("Figures"),
    "suppressed": N_("Hidden figures"),
}
"""The counts of an outcome that are worth reading, in the order in which they are shown."""


def title_of(job: Job | str) -> str:
    """What people call a job or a kind of order; for what has no words the English of the timetable, or its name."""
    name = job if isinstance(job, str) else job.name
    if name in JOBS:
        return JOBS[name].title
    return ORDERS.get(name, name if isinstance(job, str) else job.says)


def result_of(run: Run) -> Text | None:
    """What came of a run in a sentence that can be translated; None where only the run's English text has it."""
    if run.state != "done" or run.outcome is None:
        return None
    if run.outcome.get("state") == "held" and run.job in JOBS:
        return Text(N_("A result is held, because it is far off the last one. A second person approves it."))
    if run.outcome.get("state") == "held":
        return Text(N_("It is held, because it is far off the last one. Nothing has changed yet."))
    say = _SAID.get(run.job)
    return None if say is None else say(run.outcome)


def facts_of(run: Run) -> list[tuple[str, int]]:
    """The counts of what came of a run, each with its label."""
    outcome = run.outcome if run.state == "done" and run.outcome else {}
    return [(label, int(outcome[name])) for name, label in FACTS.items() if isinstance(outcome.get(name), int)]


def onward_of(run: Run) -> tuple[str, str] | None:
    """Where whoever waited for an order goes next: the address and the link's text; None where it leads nowhere."""
    if run.job not in _PAGES or run.state not in ("done", "failed"):
        return None
    if run.outcome is not None and run.outcome.get("state") == "dry_run":
        return f"/eligibility/dry-runs/{run.id}", N_("See what would change")
    way = _PAGES[run.job]
    found = None if run.outcome is None or way.key is None else run.outcome.get(way.key)
    if run.state == "failed" or (way.key is not None and found is None):
        return way.path, way.back
    return (f"{way.path}/{found}" if found else way.path), way.onward


def _imported(outcome: dict[str, Any]) -> Text:
    if not outcome["rejected"]:
        return Text(N_("Imported: {persons} persons, no row rejected."), {"persons": Count(outcome["persons"])})
    return Text(
        N_("Imported: {persons} persons. {rejected} rows were rejected and wait to be put right."),
        {"persons": Count(outcome["persons"]), "rejected": Count(outcome["rejected"])},
    )


def _refreshed(outcome: dict[str, Any]) -> Text:
    values = {name: Count(outcome[name]) for name in ("entitled", "children", "passes_issued")}
    if outcome["state"] == "committed":
        return Text(N_("{entitled} of {children} children are entitled. {passes_issued} passes were issued."), values)
    return Text(N_("{entitled} of {children} children would be entitled. A dry run: nothing has changed."), values)


def _rendered(outcome: dict[str, Any]) -> Text:
    values = {name: Count(outcome[name]) for name in ("letters", "pages", "batches", "held_back")}
    if outcome["held_back"]:
        said = N_("{letters} letters in {batches} print batches. {held_back} letters are held back.")
        return Text(said, values)
    return Text(N_("{letters} letters on {pages} pages in {batches} print batches."), values)


def _handed_over(outcome: dict[str, Any]) -> Text:
    if not outcome["letters"]:
        return Text(N_("Print batch {batch} had been handed over before."), {"batch": outcome["batch"]})
    values = {"letters": Count(outcome["letters"]), "batch": outcome["batch"]}
    return Text(N_("{letters} letters of print batch {batch} were handed over."), values)


def _reported(outcome: dict[str, Any]) -> Text:
    values = {"suppressed": Count(outcome["suppressed"]), "figures": Count(outcome["figures"])}
    return Text(N_("The report is made; {suppressed} of its {figures} figures are hidden."), values)


def _counted(template: str, name: str) -> Callable[[dict[str, Any]], Text]:
    return lambda outcome: Text(template, {name: Count(outcome[name])})


def _kept(outcome: dict[str, Any]) -> Text:
    if not outcome["reports"]:
        return Text(N_("Nothing has been determined in the period; there is nothing to report."))
    return Text(N_("Reports made: {reports}."), {"reports": Count(outcome["reports"])})


def _payment_run(outcome: dict[str, Any]) -> Text:
    if not outcome["runs"]:
        return Text(N_("No payment run was made: nothing is due, or one stands already."))
    values = {"payments": Count(outcome["payments"]), "claims": Count(outcome["claims"])}
    return Text(N_("A run of {payments} payments for {claims} claims waits for approval."), values)


_SAID: Final[Mapping[str, Callable[[dict[str, Any]], Text]]] = {
    "reservations": _counted(N_("Reservations ended: {reservations}."), "reservations"),
    "decisions": _counted(N_("Clubs told by e-mail: {clubs}."), "clubs"),
    "refresh-year": _refreshed,
    "refresh-month": _refreshed,
    "report": _kept,
    "payment-run": _payment_run,
    "bank-files": _counted(N_("Files of the bank read: {files}."), "files"),
    "remittance": _counted(N_("Clubs told of payments: {clubs}."), "clubs"),
    "seal": _counted(N_("Entries sealed: {entries}."), "entries"),
    "letters": _counted(N_("Letters handed over: {letters}."), "letters"),
    "retention": _counted(N_("Rows erased or made anonymous: {rows}."), "rows"),
    "register.import": _imported,
    "register.confirm": _imported,
    "eligibility.refresh": _refreshed,
    "eligibility.approve": _refreshed,
    "letters.render": _rendered,
    "letters.hand-over": _handed_over,
    "report.make": _reported,
}


class _Way(msgspec.Struct, frozen=True):
    """The page that an order came from, and with the id that its outcome has under `key` the one of what it made."""

    path: str
    back: str
    onward: str
    key: str | None = None


_IMPORTS: Final = _Way("/register/imports", N_("Back to the imports"), N_("See the import"), "id")
_REFRESHES: Final = _Way("/eligibility/refreshes", N_("Back to the refreshes"), N_("See the refresh"), "run")
_BATCHES: Final = _Way("/letters/batches", N_("Back to the print batches"), N_("See the print batches"))

_PAGES: Final[Mapping[str, _Way]] = {
    "register.import": _IMPORTS,
    "register.confirm": _IMPORTS,
    "eligibility.refresh": _REFRESHES,
    "eligibility.approve": _REFRESHES,
    "letters.render": _BATCHES,
    "letters.hand-over": _BATCHES,
    "report.make": _Way("/reports", N_("Back to the reports"), N_("See the reports")),
}
"""By kind of order. Whoever makes a page for what an order brings names it here."""
