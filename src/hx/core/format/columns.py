"""Events and event keys as columns: tables of repeated values, and differences of growing ones.

Rows are ordered by session and key, so `seq` mostly grows by one and times grow by little, and zstd
compresses columns that hardly change to almost nothing. More than 100,000 events a second pass
here, so each step works on a whole column. Source: docs/format.md, "Segment".
"""

from __future__ import annotations

from itertools import accumulate, chain, pairwise, repeat
from operator import sub
from typing import Annotated, Any

from msgspec import Meta

from hx.core.format.payload import I64, U32, U63, Id, malformed
from hx.core.format.verdict import NEEDS_UPGRADE, pending
from hx.core.model import (
    FINISHED,
    IMPORTED,
    LIVE,
    MAX_COMMAND_BYTES,
    MAX_SPARED,
    MAX_TIME_US,
    REDACTED,
    STATUS_UNKNOWN,
    Event,
    EventKey,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MAX_EVENTS = 65_536
MAX_KEYS = 1 << 17  # in all tombstones of a segment
MAX_SPARED_IDS = 1 << 20  # the sizes of the sets of all records of a segment, added up

_KNOWN_FLAGS = FINISHED | REDACTED | STATUS_UNKNOWN
_ORIGINS = (LIVE, IMPORTED)
_MAX_SEQ = 2**63 - 1

_Rows = Meta(max_length=MAX_EVENTS)
_Keys = Meta(max_length=MAX_KEYS)
_Texts = Annotated[list[bytes], _Rows]
# numbers of rows in a table; in tables with nil, 0 is nil and 1 is the first row
_Numbers = Annotated[list[U32], _Rows]
_Command = Annotated[bytes, Meta(max_length=MAX_COMMAND_BYTES)]
_Statuses = Annotated[tuple[I64, ...], _Rows]
_Text = bytes | None

# tombstones of which records are spared, for events and artifacts: 0 is none, 1 the first set
SPARED_TYPES: dict[str, Any] = {
    "spared_sets": Annotated[
        list[Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_SPARED)]], _Rows
    ],
}
EVENT_TYPES: dict[str, Any] = {
    # tables; of sessions: session_id, device_id, host, user, shell, tty
    "sessions": Annotated[list[tuple[Id, Id, _Text, _Text, _Text, _Text]], _Rows],
    "commands": Annotated[list[_Command], _Rows],
    "cwds": _Texts,
    "repos": _Texts,
    "branches": _Texts,
    # columns, one value an event
    "session": _Numbers,
    "seq": Annotated[list[int], _Rows],
    "started_at_us": Annotated[list[int], _Rows],
    "duration_us": Annotated[list[U63 | None], _Rows],
    "exit_status": Annotated[list[I64 | None], _Rows],
    "pipestatus": Annotated[list[_Statuses | None], _Rows],
    "command": _Numbers,
    "cwd": _Numbers,
    "repo": _Numbers,
    "branch": _Numbers,
    "flags": _Numbers,
    "origin": _Numbers,
    "revision": _Numbers,
    "spared": _Numbers,
}
KEY_TYPES: dict[str, Any] = {
    "key_sessions": Annotated[list[tuple[Id, Id]], _Keys],  # session_id, device_id
    "key_session": Annotated[list[U32], _Keys],
    "key_seq": Annotated[list[int], _Keys],
    "key_started_at_us": Annotated[list[int], _Keys],
}
_EVENT_COLUMNS = list(EVENT_TYPES)[5:]
_KEY_COLUMNS = list(KEY_TYPES)[1:]


def spared_numbers(distinct: Iterable[tuple[bytes, ...]]) -> dict[tuple[bytes, ...], int]:
    """Return distinct sets of spared tombstones -> their numbers; the empty one has number 0.

    The other ones, in the order of their numbers, are the field "spared_sets".
    """
    ordered = sorted({*distinct} - {()})
    return {(): 0, **{ids: number for number, ids in enumerate(ordered, 1)}}


def decode_spared(fields: Mapping[str, Any]) -> list[tuple[bytes, ...]]:
    """Return the sets of spared tombstones by number. Raises Fault."""
    sets: list[tuple[bytes, ...]] = fields["spared_sets"]
    if any(left >= right for ids in sets for left, right in pairwise(ids)):
        raise malformed("a set of tombstones in it is not in ascending order")
    return [(), *sets]


def require_few_spared(sizes: Iterable[int]) -> None:
    """Check the sizes of the sets of all records before any set is given to one. Raises Fault."""
    if sum(sizes) > MAX_SPARED_IDS:
        raise malformed("its records are spared of too many tombstones")


def encode_events(
    events: Iterable[Event], numbers_of_sets: Mapping[tuple[bytes, ...], int]
) -> dict[str, Any]:
    """Return field name -> column, for the fields of EVENT_TYPES."""
    rows = sorted(events, key=by_time)
    rows.sort(key=_session_id)
    columns = list(zip(*rows, strict=True)) or [()] * len(Event._fields)
    keys, commands, cwds, exits, pipes, durations, repos, branches = columns[:8]
    times, devices, sessions, seqs, spared = _key_columns(keys)
    session_table, session = _table(zip(sessions, devices, *columns[8:12], strict=True))
    command_table, command = _table(commands)
    cwd_table, cwd = _table(cwds)
    repo_table, repo = _table_with_nil(repos)
    branch_table, branch = _table_with_nil(branches)
    tables = session_table, command_table, cwd_table, repo_table, branch_table
    sets = list(map(numbers_of_sets.__getitem__, spared))
    numbers = command, cwd, repo, branch, *columns[12:], sets
    growing = session, _differences(seqs), _differences(times)
    return dict(
        zip(EVENT_TYPES, (*tables, *growing, durations, exits, pipes, *numbers), strict=True)
    )


