"""A manifest is taken only under its own name, unchanged, and under a key that is vouched for."""

from __future__ import annotations

import pytest

from hx.core.format import manifest as manifest_format
from hx.core.format import object_names, slot, verdict
from hx.core.format.envelope import seal
from hx.core.format.keys import generate, key_id, new_vmk
from hx.core.format.manifest import Seen
from hx.core.format.roster_records import epoch
from hx.core.model import Keys
from hx.database.event_detail import device_names, rename_device
from hx.database.sync import ledger, unpublished, vault
from hx.sync.heads import SEEN_STEP, own_head
from hx.sync.manifests import attempt, is_readable, read_manifest
from hx.sync.membership import writing_key
from hx.sync.pull import pull
from stores.faulty import NONE
from sync.attacker import Attacker
from sync.devices import Device
from sync.meeting import vault_of
from sync.test_verdicts import DAY_US, judged


@pytest.fixture
def pair():
    with vault_of("one", "evil") as (_, devices):
        yield devices


def verdict_on(device, key):
    return attempt(lambda: read_manifest(device.context(), key))[1][:2]


@pytest.mark.parametrize("change", ["its number", "its device"])
def test_a_manifest_under_a_name_that_is_not_its_own_is_rejected(pair, change):
    """Whoever writes to the store can give a signed manifest another name."""
    one, evil = pair
    attacker = Attacker(evil)
    key = attacker.sign()
    name = object_names.parsed(key)
    other = {"its number": {"seq": name.seq + 1}, "its device": {"device_id": one.me}}[change]
    copy = attacker.copy(key, name._replace(**other))
    one.view.arrive()
    assert verdict_on(one, key) == (verdict.IMPORTED, "")
    assert verdict_on(one, copy) == (verdict.REJECTED, verdict.AUTHOR)


def rewritten(device, key, *, seed=None, label=None):
    """The manifest at this key with another label or another signature, sealed under its name."""
    context = device.context()
    signed = manifest_format.decode(context.unsealed(key, device.view.held[key]))
    one = signed.manifest._replace(label=label or signed.manifest.label)
    payload = manifest_format.encode(
        one, seed or device.custody.device.sign_seed, context.vault.vault_id
    )
    name_of_key, vmk = writing_key(context)
    name = object_names.parsed(key)._replace(key_id=name_of_key)
    return seal(name, payload, vault_id=context.vault.vault_id, vmk=vmk)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"label": "another"}, verdict.HASH), ({"seed": generate().sign_seed}, verdict.SIGNATURE)],
    ids=["other content", "another signature"],
)
def test_a_manifest_that_was_taken_is_read_back_only_as_it_was(pair, change, reason):
    """Before a device deletes what its manifest replaces it reads the manifest back."""
    one, _ = pair
    head = own_head(one.context())
    assert is_readable(one.context(), head)
    one.view.held[head.key] = rewritten(one, head.key, **change)
    _, found = attempt(lambda: read_manifest(one.context(), head.key, head=head))
    assert (found.status, found.reason) == (verdict.REJECTED, reason)
    assert not is_readable(one.context(), head)


def test_a_manifest_of_a_device_that_was_never_enrolled_is_not_read_back(pair):
    """A restored database may know a manifest and not the record that has added its device."""
    one, evil = pair
    head = own_head(evil.context())
    context = one.context()
    assert is_readable(context, head)
    with one.database.transaction():
        one.database.execute("DELETE FROM roster_record")
    assert not is_readable(one.context(), head)


def test_a_manifest_under_a_key_from_a_slot_waits_until_an_epoch_names_the_key(pair):
    """Who writes to the store can make a slot for any device."""
    one, evil = pair
    context, vmk = evil.context(), new_vmk()
    attacker = Attacker(evil)
    attacker.key_id = key_id(vmk)
    number = context.trust.next_number
    made = slot.Slot(attacker.vault_id, one.me, key_id(vmk), number, vmk)
    box_pub = context.trust.active[one.me].box_pub
    attacker.held.update([slot.sealed(made, author=evil.me, box_pub=box_pub)])
    key = attacker.sign(vmk=vmk)
    one.view.arrive()
    for _ in range(2):
        one.pull()
        assert judged(one, key) == (verdict.PENDING, verdict.NO_KEY)
    seed = evil.custody.device.sign_seed
    named = epoch(number, key_id(vmk), (), seed=seed, vault_id=attacker.vault_id)
    later = attacker.sign(vmk=vmk, roster=(*attacker.roster, named))
    one.view.arrive()
    one.pull()
    assert judged(one, later)[0] == verdict.IMPORTED
    assert one.custody.vmks[key_id(vmk)] == (number, vmk)


