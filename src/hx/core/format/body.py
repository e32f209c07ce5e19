"""What lies inside a body: one payload, compressed where that helps, padded to hide its length.

    u8 codec (0 raw, 1 zstd) | u32 plain_len | u32 stored_len | stored bytes | zeros

up to Padmé(max(512, 9 + stored_len)): a length with few significant bits, at most 12 % more.
Source: sync contract v1, section 5; Nikitin et al. 2019 (PURBs) for Padmé.
"""

from __future__ import annotations

import struct
import sys

from hx.core.format.verdict import BODY, TOO_LARGE, rejected

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RAW, ZSTD = 0, 1
_HEAD = struct.Struct(">BII")
_LEAST = 512
_WINDOW_LOG = 26  # a frame may ask for 64 MiB of memory, not for the 128 MiB of the default


def padded(payload: bytes, level: int) -> bytes:
    """The payload as it goes into a body."""
    packed = compress(payload, level)
    codec, stored = (ZSTD, packed) if len(packed) < len(payload) else (RAW, payload)
    body = _HEAD.pack(codec, len(payload), len(stored)) + stored
    return body.ljust(_padme(max(_LEAST, len(body))), b"\0")


def unpadded(body: bytes, max_bytes: int) -> bytes:
    """The payload again, at most max_bytes of it. Raises Fault."""
    if len(body) < _LEAST:
        raise rejected(BODY, "its padding is wrong")
    codec, plain_len, stored_len = _HEAD.unpack_from(body)
    end = _HEAD.size + stored_len
    if len(body) != _padme(max(_LEAST, end)) or body.count(0, end) != len(body) - end:
        raise rejected(BODY, "its padding is wrong")
    if plain_len > max_bytes:
        raise rejected(TOO_LARGE, "it unpacks to more than is allowed")
    stored = body[_HEAD.size : end]
    payload = decompress(stored, plain_len) if codec == ZSTD else stored
    if codec not in (RAW, ZSTD) or len(payload) != plain_len:
        raise rejected(BODY, "its length is not what it says")
    return payload


def _padme(length: int) -> int:
    exponent = length.bit_length() - 1
    mask = (1 << exponent - exponent.bit_length()) - 1
    return (length + mask) & ~mask


def compress(data: bytes, level: int = 3) -> bytes:
    """One frame that names its content's size."""
    return zstd.compress(data, level)


def decompress(data: bytes, max_bytes: int) -> bytes:
    """The content of exactly one whole frame with nothing behind it. Raises Fault.

    Never more than max_bytes + 1 are unpacked, whatever the frame says.
    """
    limits: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    decoder = zstd.ZstdDecompressor(options=limits)
    try:
        content = decoder.decompress(data, max_length=max_bytes + 1)
    except zstd.ZstdError:
        raise rejected(BODY, "its compression is damaged") from None
    if len(content) > max_bytes:
        raise rejected(TOO_LARGE, "it unpacks to more than it says")
    if not decoder.eof or decoder.unused_data:
        raise rejected(BODY, "it is not one whole compressed frame")
    return content
