"""The key ring is made once and kept; each tenant's numbers open only for that tenant."""

import base64
import hmac
import json
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Refused
from service.values.secrecy import HASH_BYTES, CannotDecrypt, KeyRing, TenantSecrets

AARHUS, OSLO = UUID(int=1), UUID(int=2)
NUMBER = "6101014000"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keys.json"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.open(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="module")
def secrets(ring: KeyRing) -> TenantSecrets:
    return ring.for_tenant(AARHUS)


@given(st.text(max_size=20))
def test_round_trip(secrets: TenantSecrets, number: str) -> None:
    encrypted = secrets.encrypt(number)
    assert secrets.decrypt(encrypted) == number
    assert len(encrypted) == 1 + 12 + len(number.encode()) + 16
    assert encrypted != secrets.encrypt(number)


def test_hash_is_stable_and_each_tenants_own(path: Path) -> None:
    first = KeyRing.open(path).for_tenant(AARHUS)
    again = KeyRing.open(path)
    assert len(first.hash(NUMBER)) == HASH_BYTES == 16
    assert first.hash(NUMBER) == again.for_tenant(AARHUS).hash(NUMBER)
    assert first.hash(NUMBER) != first.hash("6101014001")
    assert first.hash(NUMBER) != again.for_tenant(OSLO).hash(NUMBER)


@given(st.text(max_size=100), st.uuids())
def test_hash_is_hmac_sha256_with_the_tenants_key(ring: KeyRing, number: str, tenant_id: UUID) -> None:
    # Stored hashes outlive releases, so the way they are made must never change.
    file_key = base64.b64decode(json.loads(ring.path.read_bytes())["hash_key"])
    tenant_key = hmac.digest(file_key, b"medspiller identity number" + tenant_id.bytes, "sha256")
    expected = hmac.digest(tenant_key, number.encode(), "sha256")[:16]
    assert ring.for_tenant(tenant_id).hash(number) == expected


def test_another_installation_has_other_keys(tmp_path: Path) -> None:
    one, other = (KeyRing.open(tmp_path / name).for_tenant(AARHUS) for name in ("one", "other"))
    assert one.hash(NUMBER) != other.hash(NUMBER)
    with pytest.raises(CannotDecrypt):
        other.decrypt(one.encrypt(NUMBER))


def test_a_foreign_tenant_cannot_decrypt(path: Path) -> None:
    ring = KeyRing.open(path)
    with pytest.raises(CannotDecrypt, match="another tenant") as caught:
        ring.for_tenant(OSLO).decrypt(ring.for_tenant(AARHUS).encrypt(NUMBER))
    assert NUMBER not in str(caught.value)


def test_every_damaged_byte_is_found(secrets: TenantSecrets) -> None:
    encrypted = secrets.encrypt(NUMBER)
    for at in range(len(encrypted)):
        damaged = bytearray(encrypted)
        damaged[at] ^= 1
        with pytest.raises(CannotDecrypt):
            secrets.decrypt(bytes(damaged))
    for length in (0, 1, 28, len(encrypted) - 1):
        with pytest.raises(CannotDecrypt):
            secrets.decrypt(encrypted[:length])


def test_the_file_is_its_owners_alone(path: Path) -> None:
    KeyRing.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_rotation_keeps_old_numbers_readable(path: Path) -> None:
    ring = KeyRing.open(path)
    aarhus = ring.for_tenant(AARHUS)
    old, digest = aarhus.encrypt(NUMBER), aarhus.hash(NUMBER)
    ring.rotate()
    new = aarhus.encrypt(NUMBER)
    assert (old[0], new[0]) == (1, 2)
    reopened = KeyRing.open(path).for_tenant(AARHUS)
    assert reopened.decrypt(old) == reopened.decrypt(new) == aarhus.decrypt(old) == NUMBER
    assert reopened.encrypt(NUMBER)[0] == 2
    assert reopened.hash(NUMBER) == digest
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_running_process_meets_a_key_that_another_added(path: Path) -> None:
    running = KeyRing.open(path).for_tenant(AARHUS)
    other = KeyRing.open(path)
    other.rotate()
    assert running.decrypt(other.for_tenant(AARHUS).encrypt(NUMBER)) == NUMBER
    assert running.encrypt(NUMBER)[0] == 2


