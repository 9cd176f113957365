"""`medspiller worker`, `medspiller jobs` and `python -m jobs`: the timetable with what does it."""

import json
import logging
import signal
import sys
from types import FrameType
from typing import NoReturn

import click
import msgspec

from jobs.orders import ORDERS
from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service import console
from service.errors import Refused
from service.jobs.commands import jobs_commands
from service.settings import load
from service.values import clock
from service.web import log

jobs = jobs_commands(TIMETABLE, ORDERS)


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print one JSON object on standard output.")
def worker(once: bool, as_json: bool) -> None:
    """Do what the timetable says until told to stop; starts the embedded database if it is not running."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        clock.pin(load().now)
        with console.database() as database:
            log.configure()
            for chatty in ("procrastinate", "apscheduler"):
                logging.getLogger(chatty).setLevel(logging.WARNING)
            at_work = Worker(database, load(), TIMETABLE)
            if not once:
                at_work.forever()
                return
            ran = at_work.once()
    except Refused as refusal:
        click.echo(refusal.message, err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps({"ran": msgspec.to_builtins(ran)}, ensure_ascii=False))
    else:
        for done in ran:
            click.echo(f"{done.place} {done.job} {done.period}: {done.state}. {done.result}")
    if any(done.state != "done" and not done.ordered for done in ran):
        sys.exit(1)


def _leave(_: int, __: FrameType | None) -> NoReturn:
    """Told to stop before the work began, or between it and the end: every block is left in order."""
    raise SystemExit(0)


if __name__ == "__main__":
    worker()
