"""Spool records as the hooks of the shells write them, in bytes."""

from __future__ import annotations

NUL = b"\0"


def record(kind: str, **fields: object) -> bytes:
    """Return one record; the keyword arguments are its fields, by one-letter tags."""
    parts = [NUL + tag.encode() + as_bytes(value) for tag, value in fields.items()]
    return NUL + b"HX1" + kind.encode() + b"".join(parts) + NUL + NUL


def as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def header(**fields: object) -> bytes:
    """Return the header record of a spool file; the arguments replace fields."""
    return record(
        "H",
        **({"s": "0" * 32, "g": 0, "P": 1, "b": 1_000_000, "S": "zsh", "h": "box"} | fields),
    )


def start(seq: int, command: object = "true", *, at: int | None = None, cwd: str = "/w") -> bytes:
    """Return the start record of a command; `at` is its time in µs."""
    return record("S", n=seq, b=at or seq * 1_000, d=cwd, c=command)


def end(seq: int, status: object = 0, *, at: int | None = None, **fields: object) -> bytes:
    """Return the end record of a command; `at` is its time in µs."""
    return record("E", n=seq, e=at or seq * 1_000 + 500, x=status, **fields)


def complete(
    seq: int, command: object = "true", *, at: int | None = None, **fields: object
) -> bytes:
    """Return start and end in one record, as bash before 5.3 writes it; `x` is the exit status."""
    at = at or seq * 1_000
    return record("C", **({"n": seq, "b": at, "e": at + 500, "d": "/w"} | fields), c=command)