def test_a_pull_that_misses_a_segment_looks_again_for_what_has_replaced_it(pair):
    """Its author has written it anew between the listing and the request."""
    one, other = pair
    kept, gone = other.record(), other.record()
    other.push()
    one.view.arrive()
    later = [other.record()]
    other.forget(Keys(frozenset([gone.key])))
    other.push()
    segments = [key for key in one.view.held if key.startswith("o/")]
    for key in segments:
        del one.view.held[key]

    def arrives(_number, operation, key):
        if operation == "get" and key.startswith("o/"):
            one.view.arrive()
        return NONE

    one.store.choose = arrives
    pulled = one.pull()
    assert {kept, *later} <= one.dump().events
    assert gone not in one.dump().events
    assert (pulled.pending, pulled.objects) == (0, 1)


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_listings_of_which_the_second_has_no_news_the_missing_segment_waits(pair, first):
    one, other = pair
    other.record()
    other.push()
    one.view.arrive()
    for key in [key for key in one.view.held if key.startswith("o/")]:
        del one.view.held[key]
    del one.store.calls[:]
    for _ in range(first):
        assert one.pull().pending == 1
    assert one.store.calls.count(("list", "m/")) == 2 * first
    assert ledger.counts(one.database)[verdict.PENDING] == 1


@pytest.mark.parametrize(
    ("reads", "waited_us", "status"),
    [
        (3, DAY_US, verdict.REJECTED),
        (3, DAY_US - 1, verdict.PENDING),
        (2, DAY_US, verdict.PENDING),
    ],
)
def test_wrong_bytes_are_rejected_by_the_read_after_three_reads_and_a_day(
    pair, reads, waited_us, status
):
    """They may be half of a file that is still arriving."""
    one, evil = pair
    key = Attacker(evil).sign(seed=generate().sign_seed)
    one.view.arrive()
    for _ in range(reads):
        one.pull()
    assert judged(one, key)[0] == verdict.PENDING
    one.world.now_us += waited_us
    one.pull()
    assert judged(one, key)[0] == status


def test_a_pull_tells_by_its_context_what_it_has_heard_of(pair):
    """The device that is new, and the own manifests that this database did not know."""
    one, evil = pair
    newcomer = Device(one.world, "third")
    code = one.invite()
    newcomer.view.arrive()
    newcomer.join(code)
    newcomer.sync()
    clone = one.clone("clone")
    clone.record()
    clone.push()
    for device in (one, evil):
        device.view.arrive()
    context = one.context()
    pull(context)
    assert [member.device_id for member in context.newcomers] == [newcomer.me]
    (own,) = context.own_read
    assert object_names.parsed(own).device_id == one.me
    again = one.context()
    pull(again)
    assert (again.newcomers, again.own_read) == ([], [])
    newcomer.close()
    clone.close()


def test_the_name_of_a_device_is_that_of_its_newest_manifest(pair):
    one, evil = pair
    old = Attacker(evil)
    old.sign()
    one.view.arrive()
    one.pull()
    assert device_names(one.database)[evil.me] == "evil"
    evil.view.arrive()
    with evil.database.transaction():
        rename_device(evil.database, evil.me, "renamed")
    evil.record()
    evil.push()
    one.view.arrive()
    one.pull()
    assert device_names(one.database)[evil.me] == "renamed"


def own_manifests(device):
    return sorted(
        key for key in device.world.objects if key.startswith(object_names.manifests_of(device.me))
    )


def test_of_another_device_the_newest_manifest_is_read_and_no_other(pair):
    one, other = pair
    for _ in range(3):
        other.record()
        other.push()
    one.view.arrive()
    del one.store.calls[:]
    one.pull()
    read = [key for call, key in one.store.calls if call == "get" and key.startswith("m/")]
    assert read == own_manifests(other)[-1:]


def test_of_this_device_all_manifests_are_read_that_it_does_not_know(pair):
    """Each may hold what a restored disk has forgotten."""
    one, _ = pair
    backup = one.backup()
    for _ in range(3):
        one.record()
        one.push()
    one.restore(backup)
    context = one.context()
    pull(context)
    assert sorted(context.own_read) == own_manifests(one)
    assert len(context.own_read) == 2


