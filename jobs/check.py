"""Verifying every night what must always hold: ledgers, totals, the audit trail, the separation of tenants."""

from service.care.checks import CHECKS, unsealed
from service.database.checks import own_checks, run_checks
from service.errors import Refused
from service.jobs.work import Work


def verify(work: Work) -> str:
    """Run every check; what one finds makes the job fail, which is an alarm."""
    app_role = work.database.engine.url.username or ""
    results, tail = run_checks(work.database.owner_url, [*own_checks(app_role), *CHECKS], unsealed)
    wrong = [f"{result.name}: {sentence}" for result in results for sentence in result.found]
    if wrong:
        raise Refused(
            "{count} things are wrong. Run `medspiller database check`. {findings}",
            count=len(wrong),
            findings=" ".join(wrong[:10]),
        )
    return f"{len(results)} checks passed; {tail:,} audit entries are not sealed yet."
