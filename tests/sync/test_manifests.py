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
from hx.database.sync import ledger, own_ledger, unpublished, vault
from hx.sync.heads import SEEN_STEP, own_head
from hx.sync.manifests import attempt, is_readable, read_manifest
from hx.sync.membership import writing_key
from hx.sync.pull import pull
from stores.faulty import NONE
from sync.attacker import Attacker
from sync.cluster import new_cluster
from sync.devices import Device
from sync.test_verdicts import DAY_US, judged


@pytest.fixture
def pair():
    with new_cluster("laptop", "rogue") as (_, devices):
        yield devices


def verdict_on(device, key):
    return attempt(lambda: read_manifest(device.context(), key))[1][:2]


@pytest.mark.parametrize("change", ["its number", "its device"])
def test_a_manifest_under_a_name_that_is_not_its_own_is_rejected(pair, change):
    """Whoever writes to the store can give a signed manifest another name."""
    laptop, rogue = pair
    attacker = Attacker(rogue)
    key = attacker.sign()
    name = object_names.parsed(key)
    desktop = {"its number": {"seq": name.seq + 1}, "its device": {"device_id": laptop.me}}[change]
    copy = attacker.copy(key, name._replace(**desktop))
    laptop.view.receive()
    assert verdict_on(laptop, key) == (verdict.IMPORTED, "")
    assert verdict_on(laptop, copy) == (verdict.REJECTED, verdict.AUTHOR)


def rewritten(device, key, *, seed=None, label=None):
    """The manifest at this key with another label or another signature, sealed under its name."""
    context = device.context()
    signed = manifest_format.decode(context.unsealed(key, device.view.held[key]))
    laptop = signed.manifest._replace(label=label or signed.manifest.label)
    payload = manifest_format.encode(
        laptop, seed or device.custody.device.sign_seed, context.vault.vault_id
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
    laptop, _ = pair
    head = own_head(laptop.context())
    assert is_readable(laptop.context(), head)
    laptop.view.held[head.key] = rewritten(laptop, head.key, **change)
    _, found = attempt(lambda: read_manifest(laptop.context(), head.key, head=head))
    assert (found.status, found.reason) == (verdict.REJECTED, reason)
    assert not is_readable(laptop.context(), head)


def test_a_manifest_of_a_device_that_was_never_enrolled_is_not_read_back(pair):
    """A restored database may know a manifest and not the record that has added its device."""
    laptop, rogue = pair
    head = own_head(rogue.context())
    context = laptop.context()
    assert is_readable(context, head)
    with laptop.database.transaction():
        laptop.database.execute("DELETE FROM roster_record")
    assert not is_readable(laptop.context(), head)


def test_a_manifest_under_a_key_from_a_slot_waits_until_an_epoch_names_the_key(pair):
    """Who writes to the store can make a slot for any device."""
    laptop, rogue = pair
    context, vmk = rogue.context(), new_vmk()
    attacker = Attacker(rogue)
    attacker.key_id = key_id(vmk)
    number = context.trust.next_number
    made = slot.Slot(attacker.vault_id, laptop.me, key_id(vmk), number, vmk)
    box_pub = context.trust.active[laptop.me].box_pub
    attacker.held.update([slot.sealed(made, author=rogue.me, box_pub=box_pub)])
    key = attacker.sign(vmk=vmk)
    laptop.view.receive()
    for _ in range(2):
        laptop.pull()
        assert judged(laptop, key) == (verdict.PENDING, verdict.NO_KEY)
    seed = rogue.custody.device.sign_seed
    named = epoch(number, key_id(vmk), (), seed=seed, vault_id=attacker.vault_id)
    later = attacker.sign(vmk=vmk, roster=(*attacker.roster, named))
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, later)[0] == verdict.IMPORTED
    assert laptop.custody.vmks[key_id(vmk)] == (number, vmk)


