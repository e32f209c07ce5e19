"""The body of an object: one payload, compressed if that helps, padded to hide its length.

    u8 codec (0 raw, 1 zstd) | u32 plain_len | u32 stored_len | stored bytes | zeros

The zeros fill the body up to Padmé(max(512, 9 + stored_len)): a length with few significant bits,
at most 12 % more. A payload is at most 64 times as long as its body, so that what a reader spends
is bounded by what was sent; what compresses better is stored as it is. Sources: docs/format.md,
"Objects"; Nikitin et al. 2019 (PURBs) for Padmé.
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
_MAX_RATIO = 64  # of the payload to the body
_WINDOW_LOG = 26  # a frame may use 64 MiB of memory; the default is 128 MiB


def padded(payload: bytes, level: int | None) -> bytes:
    """Return the body for a payload, before it is encrypted; `level` None: not compressed."""
    packed = payload if level is None else compress(payload, level)
    helps = len(packed) < len(payload) <= _MAX_RATIO * _length(packed)
    codec, stored = (ZSTD, packed) if helps else (RAW, payload)
    body = _HEAD.pack(codec, len(payload), len(stored)) + stored
    return body.ljust(_length(stored), b"\0")


def _length(stored: bytes) -> int:
    """Return the length of the body that holds these stored bytes."""
    return _padme(max(_LEAST, _HEAD.size + len(stored)))


def unpadded(body: bytes, max_bytes: int) -> bytes:
    """Return the payload of a body, at most `max_bytes` of it. Raises Fault."""
    if len(body) < _LEAST:
        raise rejected(BODY, "its padding is invalid")
    codec, plain_len, stored_len = _HEAD.unpack_from(body)
    end = _HEAD.size + stored_len
    if len(body) != _padme(max(_LEAST, end)) or body.count(0, end) != len(body) - end:
        raise rejected(BODY, "its padding is invalid")
    if plain_len > min(max_bytes, _MAX_RATIO * len(body)):
        raise rejected(TOO_LARGE, "its content is larger than allowed")
    stored = body[_HEAD.size : end]
    payload = decompress(stored, plain_len) if codec == ZSTD else stored
    if codec not in (RAW, ZSTD) or len(payload) != plain_len:
        raise rejected(BODY, "its content has another length than it states")
    return payload


def _padme(length: int) -> int:
    """Return the padded length for a length."""
    exponent = length.bit_length() - 1
    mask = (1 << exponent - exponent.bit_length()) - 1
    return (length + mask) & ~mask


def compress(data: bytes, level: int = 3) -> bytes:
    """Return one zstd frame, which names the size of its content."""
    return zstd.compress(data, level)


def decompress(data: bytes, max_bytes: int) -> bytes:
    """Return the content of exactly one whole frame. Raises Fault.

    At most max_bytes + 1 bytes are unpacked, whatever size the frame names.
    """
    limits: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    decoder = zstd.ZstdDecompressor(options=limits)
    try:
        content = decoder.decompress(data, max_length=max_bytes + 1)
    except zstd.ZstdError:
        raise rejected(BODY, "its compressed data are damaged") from None
    if len(content) > max_bytes:
        raise rejected(TOO_LARGE, "its content is larger than it states")
    if not decoder.eof or decoder.unused_data:
        raise rejected(BODY, "it is not exactly one complete zstd frame")
    return content
