"""Keys in a file: sealed under a passphrase, or bare.

The bare file is for machines that start without a user or a keychain. The sealed one uses Argon2id
of the passphrase in Unicode's form NFC, then XChaCha20-Poly1305:

 0  4  magic "HXP1"
 4  4  memory in KiB      8  4  passes      12  4  lanes, always 1      (big-endian)
16 16  salt              32 24  nonce
56     ciphertext and tag; bytes 0 to 55 are the associated data
 end   16 bytes of BLAKE2b over all before, which tell damage from a wrong passphrase
"""

from __future__ import annotations

import os
import struct

from hx.core.errors import KeyMissing
from hx.core.record import NamedTuple
from hx.custody import files
from hx.custody.files import FILE, PASSPHRASE, framed, unframed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MAGIC, _BARE_MAGIC = b"HXP1", b"HXB1"
_NUMBERS = struct.Struct(">III")
_SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 24, 16
_FORGOTTEN = (
    "try again: nothing was changed; a file from a backup has the passphrase of that time; if"
    " nobody knows it any more, `hx sync recover --keys-lost` or `hx sync join --keys-lost` brings"
    " this device back under a new id"
)
_HEAD_BYTES = _NUMBERS.size + _SALT_BYTES + _NONCE_BYTES
LEAST_KIB, MOST_KIB, MOST_PASSES = 19 << 10, 1 << 20, 16


class Cost(NamedTuple):
    """What one guess of the passphrase costs."""

    memory_kib: int = 64 << 10
    passes: int = 3


class SealedFile:
    """Keeps keys sealed in a file. `ask(new)` returns the passphrase, once in each run."""

    kind = PASSPHRASE
    ring = ""

    def __init__(self, path: str, ask: Callable[[bool], bytes], cost: Cost = Cost()) -> None:  # noqa: B008  (immutable)
        self._path = path
        self._ask = ask
        self._cost = cost
        self._passphrase: bytes | None = None
        self.label = f"the file {path}, sealed under a passphrase"

    def read(self) -> bytes:
        body = self._body()
        passphrase = self._ask(False) if self._passphrase is None else self._passphrase
        data = _unsealed(body, passphrase)
        if data is None:
            raise KeyMissing("the passphrase is wrong", _FORGOTTEN)
        # kept only when it is right, so that a later write seals under the same one
        self._passphrase = passphrase
        return data

    def write(self, data: bytes) -> None:
        """Seal under the passphrase of the file; ask for a new one when there is no file."""
        # the passphrase of a file that exists stays: a new one would lock its owner out
        if self._passphrase is None and os.path.lexists(self._path):
            self.read()
        if self._passphrase is None:
            self._passphrase = self._ask(True)
        files.write(self._path, framed(_MAGIC, _sealed(data, self._passphrase, self._cost)))

    def replace(self, data: bytes) -> None:
        """Seal under a new passphrase, whatever the one of the file is. Raises KeyMissing."""
        passphrase = self._ask(True)
        body = _sealed(data, passphrase, self._cost)
        if _unsealed(body, passphrase) != data:  # the only copy is replaced
            raise files.damaged(self._path)
        files.write(self._path, framed(_MAGIC, body))
        self._passphrase = passphrase

    def forget(self) -> None:
        self._passphrase = None
        files.remove(self._path)

    def check(self) -> None:
        """Check what can be checked without the passphrase. Raises KeyMissing."""
        self._body()

    def _body(self) -> bytes:
        body = unframed(_MAGIC, files.read(self._path))
        if body is None or len(body) < _HEAD_BYTES + _TAG_BYTES or not _is_bounded(body):
            raise files.damaged(self._path)
        return body


def _is_bounded(body: bytes) -> bool:
    """Return whether the cost is within the limits, so that no file can exhaust the machine."""
    memory_kib: int
    memory_kib, passes, lanes = _NUMBERS.unpack_from(body)
    return LEAST_KIB <= memory_kib <= MOST_KIB and 1 <= passes <= MOST_PASSES and lanes == 1


def _sealed(data: bytes, passphrase: bytes, cost: Cost) -> bytes:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    head = _NUMBERS.pack(*cost, 1) + salt + nonce
    return head + encrypt(data, _MAGIC + head, nonce, _key(head, passphrase))


def _unsealed(body: bytes, passphrase: bytes) -> bytes | None:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
    from nacl.exceptions import CryptoError

    head = body[:_HEAD_BYTES]
    nonce = head[-_NONCE_BYTES:]
    try:
        # the head is authenticated: nobody can lower the cost of a guess in the file
        return decrypt(body[_HEAD_BYTES:], _MAGIC + head, nonce, _key(head, passphrase))
    except CryptoError:
        return None


def _key(head: bytes, passphrase: bytes) -> bytes:
    from nacl.exceptions import RuntimeError as NoMemory
    from nacl.pwhash import argon2id

    memory_kib, passes, _ = _NUMBERS.unpack_from(head)
    salt = head[_NUMBERS.size : _NUMBERS.size + _SALT_BYTES]
    text = _composed(passphrase)
    try:
        return argon2id.kdf(32, text, salt, opslimit=passes, memlimit=memory_kib << 10)
    except NoMemory:
        raise KeyMissing(
            f"the passphrase needs {memory_kib >> 10} MiB of memory, and there is not enough",
            "end other programs and try again",
        ) from None


def _composed(passphrase: bytes) -> bytes:
    """Return a passphrase in the form NFC (RFC 8265); what is not UTF-8 stays as it is.

    Keyboards and programs of macOS, Linux and Windows give one letter different bytes: `ä` is one
    code point or two.
    """
    from unicodedata import normalize

    try:
        return normalize("NFC", passphrase.decode()).encode()
    except UnicodeDecodeError:
        return passphrase


class KeyFile:
    """Keeps keys unencrypted in a file, which only its owner can read."""

    kind = FILE
    ring = ""

    def __init__(self, path: str) -> None:
        self._path = path
        self.label = f"the file {path}, which is not encrypted"

    def read(self) -> bytes:
        body = unframed(_BARE_MAGIC, files.read(self._path))
        if body is None:
            raise files.damaged(self._path)
        return body

    def write(self, data: bytes) -> None:
        files.write(self._path, framed(_BARE_MAGIC, data))

    def forget(self) -> None:
        files.remove(self._path)

    def check(self) -> None:
        self.read()