def test_a_pull_that_misses_a_segment_looks_again_for_what_has_replaced_it(pair):
    """Its author has written it anew between the listing and the request."""
    laptop, desktop = pair
    kept, gone = desktop.record(), desktop.record()
    desktop.push()
    laptop.view.receive()
    later = [desktop.record()]
    desktop.forget(Keys(frozenset([gone.key])))
    desktop.push()
    segments = [key for key in laptop.view.held if key.startswith("o/")]
    for key in segments:
        del laptop.view.held[key]

    def arrives(_number, operation, key):
        if operation == "get" and key.startswith("o/"):
            laptop.view.receive()
        return NONE

    laptop.store.choose = arrives
    pulled = laptop.pull()
    assert {kept, *later} <= laptop.dump().events
    assert gone not in laptop.dump().events
    assert (pulled.pending, pulled.objects) == (0, 1)


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_listings_of_which_the_second_has_no_news_the_missing_segment_waits(pair, first):
    laptop, desktop = pair
    desktop.record()
    desktop.push()
    laptop.view.receive()
    for key in [key for key in laptop.view.held if key.startswith("o/")]:
        del laptop.view.held[key]
    del laptop.store.calls[:]
    for _ in range(first):
        assert laptop.pull().pending == 1
    assert laptop.store.calls.count(("list", "m/")) == 2 * first
    assert ledger.counts(laptop.database)[verdict.PENDING] == 1


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
    laptop, rogue = pair
    key = Attacker(rogue).sign(seed=generate().sign_seed)
    laptop.view.receive()
    for _ in range(reads):
        laptop.pull()
    assert judged(laptop, key)[0] == verdict.PENDING
    laptop.environment.now_us += waited_us
    laptop.pull()
    assert judged(laptop, key)[0] == status


def test_a_pull_tells_by_its_context_what_it_has_heard_of(pair):
    """The device that is new, and the own manifests that this database did not know."""
    laptop, rogue = pair
    new_member = Device(laptop.environment, "server")
    code = laptop.invite()
    new_member.view.receive()
    new_member.join(code)
    new_member.sync()
    clone = laptop.clone("clone")
    clone.record()
    clone.push()
    for device in (laptop, rogue):
        device.view.receive()
    context = laptop.context()
    pull(context)
    assert [member.device_id for member in context.newcomers] == [new_member.me]
    (own,) = context.own_read
    assert object_names.parsed(own).device_id == laptop.me
    again = laptop.context()
    pull(again)
    assert (again.newcomers, again.own_read) == ([], [])
    new_member.close()
    clone.close()


def test_the_name_of_a_device_is_that_of_its_newest_manifest(pair):
    laptop, rogue = pair
    old = Attacker(rogue)
    old.sign()
    laptop.view.receive()
    laptop.pull()
    assert device_names(laptop.database)[rogue.me] == "evil"
    rogue.view.receive()
    with rogue.database.transaction():
        rename_device(rogue.database, rogue.me, "renamed")
    rogue.record()
    rogue.push()
    laptop.view.receive()
    laptop.pull()
    assert device_names(laptop.database)[rogue.me] == "renamed"


def own_manifests(device):
    return sorted(
        key
        for key in device.environment.objects
        if key.startswith(object_names.manifests_of(device.me))
    )


def test_of_another_device_the_newest_manifest_is_read_and_no_other(pair):
    laptop, desktop = pair
    for _ in range(3):
        desktop.record()
        desktop.push()
    laptop.view.receive()
    del laptop.store.calls[:]
    laptop.pull()
    read = [key for call, key in laptop.store.calls if call == "get" and key.startswith("m/")]
    assert read == own_manifests(desktop)[-1:]
    theirs = object_names.manifests_of(desktop.me)
    known = [key for key in ledger.known_manifests(laptop.database) if key.startswith(theirs)]
    assert known == read, "older ones do not stay in the ledger"


def test_of_this_device_all_manifests_are_read_that_it_does_not_know(pair):
    """Each may hold what a restored disk has forgotten."""
    laptop, _ = pair
    backup = laptop.backup()
    for _ in range(3):
        laptop.record()
        laptop.push()
    laptop.restore(backup)
    context = laptop.context()
    pull(context)
    assert sorted(context.own_read) == own_manifests(laptop)
    assert len(context.own_read) == 2


def test_where_the_newest_manifest_cannot_be_read_the_one_before_is_taken(pair):
    laptop, desktop = pair
    before = desktop.record()
    desktop.push()
    after = desktop.record()
    desktop.push()
    laptop.view.receive()
    newest = own_manifests(desktop)[-1]
    laptop.view.held[newest] = laptop.view.held[newest][:-1]
    laptop.pull()
    assert before in laptop.dump().events
    assert after not in laptop.dump().events


@pytest.mark.parametrize("encrypt", [True, False], ids=["sealed", "plain"])
def test_a_manifest_that_waits_for_the_roster_is_taken_with_the_one_that_brings_it(encrypt):
    with new_cluster("laptop", "desktop", encrypt=encrypt) as cluster:
        laptop, desktop = cluster.devices
        server = Device(cluster.environment, "server")
        code = laptop.invite()
        server.view.receive()
        server.join(code)
        server.push()
        (first,) = own_manifests(server)
        key = Attacker(server).sign(roster=())
        desktop.view.receive()
        del desktop.view.held[first]
        desktop.pull()
        assert judged(desktop, key) == (verdict.PENDING, verdict.ROSTER)
        laptop.view.receive()
        laptop.sync()
        desktop.view.held.update(laptop.view.held)
        del desktop.view.held[first]
        desktop.pull()
        assert judged(desktop, key)[0] == verdict.IMPORTED
        server.close()