def test_where_the_newest_manifest_cannot_be_read_the_one_before_is_taken(pair):
    one, other = pair
    before = other.record()
    other.push()
    after = other.record()
    other.push()
    one.view.arrive()
    newest = own_manifests(other)[-1]
    one.view.held[newest] = one.view.held[newest][:-1]
    one.pull()
    assert before in one.dump().events
    assert after not in one.dump().events


@pytest.mark.parametrize("encrypt", [True, False], ids=["sealed", "plain"])
def test_a_manifest_that_waits_for_the_roster_is_taken_with_the_one_that_brings_it(encrypt):
    with vault_of("one", "other", encrypt=encrypt) as meeting:
        one, other = meeting.devices
        third = Device(meeting.world, "third")
        code = one.invite()
        third.view.arrive()
        third.join(code)
        third.push()
        (first,) = own_manifests(third)
        key = Attacker(third).sign(roster=())
        other.view.arrive()
        del other.view.held[first]
        other.pull()
        assert judged(other, key) == (verdict.PENDING, verdict.ROSTER)
        one.view.arrive()
        one.sync()
        other.view.held.update(one.view.held)
        del other.view.held[first]
        other.pull()
        assert judged(other, key)[0] == verdict.IMPORTED
        third.close()


def test_each_manifest_is_told_with_what_became_of_it(pair):
    one, evil = pair
    evil.record()
    evil.push()
    good = own_manifests(evil)[-1]
    bad = Attacker(evil).sign(seed=generate().sign_seed)
    one.view.arrive()
    context, notes = one.context(), []
    context.on_note = notes.append
    pull(context)
    said = {note.key: note.verdict for note in notes if note.key.startswith("m/")}
    assert said == {good: verdict.IMPORTED, bad: f"{verdict.PENDING} {verdict.INCOMPLETE}"}


def test_a_restored_disk_uses_no_number_that_another_device_has_seen(pair):
    one, other = pair
    backup = one.backup()
    for _ in range(3):
        one.record()
        one.push()
    newest = object_names.parsed(own_manifests(one)[-1]).seq
    other.view.arrive()
    other.record()
    other.sync()
    lost = own_manifests(one)
    one.restore(backup)
    one.view.arrive()
    for key in lost:
        del one.view.held[key]
    assert vault.read(one.database).own_seq < newest
    one.pull()
    assert vault.read(one.database).own_seq == newest


def test_an_own_manifest_raises_the_own_number(pair):
    one, _ = pair
    backup = one.backup()
    one.record()
    one.push()
    one.restore(backup)
    one.pull()
    assert vault.read(one.database).own_seq == object_names.parsed(own_manifests(one)[-1]).seq


@pytest.mark.parametrize("seed", range(4))  # chance says which of the two is the greater
@pytest.mark.parametrize("together", [True, False])
def test_of_two_manifests_with_one_number_the_others_take_both_and_their_device_one(seed, together):
    """And then its device publishes what was in the segment of the other."""
    with vault_of("one", "other", seed=seed) as meeting:
        one, other = meeting.devices
        clone = one.clone("clone")
        both = one.record(), clone.record()
        one.push()
        if not together:
            other.view.arrive()
            other.pull()
        clone.push()
        for device in (one, other):
            device.view.arrive()
            device.pull()
        live = [len(ledger.live(device.database, one.me)) for device in (one, other)]
        assert live == [1, 2]
        assert set(both) <= other.dump().events
        assert unpublished.count(one.database, one.now_us) == 1
        one.push()
        other.view.arrive()
        other.pull()
        assert len(ledger.live(other.database, one.me)) == 2
        assert unpublished.count(one.database, one.now_us) == 0
        clone.close()


@pytest.mark.parametrize(("ahead", "is_believed"), [(SEEN_STEP, True), (SEEN_STEP + 1, False)])
def test_an_own_number_that_another_device_claims_to_have_seen_is_believed_if_it_is_near(
    pair, ahead, is_believed
):
    """A member could use up the numbers of another one."""
    one, evil = pair
    known = vault.read(one.database).own_seq
    Attacker(evil).sign(seen=(Seen(one.me, known + ahead, bytes(32)),))
    one.view.arrive()
    one.pull()
    assert vault.read(one.database).own_seq == known + ahead * is_believed


def test_a_manifest_without_a_label_takes_the_name_of_a_device_from_nobody(pair):
    one, evil = pair
    before = device_names(one.database)[evil.me]
    Attacker(evil).sign(label="")
    one.view.arrive()
    one.pull()
    assert device_names(one.database)[evil.me] == before
