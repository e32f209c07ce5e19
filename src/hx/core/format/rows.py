"""Artifacts, pins and tombstones as rows; the event keys of tombstones are columns.

Source: docs/format.md, "Segment".
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Annotated, Any

from msgspec import Meta

from hx.core.format.columns import KEY_TYPES, MAX_EVENTS, decode_keys, encode_keys, sorted_keys
from hx.core.format.payload import I64, U32, U63, U64, Bytes32, Id, TimeUs, malformed
from hx.core.model import (
    MAX_DIGESTS,
    MAX_KEYS_IN_TOMBSTONE,
    Artifact,
    ArtifactKey,
    EventKey,
    Evidence,
    Keys,
    Part,
    Pin,
    Texts,
    Tombstone,
    WholeSession,
    Window,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_Rows = Meta(max_length=MAX_EVENTS)
_EventKey = tuple[TimeUs, Id, Id, U63]
_ArtifactKey = tuple[TimeUs, Id, Id, Id, _EventKey | None]
# the same with the number of a set of spared tombstones
_SparedEventKey = tuple[TimeUs, Id, Id, U63, U32]
_SparedArtifactKey = tuple[TimeUs, Id, Id, Id, _SparedEventKey | None, U32]
_Part = tuple[Id, Id, U63, Bytes32]
_Hashes = Annotated[tuple[U64, ...], Meta(max_length=400)]
_Lines = Annotated[tuple[bytes, ...], Meta(max_length=20)]
_Parts = Annotated[tuple[_Part, ...], Meta(max_length=4_096)]
_Kind = Annotated[str, Meta(max_length=64)]
_Artifact = tuple[
    _SparedArtifactKey, bytes, _Kind, U63, Bytes32, _Parts, U32, tuple[U32, _Hashes, _Lines] | None
]
_Digests = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_DIGESTS)]
_ArtifactKeys = Annotated[tuple[_ArtifactKey, ...], Meta(max_length=MAX_KEYS_IN_TOMBSTONE)]

# Each row of a tombstone begins with tombstone_id, created_at_us, device_id
ROW_TYPES: dict[str, Any] = {
    "artifacts": Annotated[list[_Artifact], _Rows],
    "pins": Annotated[list[tuple[Id, bool, TimeUs, Id]], _Rows],
    "forget_windows": Annotated[list[tuple[Id, TimeUs, Id, I64, I64, Id | None]], _Rows],
    "forget_sessions": Annotated[list[tuple[Id, TimeUs, Id, Id]], _Rows],
    # the number of next rows of the key columns that belong to it, keys of artifacts, and whether
    # an import was undone
    "forget_keys": Annotated[list[tuple[Id, TimeUs, Id, U32, _ArtifactKeys, bool]], _Rows],
    # the key of the digests, the digests, and until when the order is kept
    "forget_texts": Annotated[list[tuple[Id, TimeUs, Id, Bytes32, _Digests, TimeUs]], _Rows],
    **KEY_TYPES,
}


def encode_artifacts(
    artifacts: Iterable[Artifact], numbers_of_sets: Mapping[tuple[bytes, ...], int]
) -> dict[str, Any]:
    """Return the field "artifacts": the artifacts as rows, ordered by key."""
    ordered = sorted(artifacts, key=lambda artifact: artifact.key[:4])
    return {"artifacts": [(_key_row(key, numbers_of_sets), *rest) for key, *rest in ordered]}


def _key_row(key: ArtifactKey, numbers_of_sets: Mapping[tuple[bytes, ...], int]) -> tuple[Any, ...]:
    event = key.event and (*key.event[:4], numbers_of_sets[key.event.spared])
    return (*key[:4], event, numbers_of_sets[key.spared])


def encode_pins(pins: Iterable[Pin]) -> dict[str, Any]:
    """Return the field "pins": the pins as rows, ordered by session."""
    return {"pins": sorted(pins)}


def encode_tombstones(tombstones: Iterable[Tombstone]) -> dict[str, Any]:
    """Return the fields of tombstones: rows by kind of scope, and the columns of their keys."""
    windows, sessions, by_keys, texts = [], [], [], []
    keys: list[EventKey] = []
    for *head, scope in sorted(tombstones, key=lambda tombstone: tombstone[:3]):
        if isinstance(scope, Window):
            windows.append((*head, *scope))
        elif isinstance(scope, WholeSession):
            sessions.append((*head, scope.session_id))
        elif isinstance(scope, Texts):
            texts.append((*head, *scope))
        else:
            named = sorted(scope.artifacts, key=lambda key: key[:4])
            artifacts = [(*key[:4], key.event and key.event[:4]) for key in named]
            by_keys.append((*head, len(scope.events), artifacts, scope.undone))
            keys += sorted_keys(scope.events)
    return {
        "forget_windows": windows,
        "forget_sessions": sessions,
        "forget_keys": by_keys,
        "forget_texts": texts,
        **encode_keys(keys),
    }


def decode_artifacts(
    fields: Mapping[str, Any], sets: Sequence[tuple[bytes, ...]]
) -> frozenset[Artifact]:
    """Return the artifacts in decoded fields; `sets` are those of `decode_spared`.

    Raises IndexError for a number that is not in its table.
    """
    return frozenset(
        Artifact(
            _spared_key(key, sets),
            name,
            kind,
            size,
            sha256,
            tuple(Part(*part) for part in parts),
            revision,
            None if evidence is None else Evidence(*evidence),
        )
        for key, name, kind, size, sha256, parts, revision, evidence in fields["artifacts"]
    )


def _spared_key(row: tuple[Any, ...], sets: Sequence[tuple[bytes, ...]]) -> ArtifactKey:
    at_us, device, session, artifact_id, event, number = row
    owner = None if event is None else EventKey(*event[:4])._replace(spared=sets[event[4]])
    return ArtifactKey(at_us, device, session, artifact_id, owner, sets[number])


def decode_pins(fields: Mapping[str, Any]) -> frozenset[Pin]:
    """Return the pins in decoded fields."""
    return frozenset(Pin(*row) for row in fields["pins"])


def decode_tombstones(fields: Mapping[str, Any]) -> frozenset[Tombstone]:
    """Return the tombstones in decoded fields.

    Raises Fault, and IndexError for a number that is not in its table.
    """
    scopes = (
        *((row[:3], Window(*row[3:])) for row in fields["forget_windows"]),
        *((row[:3], WholeSession(*row[3:])) for row in fields["forget_sessions"]),
        *_key_scopes(fields),
        *((row[:3], _texts(row)) for row in fields["forget_texts"]),
    )
    return frozenset(Tombstone._make((*head, scope)) for head, scope in scopes)


def _key_scopes(fields: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], Keys]]:
    """Yield the first fields and the scope of each tombstone by keys. Raises Fault."""
    keys = decode_keys(fields)
    rest = iter(keys)
    rows = fields["forget_keys"]
    if sum(row[3] for row in rows) != len(keys):
        raise malformed("the number of keys differs from what its tombstones state")
    for *head, count, artifacts, undone in rows:
        if count + len(artifacts) > MAX_KEYS_IN_TOMBSTONE:
            raise malformed("a tombstone in it has too many keys")
        events = frozenset(islice(rest, count))
        yield tuple(head), Keys(events, frozenset(map(_artifact_key, artifacts)), undone)


def _texts(row: tuple[Any, ...]) -> Texts:
    """Return the scope of a text order. Raises Fault."""
    scope = Texts(*row[3:])
    if any(left >= right for left, right in pairwise(scope.digests)):
        raise malformed("the digests of a text order in it are not in ascending order")
    return scope


def _artifact_key(row: tuple[Any, ...]) -> ArtifactKey:
    at_us, device, session, artifact_id, event = row
    owner = None if event is None else EventKey(*event)
    return ArtifactKey(at_us, device, session, artifact_id, owner)
