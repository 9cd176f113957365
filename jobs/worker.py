"""The worker: APScheduler keeps the times, procrastinate carries the runs, and carries them again after a failure."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
from apscheduler.schedulers.background import BackgroundScheduler
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as Carried
from psycopg_pool import PoolTimeout

from jobs import clubs, email, offers, referrals
from jobs.orders import ORDERS
from service.clubs import lookups
from service.database.engine import Database
from service.database.tasks import DEFAULT_QUEUE, SCHEMA
from service.identity import mails, messages
from service.jobs import carrier
from service.jobs.actions import tick
from service.jobs.alarms import AlarmLog
from service.jobs.queries import measures
from service.jobs.running import Ran, run
from service.jobs.work import Job, Kind, Kinds, Place, Timetable, places
from service.letters import texting
from service.referrals import outcomes
from service.settings import Settings

_LOG = logging.getLogger("medspiller.jobs")
_HOURS = 12 * 3600
_WAIT = 5


class TriedAgain(Exception):
    """An attempt failed and another is to come; the run log and the worker's log tell why."""

    def __init__(self, attempts: int) -> None:
        super().__init__(f"after attempt {attempts}")
        self.attempts = attempts


class _Backoff(BaseRetryStrategy):
    """5, 25, 125 … seconds after an attempt; a minute where not even the failure could be noted."""

    def get_retry_decision(self, *, exception: BaseException, job: Carried) -> RetryDecision:
        seconds = 5**exception.attempts if isinstance(exception, TriedAgain) else 60
        return RetryDecision(retry_in={"seconds": seconds})


