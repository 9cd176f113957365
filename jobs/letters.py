"""Sending what is queued: print batches are made, rendered and handed over."""

from service.jobs.work import JOB, Told, Work
from service.letters import printing
from service.letters.outbox import Outbox
from service.passes.compose import compose_letters


def send(work: Work) -> Told:
    """Put what waits into print batches and give them to the print provider; without one they go to the outbox."""
    municipality, home, keys = work.municipality, work.settings.home, work.keys()
    printing.make_batches(work.database, municipality, keys, compose_letters, work.progress)
    sent = printing.hand_over(
        work.database,
        municipality,
        keys,
        Outbox(home / "outbox" / "print" / municipality.code),
        home / "print" / municipality.code,
        None,
        JOB,
        work.progress,
    )
    return Told(f"{sent:,} letters handed over.", {"letters": sent})
