"""The certificate of an erasure: what went, how many, up to which day, and who had it done. Numbers and codes only."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from service.database.cluster import write
from service.errors import Refused
from service.identity.actions import Municipality, Tenant


class Certified(msgspec.Struct, frozen=True):
    """Where a certificate lies (JSON, with a text of the same name beside it) and the SHA-256 of the JSON."""

    file: Path
    sha256: str


def certify(folder: Path, place: Municipality | Tenant, run: Any, finished_at: datetime) -> Certified:
    """Write the certificate of a retention run; the same run and instant give the same bytes."""
    kind = place.kind if isinstance(place, Tenant) else "municipality"
    content = {
        "certificate": "medspiller retention 1",
        kind: {"code": place.code, "name": place.name},
        "run": str(run.id),
        "on": run.on_date.isoformat(),
        "started_at": _written(run.started_at),
        "finished_at": _written(finished_at),
        "by": {"door": run.door, "account": run.account_id and str(run.account_id)},
        "rules": [_rule(rule, run.counts.get(rule["what"], {})) for rule in run.rules],
        "total": sum(sum(rows.values()) for rows in run.counts.values()),
    }
    encoded = (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
    file = folder / f"retention-{place.code}-{run.on_date}-{run.id}.json"
    sha256 = hashlib.sha256(encoded).hexdigest()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(file, encoded, mode=0o600)
        write(file.with_suffix(".txt"), _text(content, kind, sha256).encode(), mode=0o600)
    except OSError as error:
        raise Refused(
            "The certificate {file} cannot be written: {reason}.", file=file, reason=error.strerror
        ) from error
    return Certified(file, sha256)


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _rule(rule: dict[str, Any], rows: dict[str, int]) -> dict[str, Any]:
    kept = ("what", "meaning", "counted_from", "months", "way", "cut_off")
    return {name: rule[name] for name in kept} | {"rows": rows, "total": sum(rows.values())}


def _text(content: dict[str, Any], kind: str, sha256: str) -> str:
    by = content["by"]["account"] or f"nobody in person (door: {content['by']['door']})"
    lines = [
        "Certificate of erasure",
        "",
        f"{kind.capitalize() + ':':<13} {content[kind]['name']} ({content[kind]['code']})",
        f"Run:          {content['run']}",
        f"As of:        {content['on']}",
        f"Begun:        {content['started_at']}",
        f"Finished:     {content['finished_at']}",
        f"By account:   {by}",
        "",
    ]
    for rule in content["rules"]:
        if rule["cut_off"] is None:
            lines += [f"{rule['meaning']} ({rule['what']}): kept for good", ""]
            continue
        done = "erased" if rule["way"] == "erase" else "anonymised"
        until = f"up to and including {rule['cut_off']} ({rule['months']} months from {rule['counted_from']})"
        lines.append(f"{rule['meaning']} ({rule['what']})")
        lines.append(f"    {done} {until}: {rule['total']:,}")
        lines += [f"        {table}: {rows:,}" for table, rows in rule["rows"].items()]
        lines.append("")
    return "\n".join([*lines, f"Total: {content['total']:,}", f"SHA-256 of the JSON: {sha256}", ""])
