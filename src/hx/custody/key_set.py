"""What custody keeps for a device: its two private seeds and the master keys of the vault."""

from __future__ import annotations

from hx.core.errors import KeyMissing, KeysLost, UpgradeNeeded
from hx.core.format.keys import DeviceKeys, key_id
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
_FIELDS = {"v", "sign", "box", "vmks"}
_KEY_BYTES = 32
_MAX_EPOCH = 1 << 32
MAX_BYTES = 192 << 10  # of encoded keys; a sealed file of them can be read
MAX_KEYS = 4_096  # of a vault; they fit into MAX_BYTES


class Secrets(NamedTuple):
    """The keys of a device; `repr` does not show them."""

    device: DeviceKeys
    vmks: Mapping[bytes, tuple[int, bytes]]  # key_id -> (number of the epoch, vault master key)

    def __repr__(self) -> str:
        return f"Secrets(device {self.device.device_id.hex()}, {len(self.vmks)} vmks)"


def encode(secrets: Secrets) -> bytes:
    """Return the keys as msgpack; equal keys give equal bytes."""
    from msgspec import msgpack

    vmks = sorted(secrets.vmks.values())
    device = secrets.device
    return msgpack.encode(
        {"v": VERSION, "sign": device.sign_seed, "box": device.box_seed, "vmks": vmks}
    )


def encode_readable(secrets: Secrets) -> bytes:
    """Return the keys as bytes that `decode` reads again. Raises KeyMissing if it would not."""
    data = encode(secrets)
    try:
        readable = len(data) <= MAX_BYTES and decode(data) == secrets
    except KeyMissing:
        readable = False
    if not readable:
        raise KeyMissing(
            f"the {len(secrets.vmks):,} keys of the vault cannot be stored: hx could not read them"
            " again",
            "the stored keys are not changed; see `hx sync check` for what the store holds",
        )
    return data


def decode(data: bytes) -> Secrets:
    """Return the keys from msgpack. Raises KeyMissing, UpgradeNeeded."""
    from msgspec import DecodeError, msgpack

    try:
        value = msgpack.decode(data)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        raise _damaged() from None
    if not isinstance(value, dict):
        raise _damaged()
    # an unknown field may hold a key: writing the set again would lose it
    if value.get("v") != VERSION or set(value) - _FIELDS:
        raise UpgradeNeeded(
            "a newer hx wrote the keys of this device",
            "upgrade hx on this machine: pip install --upgrade history-extended",
        )
    if set(value) != _FIELDS or not isinstance(value["vmks"], list):
        raise _damaged()
    vmks = [_vmk(item) for item in value["vmks"]]
    device = DeviceKeys(_key(value["sign"]), _key(value["box"]))
    return Secrets(device, {key_id(vmk): (number, vmk) for number, vmk in vmks})


def _vmk(value: object) -> tuple[int, bytes]:
    if not isinstance(value, list) or len(value) != len(("number", "vmk")):
        raise _damaged()
    number, vmk = value
    if type(number) is not int or not 0 < number < _MAX_EPOCH:
        raise _damaged()
    return number, _key(vmk)


def _key(value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) != _KEY_BYTES:
        raise _damaged()
    return value


def _damaged() -> KeysLost:
    return KeysLost("the stored keys of this device are damaged")
