"""Keys and what follows from them: derivation, device keys, signatures, sealed boxes.

    derive(k, label, data) = BLAKE2b-256(key k, person label, data)
    signature = Ed25519(label, zeros up to 16 | vault_id | the exact payload bytes)

All primitives are those of libsodium and BLAKE2b, unchanged. Source: docs/format.md, "Keys".
"""

from __future__ import annotations

import secrets

from hx.core.derivation import derive
from hx.core.event_name import blake2b
from hx.core.format.verdict import BODY, rejected
from hx.core.record import NamedTuple

LABEL_MANIFEST = b"hx1-manifest"
LABEL_ROSTER = b"hx1-roster"
LABEL_GENESIS = b"hx1-genesis"
LABEL_MOVED = b"hx1-moved"

KEY_BYTES = 32
_LABEL_BYTES = 16


def new_vmk() -> bytes:
    """Return the vault master key of a new epoch."""
    return secrets.token_bytes(KEY_BYTES)


def key_id(vmk: bytes) -> bytes:
    """Return the public id of a vault master key."""
    return derive(vmk, b"hx1-key-id")[:16]


def wrap_key(vmk: bytes) -> bytes:
    """Return the key that wraps the keys of objects."""
    return derive(vmk, b"hx1-wrap")


class DeviceKeys(NamedTuple):
    """The two private keys of a device, or of recovery.

    Only the custody of the device stores them.
    """

    sign_seed: bytes  # Ed25519
    box_seed: bytes  # the X25519 private key itself

    @property
    def sign_pub(self) -> bytes:
        """Return the Ed25519 public key."""
        from nacl.signing import SigningKey

        return bytes(SigningKey(self.sign_seed).verify_key)

    @property
    def box_pub(self) -> bytes:
        """Return the X25519 public key."""
        from nacl.public import PrivateKey

        return bytes(PrivateKey(self.box_seed).public_key)

    @property
    def device_id(self) -> bytes:
        """Return the device id."""
        return derive_id(self.sign_pub, self.box_pub)

    def __repr__(self) -> str:
        return "DeviceKeys(…)"  # an accidental print does not reveal keys


def generate() -> DeviceKeys:
    """Return the keys of a new device."""
    return DeviceKeys(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))


def derive_id(sign_pub: bytes, box_pub: bytes) -> bytes:
    """Return the device id for two public keys.

    Its top bit is 0; that of an import origin is 1.
    """
    digest = blake2b(sign_pub + box_pub, digest_size=32, person=b"hx1-device").digest()
    return bytes([digest[0] & 0x7F]) + digest[1:16]


def recovery_keys(entropy: bytes) -> DeviceKeys:
    """Return the keys for the entropy of the recovery words."""
    return DeviceKeys(derive(entropy, b"hx1-rec-sign"), derive(entropy, b"hx1-rec-box"))


def sign(seed: bytes, label: bytes, vault_id: bytes, payload: bytes) -> bytes:
    """Return a signature of 64 bytes."""
    from nacl.signing import SigningKey

    return SigningKey(seed).sign(_signed(label, vault_id, payload)).signature


def verify(
    sign_pub: bytes, signature: bytes, label: bytes, vault_id: bytes, payload: bytes
) -> bool:
    """Return whether the owner of a public key signed exactly this payload.

    The signature is bound to a use (`label`) and to a vault.
    """
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    try:
        VerifyKey(sign_pub).verify(_signed(label, vault_id, payload), signature)
    # the latter two: a key or signature has a wrong length
    except (CryptoError, ValueError, TypeError):
        return False
    return True


def _signed(label: bytes, vault_id: bytes, payload: bytes) -> bytes:
    """Return the bytes that a signature covers."""
    return label.ljust(_LABEL_BYTES, b"\0") + vault_id + payload


def box(box_pub: bytes, data: bytes) -> bytes:
    """Return data sealed to the owner of a public key; the sender is anonymous."""
    from nacl.public import PublicKey, SealedBox

    return SealedBox(PublicKey(box_pub)).encrypt(data)


def unbox(box_seed: bytes, data: bytes) -> bytes:
    """Return what was sealed to the owner of this key. Raises Fault."""
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox

    try:
        return SealedBox(PrivateKey(box_seed)).decrypt(data)
    except (CryptoError, ValueError, TypeError):
        raise rejected(BODY, "it is not sealed to this device") from None
