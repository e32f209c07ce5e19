"""How a device makes a vault, invites another, and joins; what it refuses, and changes nothing."""

from __future__ import annotations

import pytest

from hx.core.errors import InputError, NotAVault
from hx.core.format import invite, object_names
from hx.core.format.keys import key_id
from hx.core.format.phrases import invite_id, new_secret, secret_of
from hx.core.format.roster_records import device_revoke
from hx.database.sync import ledger, vault
from hx.database.sync.vault import Departure
from hx.sync.enroll import INVITE_US, make_invitation
from sync.cluster import new_cluster
from sync.departures import revoked
from sync.devices import URL, Device

DAY_US = 86_400_000_000


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


@pytest.fixture
def newcomer(cluster):
    """A device that is in no vault and sees the store."""
    device = Device(cluster.environment, "newcomer")
    yield device
    device.close()


def refused(device, error, match, call, *given, **named):
    """The call is refused; it enters no vault and changes neither the store nor the keys."""
    device.view.receive()
    before = dict(device.view.held), device.custody
    with pytest.raises(error, match=match):
        call(*given, **named)
    assert (device.view.held, device.custody) == before
    assert vault.read(device.database) is None


# ---- make a vault ----


@pytest.mark.parametrize(
    ("kept", "match"),
    [(object_names.VAULT_KEY, "holds a vault already"), ("o/", "not its vault file")],
)
def test_a_vault_is_made_in_an_empty_store_only(cluster, newcomer, kept, match):
    cluster.devices[0].record()
    cluster.devices[0].push()
    objects = cluster.environment.objects
    for key in [key for key in objects if not key.startswith(kept)]:
        del objects[key]
    refused(newcomer, NotAVault, match, newcomer.init)


def test_the_first_key_is_in_custody_before_the_vault_file_is_written(newcomer):
    newcomer.environment.objects.clear()
    held = []
    newcomer.store.choose = lambda _number, operation, key: (
        (held.append((key, dict(newcomer.custody.vmks))) if operation == "put" else None) or ""
    )
    newcomer.init()
    key, vmks = held[0]
    assert key == object_names.VAULT_KEY
    ((named, (number, vmk)),) = vmks.items()
    assert (named, number) == (key_id(vmk), 1)
    assert newcomer.context().trust.writing == (1, named)


def test_a_plain_vault_has_no_key(newcomer):
    newcomer.environment.objects.clear()
    newcomer.init(encrypt=False)
    assert newcomer.custody.vmks == {}
    assert not newcomer.context().is_sealed
    assert newcomer.context().trust.next_number == 1


# ---- invite ----


def test_an_invitation_brings_the_keys_the_roster_and_what_was_seen(cluster):
    laptop, _ = cluster.devices
    context = laptop.context()
    code, expires_at_us = make_invitation(context)
    secret = secret_of(code)
    assert expires_at_us == laptop.now_us + DAY_US == laptop.now_us + INVITE_US
    data = laptop.view.held[invite.store_key(secret)]
    _, brought = invite.opened(data, secret=secret)
    assert brought.genesis_sha256 == context.genesis.sha256
    assert {key_id(vmk): (n, vmk) for n, vmk in brought.vmks} == laptop.custody.vmks
    assert {*brought.roster} == vault.records(laptop.database)
    assert [*brought.heads] == [*ledger.seen(laptop.database)]
    assert brought.heads
    (opened,) = context.trust.open_invites.items()
    assert opened[0] == invite_id(secret)


def test_an_invitation_is_made_under_a_key_that_a_device_removed_before_does_not_have(cluster):
    laptop, desktop = cluster.devices
    revoked(laptop, desktop.me)
    make_invitation(laptop.context())
    named = laptop.context().trust.writing[1]
    assert named in laptop.custody.vmks
    assert named not in desktop.custody.vmks


# ---- join ----


