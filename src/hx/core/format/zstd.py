"""zstd through one door: from Python's own library where it has it, and bounded."""

from __future__ import annotations

import sys

from hx.core.format.verdict import BODY, TOO_LARGE, rejected

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_WINDOW_LOG = 26  # a frame may ask for 64 MiB of memory, not for the 128 MiB of the default


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
