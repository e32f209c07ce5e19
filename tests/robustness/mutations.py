"""Nearly valid bytes: valid ones with changed bits, bytes, slices or msgpack values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError, msgpack

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_LONGEST = 1 << 16  # bytes; longer inputs are cut, which bounds the cost of one
_EDGES = (0, 1, -1, 15, 127, 128, 255, 256, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -(2**63), 2**64 - 1)
_MAX_DEPTH = 40


def mutated(rng: random.Random, samples: Sequence[bytes]) -> bytes:
    """Return a mutation of one of the samples, or in 5 % random bytes."""
    if rng.random() < 0.05:
        return rng.randbytes(rng.randrange(600))
    data = rng.choice(samples)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        data = rng.choice(_MUTATIONS)(rng, data, samples)
    return data[:_LONGEST]


def _flip(rng, data, _):
    place = rng.randrange(len(data) or 1)
    return (
        data[:place]
        + bytes([(data[place : place + 1] or b"\0")[0] ^ 1 << rng.randrange(8)])
        + data[place + 1 :]
    )


def _replace(rng, data, _):
    place, size = rng.randrange(len(data) + 1), rng.randrange(9)
    return data[:place] + rng.randbytes(size) + data[place + size :]


def _insert(rng, data, _):
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.randrange(1, 17)) + data[place:]


def _cut(rng, data, _):
    first, last = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice((data[:first], data[last:], data[:first] + data[last:]))


def _repeat(rng, data, _):
    first, last = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:last] + data[first:last] * rng.choice((1, 2, 50)) + data[last:]


def _splice(rng, data, samples):
    sample = rng.choice(samples)
    return data[: rng.randrange(len(data) + 1)] + sample[rng.randrange(len(sample) + 1) :]


def _values(rng, data, _):
    """Change one value of a msgpack message and keep the bytes that follow the message."""
    for tail in (0, 64):  # a manifest ends in a signature
        try:
            message = msgpack.decode(data[: len(data) - tail])
        except (MsgspecError, ValueError, RecursionError):
            continue
        changed = _changed(rng, message, 0)
        return msgpack.encode(changed) + data[len(data) - tail :]
    return _flip(rng, data, _)


def _changed(rng: random.Random, value: Any, depth: int) -> Any:
    has_values = isinstance(value, list | dict) and value and depth < _MAX_DEPTH
    if not has_values or rng.random() < 0.1:
        return _replaced(rng, value)
    if isinstance(value, dict):
        name = rng.choice(list(value))
        changed = dict(value)
        kind = rng.random()
        if kind < 0.05:
            changed.pop(name)
        elif kind < 0.1:
            changed[rng.choice(("x", "v", f"{name}2"))] = changed[name]
        else:
            changed[name] = _changed(rng, value[name], depth + 1)
        return changed
    place = rng.randrange(len(value))
    kind = rng.random()
    if kind < 0.1:
        return value[:place] + value[place + 1 :]
    if kind < 0.2:
        return value[:place] + [value[place]] * rng.choice((2, 3, 100)) + value[place:]
    return [*value[:place], _changed(rng, value[place], depth + 1), *value[place + 1 :]]


def _replaced(rng: random.Random, value: Any) -> Any:
    if isinstance(value, int) and rng.random() < 0.5:
        return max(-(2**63), min(2**64 - 1, value + rng.choice((1, -1, 2, 1000))))
    if isinstance(value, bytes) and value and rng.random() < 0.7:
        return rng.choice((value[1:], value + b"\0", rng.randbytes(len(value))))
    deep: Any = []
    for _ in range(rng.choice((1, 500))):
        deep = [deep]
    plain = (None, True, 0.5, "", "text", b"", bytes(16), bytes(32))
    nested = ([], {}, [[]], {"a": b""}, deep, [value] * 3)
    return rng.choice((*plain, *nested, rng.choice(_EDGES)))


_MUTATIONS = (_flip, _flip, _replace, _insert, _cut, _repeat, _splice, _values, _values, _values)
