"""Sample names of objects of every kind, for two devices."""

from __future__ import annotations

from hx.core.format.object_names import (
    BLOB,
    GENESIS,
    INVITE,
    MANIFEST,
    SEGMENT,
    SLOT,
    Name,
    spelled,
)

DEVICE, OTHER = bytes([0x0A] * 16), bytes([0x0B] * 16)
FOLDERS = ("", "m", "j", f"o/{DEVICE.hex()}", f"b/{DEVICE.hex()}/07", f"k/{OTHER.hex()}")
LARGE = 1 << 24  # bytes: no object is larger


def vault():
    return spelled(Name(GENESIS))


def manifest(seq=1, device=DEVICE):
    return spelled(Name(MANIFEST, device, seq.to_bytes(8, "big") + bytes(8), seq=seq))


def segment(number=1, device=DEVICE):
    return spelled(Name(SEGMENT, device, _object_id(number)))


def blob(number=1, device=DEVICE):
    return spelled(Name(BLOB, device, _object_id(number)))


def slot(recipient=OTHER, key_id=bytes(16), author=DEVICE):
    return spelled(Name(SLOT, author, recipient, key_id))


def invite(number=1):
    return spelled(Name(INVITE, object_id=_object_id(number)))


def one_of_each():
    return [vault(), manifest(), segment(), blob(), slot(), invite()]


def _object_id(number):
    return b"\x07" + number.to_bytes(15, "big")
