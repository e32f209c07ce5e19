"""Notes that the vault has moved: only one that an active admin has signed is believed."""

from __future__ import annotations

import pytest

from hx.core.errors import HasMoved
from hx.core.format import moved, object_names
from hx.core.format.keys import generate
from hx.database.sync import vault
from hx.sync.moved_notes import newest, require_not_moved
from hx.sync.revoke import revoke
from sync.cluster import converge, new_cluster

PLACE = "folder:/new"


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "phone") as cluster:
        yield cluster


def leave_note(  # noqa: PLR0913  (what a note may say)
    cluster, author, *, at_us=1, place=PLACE, signer=None, name=None
):
    """Put a note of a device into the store of every device; return its key."""
    context = author.context()
    key_id = next(key for _, key in context.trust.usable if key in context.keyring.vmks)
    key, data = moved.sealed(
        moved.Moved(name or author.me, at_us, place),
        sign_seed=(signer or author.custody.device).sign_seed,
        vault_id=vault.read(author.database).vault_id,
        vmk=context.keyring.vmks[key_id],
    )
    for device in cluster.devices:
        device.view.held[key] = data
    return key


def believed(device):
    context = device.context()
    context.list_manifests()
    note = newest(context)
    return note and note.store


def test_the_note_of_an_admin_is_believed_and_the_newest_one_counts(cluster):
    laptop, desktop, _ = cluster.devices
    assert believed(desktop) is None
    leave_note(cluster, laptop, at_us=2)
    leave_note(cluster, laptop, at_us=1, place="folder:/older")
    assert believed(desktop) == PLACE
    context = desktop.context()
    context.list_manifests()
    with pytest.raises(HasMoved, match="has moved") as raised:
        require_not_moved(context)
    assert raised.value.store == PLACE


def test_a_note_that_no_admin_has_signed_is_not_believed(cluster):
    laptop, desktop, phone = cluster.devices
    leave_note(cluster, desktop)
    leave_note(cluster, desktop, name=laptop.me)
    leave_note(cluster, laptop, signer=generate())
    assert believed(phone) is None


def test_the_note_of_a_revoked_admin_is_not_believed_any_more(cluster):
    laptop, desktop, phone = cluster.devices
    desktop.make_admin()
    converge(cluster.environment, cluster.devices)
    leave_note(cluster, desktop)
    assert believed(phone) == PLACE
    revoke(laptop.context(), desktop.me)
    phone.context().learn(vault.records(laptop.database))
    assert believed(phone) is None


def test_a_note_under_another_name_or_damaged_is_not_believed(cluster):
    laptop, desktop, _ = cluster.devices
    key = leave_note(cluster, laptop)
    data = desktop.view.held.pop(key)
    for device, content in ((laptop.me, data[:-1]), (desktop.me, data), (laptop.me, b"")):
        name = object_names.Name(object_names.MOVED, device, b"\1" * 8 + bytes(8))
        desktop.view.held[object_names.spelled(name)] = content
        assert believed(desktop) is None


def test_notes_are_no_manifests(cluster):
    laptop, desktop, _ = cluster.devices
    key = leave_note(cluster, laptop)
    context = desktop.context()
    context.list_manifests()
    assert key not in context.listing
    assert [each for each, _ in context.moved] == [key]
