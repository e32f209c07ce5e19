"""What a push writes: segments, the manifest that lists them, and the note in the database."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.model import Keys
from hx.database.sync import forgotten_copies, own_ledger, unpublished, vault
from hx.sync.heads import own_head
from hx.sync.publish import planned, publish
from hx.sync.push import push
from sync.cluster import new_cluster
from sync.second_process import act_at_put, in_second_process, use_wal


@pytest.fixture
def laptop():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster.devices[0]


def puts(device):
    return [key for call, key in device.store.calls if call == "put"]


def live(device):
    """Return the one segment that the newest manifest of the device lists."""
    (segment,) = own_ledger.live(device.database, device.me)
    return segment


def test_each_object_is_told_when_it_is_written(laptop):
    laptop.record()
    context, notes = laptop.context(), []
    context.on_note = notes.append
    del laptop.store.calls[:]
    push(context, laptop.outbox, laptop.name())
    written = [note.key for note in notes if note.verdict == "written"]
    assert written == puts(laptop)
    assert [key[:2] for key in written] == ["o/", "m/"]


def test_a_push_tells_its_progress_while_it_reads_encodes_writes_and_notes(laptop, monkeypatch):
    monkeypatch.setattr(unpublished, "_REPORTED", 1)
    for _ in range(3):
        laptop.record()
    context, steps = laptop.context(), []
    context.report_progress = lambda *step: steps.append(step)
    push(context, laptop.outbox, laptop.name())
    assert steps == [(part, 1_000) for part in (100, 200, 300, 300, 700, 800)]


def test_the_new_manifest_has_the_next_number_and_is_in_the_listing_of_the_push(laptop):
    laptop.record()
    context = laptop.context()
    before = own_head(context).seq
    push(context, laptop.outbox, laptop.name())
    key = puts(laptop)[-1]
    assert context.listing[key].object_id == object_names.parsed(key).object_id
    assert context.listing[key].seq == own_head(context).seq == before + 1


def test_where_the_roster_has_to_be_looked_at_and_nothing_is_new_no_manifest_is_written(laptop):
    with laptop.database.transaction():
        vault.update(laptop.database, slots_for=None)
    del laptop.store.calls[:]
    laptop.push()
    assert puts(laptop) == []


def test_a_segment_is_listed_with_the_times_by_which_a_tombstone_may_cover_its_records(laptop):
    """Those of its events, of its artifacts, and of the events to which these belong."""
    event = laptop.record()
    laptop.push()
    at_us = event.key.started_at_us
    assert (live(laptop).events, live(laptop).first_us, live(laptop).last_us) == (1, at_us, at_us)
    laptop.environment.now_us += 60_000_000
    laptop.keep(event)
    laptop.push()
    (artifact,) = laptop.dump().artifacts
    added = max(own_ledger.live(laptop.database, laptop.me), key=lambda segment: segment.last_us)
    assert (added.events, added.first_us, added.last_us) == (0, at_us, artifact.key.created_at_us)


def test_after_a_push_the_database_says_what_the_manifest_says(laptop):
    event = laptop.record()
    laptop.environment.now_us += 5
    laptop.push()
    replaced = puts(laptop)[-2]
    laptop.forget(Keys(frozenset([event.key])))
    assert vault.read(laptop.database).told_seq is None
    laptop.push()
    name = object_names.parsed(puts(laptop)[-1])
    known = vault.read(laptop.database)
    assert (known.own_seq, known.told_seq) == (name.seq, name.seq)
    assert known.pushed_at_us == laptop.now_us
    assert not unpublished.has_outgoing(laptop.database)
    assert laptop.outbox.read() is None
    assert replaced not in laptop.view.held
    assert object_names.segment(laptop.me, live(laptop).object_id) == puts(laptop)[-2]


def test_without_records_a_push_of_another_name_writes_a_manifest_only(laptop):
    laptop.record()
    laptop.push()
    before = live(laptop)
    del laptop.store.calls[:]
    assert push(laptop.context(), laptop.outbox, "renamed")[:4] == (0, 0, 0, 0)
    assert [key[:2] for key in puts(laptop)] == ["m/"]
    assert live(laptop) == before
    assert own_head(laptop.context()).label == "renamed"


def test_a_record_that_is_forgotten_after_the_plan_is_reported_before_its_segment_is_put(
    laptop,
):
    event = use_wal(laptop).record()
    context = laptop.context()
    context.list_manifests()
    plan = planned(context, laptop.name())
    with in_second_process(laptop):
        laptop.forget(Keys(frozenset([event.key])))
    reported = []
    act_at_put(laptop, "o/", lambda: reported.append(forgotten_copies.copies(laptop.database)))
    publish(context, laptop.outbox, plan)
    assert reported == [{laptop.me: [plan.parts[0].listed.object_id]}]
