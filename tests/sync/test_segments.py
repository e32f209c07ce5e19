"""Which segments a device takes, what it notes of each, and what it leaves alone."""

from __future__ import annotations

import pytest

from hx.core.format import object_names, verdict
from hx.core.format.envelope import size_limit
from hx.core.format.verdict import Fault
from hx.core.model import Keys
from hx.custody.key_set import Secrets
from hx.database.connection import UNCLEAN
from hx.database.event_detail import device_names
from hx.database.sync import forgotten_copies, ledger, own_ledger
from hx.sync.pull import pull
from hx.sync.segments import (
    SEARCHED_ONLY,
    UNLISTED,
    join_from_outbox,
    read_segment,
    try_segment,
    unlisted_row,
)
from sync.cluster import converge, new_cluster
from sync.departures import leave, revoked
from sync.losses import cut_short, own_segments, put
from sync.test_verdicts import judged


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def test_a_segment_that_comes_after_its_device_was_revoked_is_skipped(cluster):
    laptop, desktop = cluster.devices
    event = desktop.record()
    desktop.push()
    (key,) = own_segments(cluster, desktop)
    laptop.view.receive()
    late = laptop.view.held.pop(key)
    assert laptop.pull().pending == 1
    revoked(laptop, desktop.me)
    laptop.view.held[key] = late
    assert laptop.pull().pending == 0
    assert judged(laptop, key) == (verdict.SKIPPED, verdict.REVOKED)
    assert event not in laptop.dump().events


def test_the_segments_of_a_revoked_device_are_searched_all_the_same(cluster):
    """What is forgotten may lie in them for ever."""
    laptop, desktop = cluster.devices
    event = desktop.record()
    converge(*cluster)
    (segment,) = own_ledger.live(laptop.database, desktop.me)
    revoked(laptop, desktop.me)
    assert try_segment(laptop.context(), segment)[1][:2] == (verdict.SKIPPED, verdict.REVOKED)
    assert event in read_segment(laptop.context(), segment, omit=SEARCHED_ONLY).history.events


def unlisted(cluster, data):
    laptop = cluster.devices[0]
    row = unlisted_row(laptop.me, b"\x55" * 16)
    put(cluster, {object_names.segment(laptop.me, row.object_id): data})
    with pytest.raises(Fault) as caught:
        read_segment(laptop.context(), row, omit=UNLISTED)
    return caught.value.reason


def test_an_unlisted_segment_is_no_larger_than_an_object_may_be(cluster):
    limit = size_limit(object_names.SEGMENT)
    assert unlisted(cluster, bytes(limit)) == verdict.MAGIC
    assert unlisted(cluster, bytes(limit + 1)) == verdict.TOO_LARGE


def test_what_is_in_an_outbox_is_joined_and_noted_as_taken(cluster):
    laptop, _ = cluster.devices
    backup = laptop.backup()
    event = laptop.record()
    objects = cut_short(laptop)
    laptop.restore(backup)
    assert event not in laptop.dump().events
    join_from_outbox(laptop.context(), objects)
    assert event in laptop.dump().events
    name = object_names.parsed(objects[0][0])
    known = ledger.find(laptop.database, laptop.me, name.object_id)
    assert (known.status, known.size) == (verdict.IMPORTED, len(objects[0][1]))


def test_an_outbox_whose_key_is_gone_is_left_alone_and_holds_up_nothing(cluster):
    laptop, _ = cluster.devices
    backup = laptop.backup()
    first = laptop.record()
    objects = cut_short(laptop)
    laptop.restore(backup)
    laptop.custody, kept = Secrets(laptop.custody.device, {}), laptop.custody
    join_from_outbox(laptop.context(), objects)
    assert first not in laptop.dump().events
    laptop.custody = kept
    broken = [(objects[0][0], objects[0][1][:-1]), *objects]
    join_from_outbox(laptop.context(), broken)
    assert first in laptop.dump().events


def test_the_files_are_to_be_cleaned_when_an_outbox_brings_back_that_something_is_forgotten(
    cluster,
):
    laptop, desktop = cluster.devices
    event = desktop.record()
    converge(*cluster)
    backup = laptop.backup()
    laptop.forget(Keys(frozenset([event.key])))
    objects = cut_short(laptop)
    laptop.restore(backup)
    assert event in laptop.dump().events
    assert laptop.database.meta(UNCLEAN) is None
    join_from_outbox(laptop.context(), objects)
    assert event not in laptop.dump().events
    assert laptop.database.meta(UNCLEAN) == laptop.now_us