def decode_events(fields: Mapping[str, Any], sets: Sequence[tuple[bytes, ...]]) -> frozenset[Event]:
    """Return the events in decoded fields; `sets` are those of `decode_spared`.

    Raises Fault, and IndexError for a number that is not in its table.
    """
    _require_even(fields, _EVENT_COLUMNS)
    _require_known(fields["flags"], fields["origin"])
    sessions = map(fields["sessions"].__getitem__, fields["session"])
    ids, devices, *places = list(zip(*sessions, strict=True)) or [()] * 6
    spared = map(sets.__getitem__, fields["spared"])
    keys = _keys(fields["started_at_us"], devices, ids, fields["seq"], spared)
    events = map(
        Event,
        keys,
        map(fields["commands"].__getitem__, fields["command"]),
        map(fields["cwds"].__getitem__, fields["cwd"]),
        fields["exit_status"],
        fields["pipestatus"],
        fields["duration_us"],
        map([None, *fields["repos"]].__getitem__, fields["repo"]),
        map([None, *fields["branches"]].__getitem__, fields["branch"]),
        *places,
        fields["flags"],
        fields["origin"],
        fields["revision"],
    )
    return frozenset(events)


def encode_keys(keys: Sequence[EventKey]) -> dict[str, Any]:
    """Return field name -> column, for the fields of KEY_TYPES; the keys keep their order."""
    times, devices, sessions, seqs, _ = _key_columns(keys)
    table, session = _table(zip(sessions, devices, strict=True))
    columns = table, session, _differences(seqs), _differences(times)
    return dict(zip(KEY_TYPES, columns, strict=True))


def decode_keys(fields: Mapping[str, Any]) -> list[EventKey]:
    """Return the keys in their order. Raises Fault and IndexError as decode_events does."""
    _require_even(fields, _KEY_COLUMNS)
    sessions = map(fields["key_sessions"].__getitem__, fields["key_session"])
    ids, devices = list(zip(*sessions, strict=True)) or [(), ()]
    return list(_keys(fields["key_started_at_us"], devices, ids, fields["key_seq"], repeat(())))


def sorted_keys(keys: Iterable[EventKey]) -> list[EventKey]:
    """Return keys in the order that makes the smallest columns."""
    return sorted(keys, key=lambda key: (key.session_id, key))


def by_time(event: Event) -> tuple[int, EventKey, int]:
    """Return a sort key for events that gives the order of their keys.

    It begins with a number, as numbers compare faster than records.
    """
    return event[0][0], event[0], event[-1]


def _session_id(event: Event) -> bytes:
    return event[0][2]


def _key_columns(keys: Sequence[EventKey]) -> list[tuple[Any, ...]]:
    return list(zip(*keys, strict=True)) or [()] * len(EventKey._fields)


def _table(values: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """Return the distinct values by first appearance, and the number of each value among them."""
    column = list(values)
    numbers = {value: number for number, value in enumerate(dict.fromkeys(column))}
    return list(numbers), list(map(numbers.__getitem__, column))


def _table_with_nil(column: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Return what `_table` returns, with number 0 for None, which is not in the table."""
    distinct = dict.fromkeys(column)
    distinct.pop(None, None)
    numbers = {value: number for number, value in enumerate(distinct, 1)}
    numbers[None] = 0
    return list(distinct), list(map(numbers.__getitem__, column))


def _differences(column: Sequence[int]) -> list[int]:
    """Return the first value, then the difference of each value from the one before it."""
    return list(map(sub, column, chain((0,), column)))


def _keys(
    times: list[int],
    devices: Sequence[bytes],
    sessions: Sequence[bytes],
    seqs: list[int],
    spared: Iterable[tuple[bytes, ...]],
) -> Iterator[EventKey]:
    """Yield the keys from differences and tables. Raises Fault."""
    started, numbered = list(accumulate(times)), list(accumulate(seqs))
    if started and not -MAX_TIME_US <= min(started) <= max(started) <= MAX_TIME_US:
        raise malformed("a time in it is out of range")
    if numbered and not 0 <= min(numbered) <= max(numbered) <= _MAX_SEQ:
        raise malformed("a number in it is out of range")
    return map(EventKey, started, devices, sessions, numbered, spared)


def _require_even(fields: Mapping[str, Any], columns: list[str]) -> None:
    """Check that columns have equal lengths. Raises Fault."""
    if len({len(fields[column]) for column in columns}) > 1:
        raise malformed("its columns have different lengths")


def _require_known(flags: list[int], origins: list[int]) -> None:
    """Check that all flags and origins are known. Raises Fault.

    Unknown ones come from a newer hx; reading the events without them would lose them.
    """
    if any(flag & ~_KNOWN_FLAGS for flag in set(flags)) or not set(origins) <= {*_ORIGINS}:
        raise pending(NEEDS_UPGRADE, "it holds events with flags that this hx does not know")
