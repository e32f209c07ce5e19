"""Bytes that are nearly right: valid ones with bits, bytes, slices or msgpack values changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError, msgpack

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_LONGEST = 1 << 16  # bytes: what is longer is cut, so that no input costs much by its size
_EDGES = (0, 1, -1, 15, 127, 128, 255, 256, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -(2**63), 2**64 - 1)
_MAX_DEPTH = 40


def mutated(chance: random.Random, samples: Sequence[bytes]) -> bytes:
    """From one of the samples, or of nothing."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(600))
    data = chance.choice(samples)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = chance.choice(_WAYS)(chance, data, samples)
    return data[:_LONGEST]


def _flip(chance, data, _):
    place = chance.randrange(len(data) or 1)
    return (
        data[:place]
        + bytes([(data[place : place + 1] or b"\0")[0] ^ 1 << chance.randrange(8)])
        + data[place + 1 :]
    )


def _replace(chance, data, _):
    place, size = chance.randrange(len(data) + 1), chance.randrange(9)
    return data[:place] + chance.randbytes(size) + data[place + size :]


def _insert(chance, data, _):
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.randbytes(chance.randrange(1, 17)) + data[place:]


def _cut(chance, data, _):
    first, last = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return chance.choice((data[:first], data[last:], data[:first] + data[last:]))


def _repeat(chance, data, _):
    first, last = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:last] + data[first:last] * chance.choice((1, 2, 50)) + data[last:]


def _splice(chance, data, samples):
    other = chance.choice(samples)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _values(chance, data, _):
    """One value of a msgpack message, and whatever follows the message."""
    for tail in (0, 64):  # a manifest ends in a signature
        try:
            found = msgpack.decode(data[: len(data) - tail])
        except (MsgspecError, ValueError, RecursionError):
            continue
        changed = _changed(chance, found, 0)
        return msgpack.encode(changed) + data[len(data) - tail :]
    return _flip(chance, data, _)


def _changed(chance: random.Random, value: Any, depth: int) -> Any:
    inner = isinstance(value, list | dict) and value and depth < _MAX_DEPTH
    if not inner or chance.random() < 0.1:
        return _other(chance, value)
    if isinstance(value, dict):
        name = chance.choice(list(value))
        changed = dict(value)
        way = chance.random()
        if way < 0.05:
            changed.pop(name)
        elif way < 0.1:
            changed[chance.choice(("x", "v", f"{name}2"))] = changed[name]
        else:
            changed[name] = _changed(chance, value[name], depth + 1)
        return changed
    place = chance.randrange(len(value))
    way = chance.random()
    if way < 0.1:
        return value[:place] + value[place + 1 :]
    if way < 0.2:
        return value[:place] + [value[place]] * chance.choice((2, 3, 100)) + value[place:]
    return [*value[:place], _changed(chance, value[place], depth + 1), *value[place + 1 :]]


def _other(chance: random.Random, value: Any) -> Any:
    if isinstance(value, int) and chance.random() < 0.5:
        return max(-(2**63), min(2**64 - 1, value + chance.choice((1, -1, 2, 1000))))
    if isinstance(value, bytes) and value and chance.random() < 0.7:
        return chance.choice((value[1:], value + b"\0", chance.randbytes(len(value))))
    deep: Any = []
    for _ in range(chance.choice((1, 500))):
        deep = [deep]
    plain = (None, True, 0.5, "", "text", b"", bytes(16), bytes(32))
    nested = ([], {}, [[]], {"a": b""}, deep, [value] * 3)
    return chance.choice((*plain, *nested, chance.choice(_EDGES)))


_WAYS = (_flip, _flip, _replace, _insert, _cut, _repeat, _splice, _values, _values, _values)
