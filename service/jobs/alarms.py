"""Alarms in the log: a job that failed, or did not run though it should have, is told when that is seen first, and
again when it is over.

The worker looks every minute. Where none runs nobody looks but those who watch the web service, so its `/health` and
`/metrics` tell as well.
"""

import logging
import threading
from collections.abc import Sequence

from service.jobs.queries import Measure

_LOG = logging.getLogger("medspiller.jobs")


class AlarmLog:
    """Remembers what this process has told, so that an alarm is a line and not one a minute."""

    def __init__(self) -> None:
        self._raised: set[tuple[str, str, str]] = set()
        self._one_at_a_time = threading.Lock()

    def tell(self, watched: Sequence[Measure]) -> None:
        """Log which alarms are new, as errors, and which are over."""
        raised = {(job.place, job.job, job.alarm) for job in watched if job.alarm}
        with self._one_at_a_time:
            before, self._raised = self._raised, raised
        for level, state, found in (
            (logging.ERROR, "raised", raised - before),
            (logging.INFO, "over", before - raised),
        ):
            for place, job, alarm in sorted(found):
                _LOG.log(level, "alarm", extra={"place": place, "job": job, "alarm": alarm, "state": state})
