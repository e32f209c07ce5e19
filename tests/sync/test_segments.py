"""Which segments a device takes, what it notes of each, and what it leaves alone."""

from __future__ import annotations

import pytest

from hx.core.format import object_names, verdict
from hx.core.format.envelope import size_limit
from hx.core.format.roster_records import device_revoke
from hx.core.format.verdict import Fault
from hx.core.model import Keys
from hx.custody.key_set import Secrets
from hx.database.connection import UNCLEAN
from hx.database.event_detail import device_names
from hx.database.sync import forgotten_copies, ledger
from hx.sync.pull import pull
from hx.sync.segments import (
    SEARCHED_ONLY,
    UNLISTED,
    join_from_outbox,
    read_segment,
    try_segment,
    unlisted_row,
)
from stores.faulty import NONE, never
from sync.meeting import meet, vault_of
from sync.test_repair import own_segments, put
from sync.test_verdicts import judged
from sync.world import Crash


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def revoked(one, device_id):
    """One has heard that the device is no longer in the vault."""
    context = one.context()
    seed, vault_id = one.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(device_id, (), seed=seed, vault_id=vault_id)])


def test_a_segment_that_comes_after_its_device_was_revoked_is_skipped(meeting):
    one, other = meeting.devices
    event = other.record()
    other.push()
    (key,) = own_segments(meeting, other)
    one.view.arrive()
    late = one.view.held.pop(key)
    assert one.pull().pending == 1
    revoked(one, other.me)
    one.view.held[key] = late
    assert one.pull().pending == 0
    assert judged(one, key) == (verdict.SKIPPED, verdict.REVOKED)
    assert event not in one.dump().events


def test_the_segments_of_a_revoked_device_are_searched_all_the_same(meeting):
    """What is forgotten may lie in them for ever."""
    one, other = meeting.devices
    event = other.record()
    meet(*meeting)
    (segment,) = ledger.live(one.database, other.me)
    revoked(one, other.me)
    assert try_segment(one.context(), segment)[1][:2] == (verdict.SKIPPED, verdict.REVOKED)
    assert event in read_segment(one.context(), segment, omit=SEARCHED_ONLY).history.events


def unlisted(meeting, data):
    one = meeting.devices[0]
    row = unlisted_row(one.me, b"\x55" * 16)
    put(meeting, {object_names.segment(one.me, row.object_id): data})
    with pytest.raises(Fault) as caught:
        read_segment(one.context(), row, omit=UNLISTED)
    return caught.value.reason


def test_an_unlisted_segment_is_no_larger_than_an_object_may_be(meeting):
    limit = size_limit(object_names.SEGMENT)
    assert unlisted(meeting, bytes(limit)) == verdict.MAGIC
    assert unlisted(meeting, bytes(limit + 1)) == verdict.TOO_LARGE


def cut_short(one):
    """The objects of a push whose segments are in the outbox, and its manifest nowhere."""

    def choose(_number, operation, key):
        if operation == "put" and key.startswith("m/"):
            raise Crash
        return NONE

    one.store.choose = choose
    with pytest.raises(Crash):
        one.push()
    one.arrange(never)
    return list(one.outbox.objects(one.outbox.read()))


def test_what_is_in_an_outbox_is_joined_and_noted_as_taken(meeting):
    one, _ = meeting.devices
    backup = one.backup()
    event = one.record()
    objects = cut_short(one)
    one.restore(backup)
    assert event not in one.dump().events
    join_from_outbox(one.context(), objects)
    assert event in one.dump().events
    name = object_names.parsed(objects[0][0])
    known = ledger.find(one.database, one.me, name.object_id)
    assert (known.status, known.size) == (verdict.IMPORTED, len(objects[0][1]))


def test_an_outbox_whose_key_is_gone_is_left_alone_and_holds_up_nothing(meeting):
    one, _ = meeting.devices
    backup = one.backup()
    first = one.record()
    objects = cut_short(one)
    one.restore(backup)
    one.custody, kept = Secrets(one.custody.device, {}), one.custody
    join_from_outbox(one.context(), objects)
    assert first not in one.dump().events
    one.custody = kept
    broken = [(objects[0][0], objects[0][1][:-1]), *objects]
    join_from_outbox(one.context(), broken)
    assert first in one.dump().events


def test_the_files_are_to_be_cleaned_when_an_outbox_brings_back_that_something_is_forgotten(
    meeting,
):
    one, other = meeting.devices
    event = other.record()
    meet(*meeting)
    backup = one.backup()
    one.forget(Keys(frozenset([event.key])))
    objects = cut_short(one)
    one.restore(backup)
    assert event in one.dump().events
    assert one.database.meta(UNCLEAN) is None
    join_from_outbox(one.context(), objects)
    assert event not in one.dump().events
    assert one.database.meta(UNCLEAN) == one.now_us


def test_the_files_are_to_be_cleaned_when_a_segment_brings_that_something_is_forgotten(meeting):
    one, other = meeting.devices
    event = one.record()
    meet(*meeting)
    other.record()
    other.sync()
    one.view.arrive()
    one.pull()
    assert one.database.meta(UNCLEAN) is None
    other.forget(Keys(frozenset([event.key])))
    other.sync()
    one.view.arrive()
    assert one.pull().forgotten == 1
    assert one.database.meta(UNCLEAN) == one.now_us


def test_each_segment_is_told_with_its_number_and_what_became_of_it(meeting):
    one, other = meeting.devices
    for _ in range(2):
        other.record()
        other.push()
    one.view.arrive()
    missing, whole = own_segments(meeting, other)
    del one.view.held[missing]
    context, told, notes = one.context(), [], []
    context.tell = lambda done, size: told.append((done, size))
    context.on_note = notes.append
    done = pull(context)
    assert (done.objects, done.events, done.pending) == (1, 1, 1)
    assert told == [(0, 2), (1, 2)]
    said = {note.key: note.verdict for note in notes}
    assert said[whole] == verdict.IMPORTED
    assert said[missing] == f"{verdict.PENDING} {verdict.NOT_ARRIVED}"


def test_a_segment_without_what_is_forgotten_clears_its_note(meeting):
    one, other = meeting.devices
    other.record()
    other.push()
    (key,) = own_segments(meeting, other)
    object_id = object_names.parsed(key).object_id
    one.view.arrive()
    late = one.view.held.pop(key)
    one.pull()
    with one.database.transaction():
        forgotten_copies.note_own(one.database, other.me, object_id)
    assert forgotten_copies.copies(one.database) == {other.me: [object_id]}
    one.view.held[key] = late
    del one.store.calls[:]
    one.pull()
    assert forgotten_copies.copies(one.database) == {}
    assert one.store.calls.count(("get", key)) == 1, "to take it was to search it"


def test_where_an_import_came_from_is_named_after_the_device_that_has_shown_it(meeting):
    one, other = meeting.devices
    other.import_(0, 1)
    (event,) = other.dump().events
    other.push()
    one.view.arrive()
    one.pull()
    assert device_names(one.database)[event.key.device_id] == other.name()


def test_where_an_import_in_an_outbox_came_from_is_named_after_this_device(meeting):
    one, _ = meeting.devices
    backup = one.backup()
    one.import_(0, 1)
    (event,) = one.dump().events
    objects = cut_short(one)
    one.restore(backup)
    join_from_outbox(one.context(), objects)
    assert device_names(one.database)[event.key.device_id] == one.name()