def test_a_device_that_joins_has_the_keys_and_the_vault_of_the_one_that_invited_it(
    cluster, newcomer
):
    laptop, _ = cluster.devices
    code = laptop.invite()
    newcomer.view.receive()
    newcomer.join(code)
    known = vault.read(newcomer.database)
    assert (known.name, known.store) == ("vault", URL)
    assert known.genesis == laptop.view.held[object_names.VAULT_KEY]
    assert known.vault_id == vault.read(laptop.database).vault_id
    assert newcomer.custody.vmks == laptop.custody.vmks
    assert vault.records(laptop.database) < vault.records(newcomer.database)
    assert newcomer.is_member()
    newcomer.spend(code)
    assert invite.store_key(code) not in cluster.environment.objects


def test_an_invitation_can_be_used_until_it_has_expired(cluster, newcomer):
    laptop, _ = cluster.devices
    code = laptop.invite()
    newcomer.skew_us = laptop.skew_us
    newcomer.environment.now_us += DAY_US + 1
    refused(newcomer, InputError, "has expired", newcomer.join, code)
    newcomer.environment.now_us -= 1
    newcomer.join(code)
    assert newcomer.is_member()


def test_a_code_without_an_invitation_is_refused(cluster, newcomer):
    refused(newcomer, InputError, "no invitation with this code", newcomer.join, new_secret())


def test_an_invitation_that_is_damaged_is_refused(cluster, newcomer):
    code = cluster.devices[0].invite()
    newcomer.view.receive()
    newcomer.view.held[invite.store_key(code)] = b"x" * 300
    refused(newcomer, InputError, "cannot be read", newcomer.join, code)


def test_an_invitation_into_another_vault_is_refused(cluster, newcomer):
    code = cluster.devices[0].invite()
    with new_cluster("other", seed=5) as other:
        vault_file = other.environment.objects[object_names.VAULT_KEY]
    newcomer.view.receive()
    newcomer.view.held[object_names.VAULT_KEY] = vault_file
    refused(newcomer, NotAVault, "another vault", newcomer.join, code)


@pytest.mark.parametrize(
    ("vault_file", "match"), [(None, "does not hold a vault"), (b"x" * 300, "cannot be read")]
)
def test_a_store_without_a_sound_vault_file_is_no_vault(cluster, newcomer, vault_file, match):
    code = cluster.devices[0].invite()
    del cluster.environment.objects[object_names.VAULT_KEY]
    if vault_file:
        cluster.environment.objects[object_names.VAULT_KEY] = vault_file
    refused(newcomer, NotAVault, match, newcomer.join, code)
    refused(newcomer, NotAVault, match, newcomer.recover)


def test_a_device_that_joins_a_vault_again_brings_the_record_by_which_it_had_left(
    cluster, newcomer
):
    laptop, _ = cluster.devices
    vault_id = vault.read(laptop.database).vault_id
    seed = laptop.custody.device.sign_seed
    record = device_revoke(laptop.me, (), seed=seed, vault_id=vault_id)
    with newcomer.database.transaction():
        vault.note_departure(newcomer.database, vault_id, Departure(laptop.me, record))
    code = laptop.invite()
    newcomer.view.receive()
    newcomer.join(code)
    assert record in vault.records(newcomer.database)


# ---- recover ----


@pytest.mark.parametrize("encrypt", [True, False], ids=["sealed", "plain"])
def test_by_the_recovery_words_a_device_gets_all_keys_and_is_active(encrypt):
    with new_cluster("laptop", encrypt=encrypt) as cluster:
        (laptop,) = cluster.devices
        event = laptop.record()
        laptop.push()
        device = Device(cluster.environment, "server")
        cluster.devices.append(device)
        device.view.receive()
        device.recover()
        assert device.custody.vmks == laptop.custody.vmks
        device.sync()
        assert device.me in device.context().trust.active
        assert event in device.dump().events


def test_other_recovery_words_are_refused(cluster, newcomer):
    cluster.environment.entropy = b"w" * 16
    refused(newcomer, NotAVault, "not made with these recovery words", newcomer.recover)


def test_a_sealed_store_without_a_slot_for_the_recovery_words_is_refused(cluster, newcomer):
    cluster.environment.objects = {
        key: data for key, data in cluster.environment.objects.items() if key[:2] != "k/"
    }
    refused(newcomer, NotAVault, "holds no key", newcomer.recover)