def test_the_files_are_to_be_cleaned_when_a_segment_brings_that_something_is_forgotten(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    converge(*cluster)
    desktop.record()
    desktop.sync()
    laptop.view.receive()
    laptop.pull()
    assert laptop.database.meta(UNCLEAN) is None
    desktop.forget(Keys(frozenset([event.key])))
    desktop.sync()
    laptop.view.receive()
    assert laptop.pull().forgotten == 1
    assert laptop.database.meta(UNCLEAN) == laptop.now_us


def test_each_segment_is_told_with_its_number_and_what_became_of_it(cluster):
    laptop, desktop = cluster.devices
    for _ in range(2):
        desktop.record()
        desktop.push()
    laptop.view.receive()
    missing, whole = own_segments(cluster, desktop)
    del laptop.view.held[missing]
    context, told, notes = laptop.context(), [], []
    context.report_progress = lambda done, size: told.append((done, size))
    context.on_note = notes.append
    done = pull(context)
    assert (done.objects, done.events, done.pending) == (1, 1, 1)
    assert told == [(0, 2), (1, 2)]
    said = {note.key: note.verdict for note in notes}
    assert said[whole] == verdict.IMPORTED
    assert said[missing] == f"{verdict.PENDING} {verdict.NOT_ARRIVED}"


def test_a_segment_without_what_is_forgotten_clears_its_note(cluster):
    laptop, desktop = cluster.devices
    desktop.record()
    desktop.push()
    (key,) = own_segments(cluster, desktop)
    object_id = object_names.parsed(key).object_id
    laptop.view.receive()
    late = laptop.view.held.pop(key)
    laptop.pull()
    with laptop.database.transaction():
        forgotten_copies.note_own(laptop.database, desktop.me, object_id)
    assert forgotten_copies.copies(laptop.database) == {desktop.me: [object_id]}
    laptop.view.held[key] = late
    del laptop.store.calls[:]
    laptop.pull()
    assert forgotten_copies.copies(laptop.database) == {}
    assert laptop.store.calls.count(("get", key)) == 1, "to take it was to search it"


def test_where_an_import_came_from_is_named_after_the_device_that_has_shown_it(cluster):
    laptop, desktop = cluster.devices
    desktop.import_(0, 1)
    (event,) = desktop.dump().events
    desktop.push()
    laptop.view.receive()
    laptop.pull()
    assert device_names(laptop.database)[event.key.device_id] == desktop.name()


def test_where_an_import_in_an_outbox_came_from_is_named_after_this_device(cluster):
    laptop, _ = cluster.devices
    backup = laptop.backup()
    laptop.import_(0, 1)
    (event,) = laptop.dump().events
    objects = cut_short(laptop)
    laptop.restore(backup)
    join_from_outbox(laptop.context(), objects)
    assert device_names(laptop.database)[event.key.device_id] == laptop.name()


@pytest.mark.parametrize(
    ("change", "what"), [(lambda data: data[:-1], "shorter"), (lambda data: data[::-1], "other")]
)
def test_while_a_segment_may_still_arrive_it_is_told_what_differs(cluster, change, what):
    laptop, desktop = cluster.devices
    desktop.record()
    desktop.push()
    (key,) = own_segments(cluster, desktop)
    laptop.view.receive()
    laptop.view.held[key] = change(laptop.view.held[key])
    laptop.pull()
    (told,) = laptop.database.execute("SELECT detail FROM segment WHERE detail <> ''")
    assert told[0].startswith(what)


def test_what_comes_after_its_device_has_left_is_published_anew(cluster):
    laptop, desktop = cluster.devices
    event = desktop.record()
    desktop.push()
    (key,) = own_segments(cluster, desktop)
    leave(desktop)
    laptop.view.receive()
    late = laptop.view.held.pop(key)
    laptop.sync()
    laptop.sync()
    assert own_segments(cluster, laptop) == []
    laptop.view.held[key] = late
    laptop.sync()
    assert event in laptop.dump().events
    assert len(own_segments(cluster, laptop)) == 1
