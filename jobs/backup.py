"""Backing up the database every night."""

import time
from datetime import date, timedelta
from pathlib import Path

from service.database.maintenance import backup
from service.jobs.work import Work

# A backup keeps what retention has removed: it must not live for long.
KEPT = timedelta(days=14)
_PREFIX, _ENDING = "medspiller-", ".dump"
# What a killed worker left half written goes; a backup that takes longer is not begun anew meanwhile.
_LEFT_AFTER = 12 * 3600


def back_up(work: Work) -> str:
    """Write HOME/backups/medspiller-DATE.dump, and remove those that are 14 days older."""
    folder = work.settings.home / "backups"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob(f".{_PREFIX}*{_ENDING}.*"):
        if time.time() - left.stat().st_mtime > _LEFT_AFTER:
            left.unlink()
    made = backup(work.database.owner_url, folder / f"{_PREFIX}{work.on}{_ENDING}", overwrite=True)
    old = [path for path in folder.glob(f"{_PREFIX}*{_ENDING}") if _is_old(path, work.on)]
    for path in old:
        path.unlink()
    return f"{made.bytes:,} bytes written to {Path(made.file).name}; {len(old)} old backups removed."


def _is_old(path: Path, on: date) -> bool:
    try:
        made = date.fromisoformat(path.name.removeprefix(_PREFIX).removesuffix(_ENDING))
    except ValueError:
        return False
    return made <= on - KEPT
