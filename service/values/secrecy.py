"""Encryption and keyed hashes of identity numbers, with keys that stay outside the database.

The key ring is a file that only its owner can read. Whoever loses it loses every identity number: it
belongs in a backup, apart from that of the database.
"""

import fcntl
import hashlib
import hmac
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.errors import Refused

HASH_BYTES = 16

_KEY_BYTES = 32
_NONCE_BYTES = 12
_BLOCK_BYTES = 64  # of SHA-256
_HIGHEST_ID = 255
_PURPOSE = b"medspiller identity number"
_FINGERPRINT = b"medspiller key file"
LOOK_AGAIN_SECONDS = 1
"""How long a process may go on with the keys that it has read before it looks at the file again."""

_Key = Annotated[bytes, msgspec.Meta(min_length=_KEY_BYTES, max_length=_KEY_BYTES)]
_KeyId = Annotated[int, msgspec.Meta(ge=1, le=_HIGHEST_ID)]


class CannotDecrypt(ValueError):
    """A ciphertext that this tenant's keys do not open."""


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: JSON, keys in base64."""

    format: Literal[1]
    current: _KeyId
    keys: dict[_KeyId, _Key]
    hash_key: _Key

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError("The current key is not among the keys.")


# Nonces are drawn many at a time, as each call of the kernel costs as much as an encryption. Taking one
# from the list is atomic, so threads never share one; and a forked child throws away what its parent may
# use as well.
_nonces: list[bytes] = []
os.register_at_fork(after_in_child=_nonces.clear)


def _nonce() -> bytes:
    try:
        return _nonces.pop()
    except IndexError:
        block = os.urandom(1000 * _NONCE_BYTES)
        drawn = [block[at : at + _NONCE_BYTES] for at in range(0, len(block), _NONCE_BYTES)]
        nonce = drawn.pop()
        _nonces.extend(drawn)
        return nonce


class KeyRing:
    """The AES-256-GCM keys by id, which of them is current, and the key of the hashes.

    Nonces are random, so a key must be rotated before four thousand million encryptions (2³², NIST SP
    800-38D).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._look_again = 0.0
        self._ciphers: dict[int, AESGCM] = {}
        self._in_file: tuple[int, ...] = ()
        self._current: tuple[bytes, AESGCM]
        self._load()

    @classmethod
    def open(cls, path: Path) -> Self:
        """The key ring in a file, which is made when it is missing and never overwritten.

        Raises Refused where the file is unreadable, damaged or open to others.
        """
        try:
            if not os.path.lexists(path):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _create(path)
        except OSError as error:
            raise Refused("The key file {file} cannot be made: {reason}.", file=path, reason=error.strerror) from error
        return cls(path)

    def for_tenant(self, tenant_id: UUID) -> "TenantSecrets":
        hash_key = hmac.digest(self._hash_key, _PURPOSE + tenant_id.bytes, "sha256")
        return TenantSecrets(self, tenant_id, hash_key)

    def lookup_hash(self, purpose: str, text: str) -> bytes:
        """The 16 bytes by which a number is found that is shown before any tenant is known, such as a pass number.

        `purpose` keeps numbers of different kinds apart.
        """
        return hmac.digest(self._hash_key, f"{purpose}\0{text}".encode(), "sha256")[:HASH_BYTES]

    def rotate(self) -> None:
        """Add a new key and encrypt with it from now on; what older keys encrypted stays readable.

        Hashes do not change. Other processes take up the new key within a second, and when they first meet it.
        """
        with self._changed() as file:
            key_id = max(file.keys) + 1
            if key_id > _HIGHEST_ID:
                raise Refused(
                    "The key file {file} is full: the last of its {most} key ids is taken.",
                    file=self.path,
                    most=_HIGHEST_ID,
                )
            self._keep(msgspec.structs.replace(file, current=key_id, keys=file.keys | {key_id: os.urandom(_KEY_BYTES)}))

    def retire(self, key_id: int) -> None:
        """Take a key out of the file for good. What it encrypted can never be read again: nothing may be left."""
        with self._changed() as file:
            if key_id not in file.keys:
                raise Refused(
                    "The key file {file} has no key {key}; it has {known}.",
                    file=self.path,
                    key=key_id,
                    known=_listed(file.keys),
                )
            if key_id == file.current:
                raise Refused(
                    "Key {key} is the current one. Run `medspiller keys rotate` and `keys reencrypt` first.", key=key_id
                )
            self._keep(msgspec.structs.replace(file, keys={i: key for i, key in file.keys.items() if i != key_id}))

    @contextmanager
    def _changed(self) -> Iterator[_KeyFile]:
        """The file as it stands, for one process to change at a time."""
        try:
            with _locked(self.path):
                yield _read(self.path)
        except OSError as error:
            raise Refused(
                "The key file {file} cannot be changed: {reason}.", file=self.path, reason=error.strerror
            ) from error
        self._load()

    def _keep(self, file: _KeyFile) -> None:
        with _written(self.path, file) as new:
            new.replace(self.path)

    @property
    def key_ids(self) -> tuple[int, ...]:
        """The ids of the keys in the file, the oldest first."""
        return self._in_file

    @property
    def fingerprint(self) -> bytes:
        """16 bytes that tell this key file from others and say nothing of its keys: rotation leaves them alone."""
        return hmac.digest(self._hash_key, _FINGERPRINT, "sha256")[:HASH_BYTES]

    @property
    def current(self) -> tuple[bytes, AESGCM]:
        """The id of the key to encrypt with, and its cipher: the newest in the file, looked at once a second."""
        if time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + LOOK_AGAIN_SECONDS
            # A process at work goes on with the keys that it has where the file is gone.
            with suppress(OSError):
                if _state(self.path) != self._seen:
                    self._load()
        return self._current

    def _load(self) -> None:
        with suppress(OSError):
            self._seen = _state(self.path)
        self._look_again = time.monotonic() + LOOK_AGAIN_SECONDS
        file = _read(self.path)
        # A process that read a row before its key was retired can still open it; it ends with the process.
        self._ciphers = self._ciphers | {key_id: AESGCM(key) for key_id, key in file.keys.items()}
        self._in_file = tuple(sorted(file.keys))
        self._hash_key = file.hash_key
        # One tuple, so that a thread never sees the id of one key with the cipher of another.
        self._current = (bytes([file.current]), self._ciphers[file.current])

    def cipher(self, key_id: int) -> AESGCM | None:
        """The cipher with this id, also where another process added it since the file was read."""
        if key_id not in self._ciphers:
            self._load()
        return self._ciphers.get(key_id)