class Worker:
    """Notes what is due and does it. More workers may do so at the same time, on other machines too."""

    def __init__(self, database: Database, settings: Settings, timetable: Timetable, orders: Kinds = ORDERS) -> None:
        self._database, self._settings, self._timetable, self._orders = database, settings, timetable, orders
        self._alarms = AlarmLog()
        self.ran: list[Ran] = []

    def once(self) -> list[Ran]:
        """Do what is due now; what fails is tried again by the next worker, when its time has come."""
        tick(self._database, self._timetable, self._orders)
        self.ran = []
        asyncio.run(self._carry(wait=False))
        self._tell_alarms()
        return self.ran

    def forever(self) -> None:
        """Work until SIGTERM or SIGINT; the run at hand is finished first. A database that goes away is waited for."""
        with self._scheduled():
            while True:
                try:
                    if asyncio.run(self._until_told()):
                        return
                    # A heartbeat that fails ends a carrier without an error.
                    _LOG.error("worker")
                except (ConnectorException, psycopg.Error, PoolTimeout) as error:
                    _LOG.error("worker", exc_info=error)
                time.sleep(_WAIT)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Work in a thread of this process for as long as the block runs: beside the web service, for the demo."""
        loop = asyncio.new_event_loop()
        with self._scheduled():
            carrying = loop.create_task(self._carry(wait=True))
            thread = threading.Thread(target=_until_done, args=(loop, carrying), name="worker")
            thread.start()
            try:
                yield
            finally:
                loop.call_soon_threadsafe(carrying.cancel)
                thread.join()

    @contextmanager
    def _scheduled(self) -> Iterator[None]:
        scheduler = BackgroundScheduler(timezone="UTC")
        scheduler.add_job(
            self._tick, "cron", second=0, misfire_grace_time=_HOURS, coalesce=True, max_instances=1, id="tick"
        )
        scheduler.start()
        # What fell due while no worker ran does not wait for the next minute.
        self._tick()
        try:
            yield
        finally:
            scheduler.shutdown()

    def _tick(self) -> None:
        """A tick that fails is logged; the next comes in a minute."""
        try:
            tick(self._database, self._timetable, self._orders)
            self._tell_alarms()
        except Exception as error:
            _LOG.error("tick", exc_info=error)

    def _tell_alarms(self) -> None:
        with self._database.transaction() as session:
            watched = measures(session)
        self._alarms.tell(watched)

    async def _until_told(self) -> bool:
        """Carry until a signal comes: True. False where the carrying has ended by itself."""
        told = asyncio.Event()
        with _heeding(told):
            carrying = asyncio.create_task(self._carry(wait=True))
            telling = asyncio.create_task(told.wait())
            await asyncio.wait((carrying, telling), return_when=asyncio.FIRST_COMPLETED)
            for task in (carrying, telling):
                task.cancel()
            ended, _ = await asyncio.gather(carrying, telling, return_exceptions=True)
        if isinstance(ended, Exception) and not told.is_set():
            raise ended
        return told.is_set()

    async def _carry(self, *, wait: bool) -> None:
        """Carry runs and, beside them, e-mails and look-ups; where one ends, all do, each with the task at hand."""
        app = self._app()
        async with app.open_async():
            carriers = [
                asyncio.create_task(
                    # Nothing of what is done stays in the queue.
                    app.run_worker_async(queues=[queue], wait=wait, delete_jobs="always", install_signal_handlers=False)
                )
                for queue in (DEFAULT_QUEUE, messages.QUEUE, texting.QUEUE, lookups.QUEUE)
            ]
            try:
                await asyncio.wait(carriers, return_when=asyncio.FIRST_COMPLETED if wait else asyncio.ALL_COMPLETED)
            finally:
                for carrying in carriers:
                    carrying.cancel()
                ended = await asyncio.gather(*carriers, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    raise error

    def _app(self) -> App:
        url = self._database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        session = {"options": f"-c search_path={SCHEMA}", "application_name": "medspiller worker"}
        app = App(connector=PsycopgConnector(conninfo=url, kwargs=session, min_size=1, max_size=11))
        app.task(name=carrier.TASK, retry=_Backoff())(self._run)
        app.task(name=messages.TASK, retry=email.Pauses(), pass_context=True)(self._send)
        app.task(name=texting.TASK, retry=email.Pauses(), pass_context=True)(self._text)
        app.task(name=outcomes.TASK, retry=email.Pauses())(self._tell_referrers)
        app.task(name=mails.TASK, retry=email.Pauses(), pass_context=True)(self._write_link)
        app.task(name=lookups.TASK, retry=email.Pauses(clubs.PAUSES), pass_context=True)(self._look_up)
        return app

    def _send(self, context: JobContext, sealed: str) -> None:
        email.send(self._database, self._settings, sealed, context.job.attempts)

    def _text(self, context: JobContext, sealed: str) -> None:
        offers.send_text(self._database, self._settings, sealed, context.job.attempts)

    def _tell_referrers(self, municipality: str, season: str, family: str) -> None:
        referrals.tell(self._database, municipality, season, family)

    def _write_link(self, context: JobContext, sealed: str) -> None:
        email.write_link(self._database, sealed, context.job.attempts)

    def _look_up(self, context: JobContext, tenant: str, number: str, fresh: int) -> None:
        clubs.ask(self._database, self._settings, tenant, number, bool(fresh), context.job.attempts)

    def _run(self, tenant: str, job: str, period: str) -> None:
        known = self._find(tenant, job)
        if known is None:
            _LOG.warning("job", extra={"job": job, "period": period, "state": "unknown"})
            return
        done = run(self._database, self._settings, known[0], known[1], period, retried=True)
        if done is not None:
            self.ran.append(done)
            if done.state == "queued":
                raise TriedAgain(done.attempts)

    def _find(self, tenant: str, name: str) -> tuple[Job | Kind, Place] | None:
        with self._database.transaction() as session:
            found = [place for place in places(session) if place.id == UUID(tenant)]
        known: list[Job | Kind] = [*self._timetable, *self._orders]
        jobs = [job for job in known if job.name == name]
        return (jobs[0], found[0]) if jobs and found else None


@contextmanager
def _heeding(told: asyncio.Event) -> Iterator[None]:
    """Take the first SIGTERM or SIGINT as being told; a second one does what it did before."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def leave() -> None:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def heed() -> None:
        leave()
        told.set()

    for number in before:
        loop.add_signal_handler(number, heed)
    try:
        yield
    finally:
        leave()


def _until_done(loop: asyncio.AbstractEventLoop, carrying: asyncio.Task[None]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(asyncio.gather(carrying, return_exceptions=True))
    finally:
        loop.close()
