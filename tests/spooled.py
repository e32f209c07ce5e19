"""Bytes as the hooks of the shells write them."""

from __future__ import annotations

NUL = b"\0"


def record(kind: str, **fields: object) -> bytes:
    """One record; fields are one-letter tags, in the order given."""
    parts = [NUL + tag.encode() + as_bytes(value) for tag, value in fields.items()]
    return NUL + b"HX1" + kind.encode() + b"".join(parts) + NUL + NUL


def as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def header(**fields: object) -> bytes:
    """What opens a file."""
    return record(
        "H",
        **({"s": "0" * 32, "g": 0, "P": 1, "b": 1_000_000, "S": "zsh", "h": "box"} | fields),
    )


def start(seq: int, command: object = "true", *, at: int | None = None, cwd: str = "/w") -> bytes:
    return record("S", n=seq, b=at or seq * 1_000, d=cwd, c=command)


def end(seq: int, status: object = 0, *, at: int | None = None, **fields: object) -> bytes:
    return record("E", n=seq, e=at or seq * 1_000 + 500, x=status, **fields)


def complete(
    seq: int, command: object = "true", *, at: int | None = None, **fields: object
) -> bytes:
    """Start and end in one, as bash before 5.3 writes it; `x` is the exit status."""
    at = at or seq * 1_000
    return record("C", **({"n": seq, "b": at, "e": at + 500, "d": "/w"} | fields), c=command)