def test_rotations_at_once_lose_no_key(path: Path) -> None:
    rings = [KeyRing.open(path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(KeyRing.rotate, rings))
    assert sorted(json.loads(path.read_bytes())["keys"], key=int) == [str(key) for key in range(1, 10)]


def test_a_full_ring_is_refused(path: Path) -> None:
    ring = KeyRing.open(path)
    file = json.loads(path.read_bytes())
    file["keys"]["255"] = file["keys"]["1"]
    path.write_text(json.dumps(file))
    with pytest.raises(Refused, match="full"):
        ring.rotate()


def _hash_in_process(path: Path, barrier: Barrier, results: "Queue[bytes]") -> None:
    barrier.wait()
    results.put(KeyRing.open(path).for_tenant(AARHUS).hash(NUMBER))


def test_processes_that_start_at_once_share_the_keys(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    for attempt in range(5):
        barrier, results = fork.Barrier(4), fork.Queue()
        arguments = (tmp_path / f"home{attempt}" / "keys.json", barrier, results)
        processes = [fork.Process(target=_hash_in_process, args=arguments) for _ in range(4)]
        for process in processes:
            process.start()
        hashes = {results.get(timeout=20) for _ in processes}
        for process in processes:
            process.join(20)
        assert len(hashes) == 1


def test_a_faster_process_wins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The other process makes the file after this one has looked and found none.
    first = KeyRing.open(path).for_tenant(AARHUS)
    content = path.read_bytes()
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    assert KeyRing.open(path).for_tenant(AARHUS).hash(NUMBER) == first.hash(NUMBER)
    assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_a_forked_child_never_repeats_a_nonce(secrets: TenantSecrets) -> None:
    secrets.encrypt(NUMBER)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"".join(secrets.encrypt(NUMBER)[1:13] for _ in range(50)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 600)
    os.close(reader)
    os.close(writer)
    ours = {secrets.encrypt(NUMBER)[1:13] for _ in range(1000)}
    assert len(theirs) == 600
    assert not ours & {theirs[at : at + 12] for at in range(0, 600, 12)}


def test_threads_never_share_a_nonce(secrets: TenantSecrets) -> None:
    with ThreadPoolExecutor(8) as pool:
        encrypted = list(pool.map(lambda _: secrets.encrypt(NUMBER), range(8000)))
    assert len({text[1:13] for text in encrypted}) == 8000


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    KeyRing.open(path)
    path.chmod(mode)
    with pytest.raises(Refused, match="chmod 600"):
        KeyRing.open(path)


KEY = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "\x00",
        json.dumps({"format": 2, "current": 1, "keys": {"1": KEY}, "hash_key": KEY}),
        json.dumps({"format": 1, "current": 2, "keys": {"1": KEY}, "hash_key": KEY}),
        json.dumps({"format": 1, "current": 1, "keys": {"1": "AAAA"}, "hash_key": KEY}),
        json.dumps({"format": 1, "current": 1, "keys": {"1": KEY}, "hash_key": "AAAA"}),
        json.dumps({"format": 1, "current": 256, "keys": {"256": KEY}, "hash_key": KEY}),
        json.dumps({"format": 1, "current": 1, "keys": {}, "hash_key": KEY}),
    ],
)
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(Refused, match="damaged") as caught:
        KeyRing.open(path)
    assert KEY not in str(caught.value)
    assert path.read_text() == content


def test_what_cannot_be_read_or_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        KeyRing.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot be made"):
        KeyRing.open(tmp_path / "file" / "keys.json")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Refused, match="cannot be read"):
        KeyRing.open(tmp_path / "dangling")
