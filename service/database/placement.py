"""Where an embedded database lies, and as whom its server runs.

PostgreSQL refuses to run as root. An ordinary user's server runs as that user, and everything lies in
`HOME/postgres`. Root's server runs as a system user of its own, `medspiller-postgres`. Where that user cannot
enter the home (one under /root, say) nobody's folder is opened up for it: the data then lie in
`/var/lib/medspiller/DIGEST`, and `HOME/postgres/location` names that folder. Where it cannot reach the
binaries it gets a copy of them there.
"""

import os
import pwd
import secrets
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from service.database import postmaster
from service.database.cluster import SYSTEM_FOLDER, Cluster, digest, enters, write
from service.errors import Refused

ACCOUNT = "medspiller-postgres"


def locate(folder: Path) -> Cluster:
    """Find, or choose once and for all, where the database of `folder` (HOME/postgres) lies.

    Only who holds the start lock may call it. Raises Refused where the place is lost or another home's.
    """
    pointer = folder / "location"
    if os.geteuid() != 0:
        if pointer.exists():
            raise Refused("The database of {home} was made by root; run the command as root.", home=folder.parent)
        return Cluster(folder, folder, None)
    if pointer.exists():
        base = Path(os.fsdecode(pointer.read_bytes()).rstrip("\n"))
        refuse_copy(folder, base)
        return Cluster(folder, base, _owner(base))
    if (folder / "data").exists():
        return Cluster(folder, folder, _owner(folder))
    account = _system_account()
    if folder.stat().st_uid == 0:
        folder.chmod(0o711)
    if enters(account, folder):
        return Cluster(folder, folder, account)
    base = SYSTEM_FOLDER / digest(folder)
    _set_aside(base)
    for place in (SYSTEM_FOLDER, base):
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o711)
    write(base / "home", os.fsencode(folder) + b"\n")
    write(pointer, os.fsencode(base) + b"\n")
    return Cluster(folder, base, account)


def _owner(base: Path) -> tuple[int, int]:
    """As whom root runs the server of data that exist: as their owner, who may be an ordinary user."""
    try:
        status = (base / "data").stat()
    except FileNotFoundError:
        return _system_account()
    if status.st_uid == 0:
        raise Refused(
            "The database in {folder} belongs to root, as whom PostgreSQL refuses to run. "
            "Give it back with: chown -R {account}: '{folder}'",
            folder=base / "data",
            account=ACCOUNT,
        )
    return status.st_uid, status.st_gid


def refuse_copy(folder: Path, base: Path) -> None:
    """Two homes never meet: a home that was copied must not share the data of the one it was copied from."""
    try:
        home = Path(os.fsdecode((base / "home").read_bytes()).rstrip("\n"))
    except FileNotFoundError:
        raise Refused(
            "The database of {home} should lie in {place}, which is gone. Bring that folder back, "
            "or remove {folder} to begin with an empty database.",
            home=folder.parent,
            place=base,
            folder=folder,
        ) from None
    if home == folder:
        return
    if (home / "location").exists():
        raise Refused(
            "{copy} is a copy of {home} and names the same database. Remove {folder}, "
            "then carry the data over with 'medspiller database backup' and 'restore'.",
            copy=folder.parent,
            home=home.parent,
            folder=folder,
        )
    write(base / "home", os.fsencode(folder) + b"\n")


def _set_aside(base: Path) -> None:
    """A home deleted and made anew begins empty; what the old one left is kept under another name."""
    if not base.exists():
        return
    if postmaster.living(base / "data"):
        postmaster.stop(Cluster(base, base, _owner(base)))
    base.rename(base.with_name(f"{base.name}.left-{secrets.token_hex(4)}"))


def _system_account() -> tuple[int, int]:
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)[2:4]
    program = shutil.which("useradd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if program is None:
        raise Refused(
            "PostgreSQL refuses to run as root, and there is no useradd to make the system user {account}. "
            "Make that user by other means, or run the command as an ordinary user.",
            account=ACCOUNT,
        )
    options = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/bin/false",
    ]
    done = subprocess.run([program, *options, ACCOUNT], capture_output=True, text=True, check=False)
    try:
        # useradd also fails where another home's first start made the user in the same moment.
        return pwd.getpwnam(ACCOUNT)[2:4]
    except KeyError:
        raise Refused(
            "The system user {account} could not be made: {reason}", account=ACCOUNT, reason=done.stderr.strip()
        ) from None
