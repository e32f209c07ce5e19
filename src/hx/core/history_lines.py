"""History lines: the events of text files, whose copies on several devices are found by their keys.

A file of lines is copied from machine to machine, and each machine that imports it makes events of
its own. The ids of such an origin begin with two bits 1, and `seq` of a line that has a time is

    ordinal among the lines of its second << 6 | print     print = CRC-32 of the text & 63

A mark is a key in a tombstone that names the lines of one second whose texts have one print, on
whatever device they were or will be imported. So to forget a line forgets its copies. A print has
few bits, and always the same ones for one text, because a tombstone is kept for ever and must not
tell what it covers: it excludes 63 of 64 guesses, however often the line was typed. Two lines that
have nothing in common rarely have one second and one print too. Source: docs/format.md, "Keys of
imports".
"""

from __future__ import annotations

from hx.core.model import KNOWN_SINCE_US, EventKey

PRINT_BITS = 6
PRINT = (1 << PRINT_BITS) - 1
FIRST_ID = b"\xc0"  # ids from this one on belong to origins of lines
OF_MARK = FIRST_ID + bytes(15)  # the device id and the session id of a mark; no event has them
SECOND_US = 1_000_000
NEAR_S = 1  # between the time in a history file and the time of the hook, at most


def is_line(key: EventKey) -> bool:
    """Return whether a key is that of a line of a text file."""
    return key[1] >= FIRST_ID


def mark_at(at_us: int, seq: int) -> EventKey:
    """Return the mark of the lines at a time, in whole seconds, that have the print of a seq."""
    return EventKey(at_us, OF_MARK, OF_MARK, seq & PRINT)


def mark_of(key: EventKey) -> EventKey | None:
    """Return the mark that names a line; None: the key is of no line, or its time is not known."""
    if key[1] < FIRST_ID or key[0] < KNOWN_SINCE_US:
        return None
    return mark_at(key[0], key[3])


def is_mark(key: EventKey) -> bool:
    """Return whether a key in a tombstone is a mark."""
    return key[1] == OF_MARK


def names_of(key: EventKey) -> tuple[EventKey, ...]:
    """Return the keys by which a tombstone may name an event with a bare key."""
    mark = mark_of(key)
    return (key,) if mark is None else (key, mark)
