"""Artifacts and pins as rows: each comes back as it was written, and only a change is written."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import ME, OTHER, SESSION, artifact, event, object_id, pin
from database.test_join import join_delta
from database.test_tombstones import ARTIFACTS, FIRST, each_scope
from hx.core.merge import Cover, History
from hx.core.model import Evidence, Part, Pin
from hx.database import artifacts

ELSEWHERE = b"\xb0" * 16
LOG = artifact(11)
VERSIONS = {
    "with its event": artifact(11, owner=event(10).key),
    "of an event at the time 0": artifact(11, owner=event(0).key),
    "of an event of another device": artifact(11, owner=event(10, OTHER).key),
    "with parts": LOG._replace(parts=(Part(ME, object_id(1), 2, b"s" * 32),) * 2),
    "with evidence": LOG._replace(evidence=Evidence(1, (2, 3), (b"a", b"b"))),
    "redacted": LOG._replace(revision=1),
    "of another name": LOG._replace(name=b"\xff", kind="output", size=0),
}


def write(database, before, after):
    """Write the difference between artifacts; return how many rows changed."""
    rows = artifacts.rows_of_artifacts(database, before)
    local = {record: row for row, record in rows.items()}
    assert {*local} == {*before}
    return artifacts.write_artifacts(database, local, frozenset(after))


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_each_field_of_an_artifact_comes_back(database, version):
    assert not artifacts.has_artifacts(database)
    assert write(database, [], [version]) == 1
    assert artifacts.has_artifacts(database)
    assert artifacts.read_artifacts(database) == {version}
    assert artifacts.rows_of_artifacts(database, [version]) == {1: version}
    assert artifacts.rows_of_artifacts(database, [LOG]) == {}, "this version is not here"


def test_only_what_differs_is_written(database):
    other, new = artifact(12, number=8), artifact(13, number=9)
    write(database, [], [LOG, other])
    rows = artifacts.rows_of_artifacts(database, [LOG, other])
    assert write(database, [LOG, other], [LOG, other]) == 0
    assert write(database, [LOG, other], [LOG, new]) == 2
    assert artifacts.read_artifacts(database) == {LOG, new}
    (row,) = artifacts.rows_of_artifacts(database, [LOG])
    assert rows[row] == LOG, "its row stays"


def test_artifacts_with_an_id_of_the_delta_are_touched_and_no_others(database):
    write(database, [], [LOG, artifact(12, number=8)])
    delta = History(artifacts=frozenset({LOG._replace(revision=1)}))
    assert {*artifacts.touched_artifacts(database, delta, [])} == {LOG}


@each_scope
def test_the_artifacts_that_a_tombstone_covers_are_touched_by_it(database, scope):
    join_delta(database, History(artifacts=frozenset(ARTIFACTS)))
    tombstone = FIRST._replace(scope=scope)
    cover = Cover([tombstone])
    touched = artifacts.touched_artifacts(database, History(), [tombstone])
    assert {*touched} >= {record for record in ARTIFACTS if cover.artifact(record.key)}
    ids = {record.key.artifact_id for record in ARTIFACTS if cover.artifact(record.key)}
    assert {record.key.artifact_id for record in touched} == ids, "no others are read"


def test_a_pin_replaces_that_of_its_session_and_comes_back(database):
    other = Pin(ELSEWHERE, False, 7, OTHER)
    artifacts.write_pins(database, [pin(), other])
    newer = Pin(SESSION, False, 6, OTHER)
    artifacts.write_pins(database, [newer])
    assert artifacts.read_pins(database) == {newer, other}
    assert artifacts.read_pins(database, "changed_at_us > 6") == {other}
    delta = History(pins=frozenset({pin(), Pin(b"\xc0" * 16, True, 9, ME)}))
    assert artifacts.touched_pins(database, delta) == {newer}