class TenantSecrets:
    """Hashes, encrypts and decrypts the identity numbers of one tenant; may be shared between threads.

    Numbers are given in their canonical form, digits only. Hashes of two tenants cannot be compared.
    """

    def __init__(self, ring: KeyRing, tenant_id: UUID, hash_key: bytes) -> None:
        self._ring = ring
        self._tenant = tenant_id.bytes
        # The two halves of HMAC (RFC 2104) with the key already in them: `hmac.digest` sets them up for each
        # number, which takes more than twice the time.
        block = hash_key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def hash(self, number: str) -> bytes:
        """The 16 bytes by which a number is found: HMAC-SHA256, truncated."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(number.encode())
        outer.update(inner.digest())
        return outer.digest()[:HASH_BYTES]

    def encrypt(self, number: str) -> bytes:
        """The id of the key (1 byte), the nonce (12), the ciphertext and its tag (16)."""
        return self.encrypt_bytes(number.encode())

    def encrypt_bytes(self, content: bytes) -> bytes:
        """The same for content of any length, such as what a letter says."""
        key_id, cipher = self._ring.current
        nonce = _nonce()
        return key_id + nonce + cipher.encrypt(nonce, content, self._tenant)

    def decrypt(self, encrypted: bytes) -> str:
        """The number again; raises CannotDecrypt for a damaged one, another tenant's or an unknown key's."""
        return self.decrypt_bytes(encrypted).decode()

    def decrypt_bytes(self, encrypted: bytes) -> bytes:
        """The content again; raises CannotDecrypt as `decrypt` does."""
        if len(encrypted) < 1 + _NONCE_BYTES + 16:
            raise CannotDecrypt("The encrypted identity number is cut short.")
        cipher = self._ring.cipher(encrypted[0])
        if cipher is None:
            raise CannotDecrypt(f"The key ring has no key {encrypted[0]}, which encrypted this identity number.")
        nonce, ciphertext = encrypted[1 : 1 + _NONCE_BYTES], encrypted[1 + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, ciphertext, self._tenant)
        except InvalidTag:
            raise CannotDecrypt(
                "The encrypted identity number is damaged, another tenant's, or from another key file."
            ) from None


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _listed(keys: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(keys)))


def _read(path: Path) -> _KeyFile:
    try:
        with path.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read()
    except OSError as error:
        raise Refused("The key file {file} cannot be read: {reason}.", file=path, reason=error.strerror) from error
    if mode & 0o077:
        raise Refused("The key file {file} is open to other users; allow only its owner (chmod 600).", file=path)
    try:
        return msgspec.json.decode(content, type=_KeyFile)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Without the cause: it might quote what it could not read.
        raise Refused("The key file {file} is damaged; restore it from a backup.", file=path) from None


def _create(path: Path) -> None:
    """Make the file with new keys, unless another process is faster."""
    file = _KeyFile(format=1, current=1, keys={1: os.urandom(_KEY_BYTES)}, hash_key=os.urandom(_KEY_BYTES))
    with _written(path, file) as new:
        try:
            # A link, unlike a rename, fails where the name is taken.
            path.hardlink_to(new)
        except FileExistsError:
            return


@contextmanager
def _written(path: Path, file: _KeyFile) -> Iterator[Path]:
    """A complete file beside `path`, readable by its owner alone, to be moved or linked into place."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(msgspec.json.encode(file))
            opened.flush()
            os.fsync(opened.fileno())
        yield new
        _sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlive a power cut: a lost key would take its numbers along."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time change the file; the kernel frees the lock of one that dies."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