def test_each_manifest_is_told_with_what_became_of_it(pair):
    laptop, rogue = pair
    rogue.record()
    rogue.push()
    good = own_manifests(rogue)[-1]
    bad = Attacker(rogue).sign(seed=generate().sign_seed)
    laptop.view.receive()
    context, notes = laptop.context(), []
    context.on_note = notes.append
    pull(context)
    said = {note.key: note.verdict for note in notes if note.key.startswith("m/")}
    assert said == {good: verdict.IMPORTED, bad: f"{verdict.PENDING} {verdict.INCOMPLETE}"}


def test_a_restored_disk_uses_no_number_that_another_device_has_seen(pair):
    laptop, desktop = pair
    backup = laptop.backup()
    for _ in range(3):
        laptop.record()
        laptop.push()
    newest = object_names.parsed(own_manifests(laptop)[-1]).seq
    desktop.view.receive()
    desktop.record()
    desktop.sync()
    lost = own_manifests(laptop)
    laptop.restore(backup)
    laptop.view.receive()
    for key in lost:
        del laptop.view.held[key]
    assert vault.read(laptop.database).own_seq < newest
    laptop.pull()
    assert vault.read(laptop.database).own_seq == newest


def test_an_own_manifest_raises_the_own_number(pair):
    laptop, _ = pair
    backup = laptop.backup()
    laptop.record()
    laptop.push()
    laptop.restore(backup)
    laptop.pull()
    assert vault.read(laptop.database).own_seq == object_names.parsed(own_manifests(laptop)[-1]).seq


@pytest.mark.parametrize("seed", range(4))  # chance says which of the two is the greater
@pytest.mark.parametrize("together", [True, False])
def test_of_two_manifests_with_one_number_the_others_take_both_and_their_device_one(seed, together):
    """And then its device publishes what was in the segment of the other."""
    with new_cluster("laptop", "desktop", seed=seed) as cluster:
        laptop, desktop = cluster.devices
        clone = laptop.clone("clone")
        both = laptop.record(), clone.record()
        laptop.push()
        if not together:
            desktop.view.receive()
            desktop.pull()
        clone.push()
        for device in (laptop, desktop):
            device.view.receive()
            device.pull()
        live = [len(own_ledger.live(device.database, laptop.me)) for device in (laptop, desktop)]
        assert live == [1, 2]
        assert set(both) <= desktop.dump().events
        assert unpublished.count(laptop.database, laptop.now_us) == 1
        laptop.push()
        desktop.view.receive()
        desktop.pull()
        assert len(own_ledger.live(desktop.database, laptop.me)) == 2
        assert unpublished.count(laptop.database, laptop.now_us) == 0
        clone.close()


@pytest.mark.parametrize(("ahead", "is_believed"), [(SEEN_STEP, True), (SEEN_STEP + 1, False)])
def test_an_own_number_that_another_device_claims_to_have_seen_is_believed_if_it_is_near(
    pair, ahead, is_believed
):
    """A member could use up the numbers of another one."""
    laptop, rogue = pair
    known = vault.read(laptop.database).own_seq
    Attacker(rogue).sign(seen=(Seen(laptop.me, known + ahead, bytes(32)),))
    laptop.view.receive()
    laptop.pull()
    assert vault.read(laptop.database).own_seq == known + ahead * is_believed


def test_a_manifest_without_a_label_takes_the_name_of_a_device_from_nobody(pair):
    laptop, rogue = pair
    before = device_names(laptop.database)[rogue.me]
    Attacker(rogue).sign(label="")
    laptop.view.receive()
    laptop.pull()
    assert device_names(laptop.database)[rogue.me] == before


def test_records_of_a_segment_that_another_copy_of_this_device_has_replaced_are_unpublished(pair):
    """Until the segment that replaces it is joined here: it may never come."""
    laptop, _ = pair
    laptop.record()
    other = laptop.record()
    laptop.push()
    clone = laptop.clone("clone")
    clone.redact(other)
    clone.push()
    laptop.view.receive()
    late = {key: laptop.view.held.pop(key) for key in [*laptop.view.held] if key[:2] == "o/"}
    assert unpublished.count(laptop.database, laptop.now_us) == 0
    laptop.pull()
    assert unpublished.count(laptop.database, laptop.now_us) == 2
    laptop.view.held.update(late)
    laptop.pull()
    assert unpublished.count(laptop.database, laptop.now_us) == 0
    clone.close()
