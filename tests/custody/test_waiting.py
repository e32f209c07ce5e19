"""How long hx waits for a keychain, and that it opens no dialog where nobody is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("secretstorage")  # it comes with keyring on Linux

from custody.counterparts import COLLECTION, KWallet, SecretService
from custody.sample_keys import custody_paths, no_passphrase, other_vmks, some_secrets
from hx.core.errors import KeyMissing
from hx.custody import backends, choose, kwallet, opened
from hx.custody.keychain import Locked
from hx.custody.patience import Patience, nobody

WAITS = "waiting for the keychain (Secret Service) to be unlocked ..."
SHORT_S = 0.2
ENOUGH_S = 60


@pytest.fixture
def secrets():
    return some_secrets()


@pytest.fixture
def service(bus):
    with SecretService(bus) as running:
        yield running


@pytest.fixture
def told():
    return []


@pytest.fixture
def place(tmp_path, secrets, service):
    """Return where the keys are, which are stored in the service."""
    made = custody_paths(tmp_path, secrets)
    choose("keychain", made, no_passphrase).store(secrets)
    service.calls.clear()
    return made


@pytest.fixture
def load(place, told):
    """Return a function that loads the keys: with a person for so many seconds, or with nobody."""

    def load(seconds=None):
        patience = nobody() if seconds is None else Patience(seconds, told.append)
        return opened(place._replace(patience=patience), no_passphrase).load()

    return load


def lock(service, what):
    service.locked = {COLLECTION} if what == "collection" else {*service.items}


@pytest.mark.parametrize("what", ["collection", "entry"])
def test_where_nobody_is_nothing_is_asked_to_be_unlocked(service, load, what):
    lock(service, what)
    with pytest.raises(Locked, match=r"\(Secret Service\) is locked: the sync waits") as caught:
        load()
    assert caught.value.exit_code == 6
    assert "run `hx sync` there" in caught.value.hint
    assert not {"Unlock", "Prompt"} & {*service.calls}


def test_unlocked_keys_are_read_where_nobody_is(service, load, secrets):
    assert load() == secrets
    assert not {"Unlock", "Prompt"} & {*service.calls}


@pytest.mark.parametrize("what", ["collection", "entry"])
def test_a_person_who_is_there_is_asked_once(service, load, secrets, told, what):
    lock(service, what)

    service.person = SecretService.unlock
    assert load(ENOUGH_S) == secrets
    assert (service.calls["Unlock"], service.calls["Prompt"], service.calls["Dismiss"]) == (1, 1, 0)
    assert told == [WAITS, ""]


@pytest.mark.parametrize("what", ["collection", "entry"])
def test_a_dialog_that_nobody_answers_is_given_up_and_taken_away(service, load, told, what):
    lock(service, what)
    told_meanwhile = []

    def dismissed(path):
        told_meanwhile.extend(told)
        return "", ()

    service.on_Dismiss = dismissed
    with pytest.raises(Locked, match=r"was not unlocked within 0\.2 seconds") as caught:
        load(SHORT_S)
    assert "hx sync custody --to passphrase" in caught.value.hint
    assert (service.calls["Prompt"], service.calls["Dismiss"]) == (1, 1)
    assert (told_meanwhile, told) == ([WAITS], [WAITS, ""])


def test_a_dialog_of_gnome_keyring_stays(service, load):
    """It would abort, and take the keys of all programs with it."""
    service.person = lambda service: service.take_name("org.gnome.keyring")
    lock(service, "collection")
    with pytest.raises(Locked, match="was not unlocked within"):
        load(SHORT_S)
    assert (service.calls["Prompt"], service.calls["Dismiss"]) == (1, 0)


def test_the_waits_of_a_run_add_up(service, place, told):
    """Else a run that opens custody twice would wait twice."""
    lock(service, "collection")
    where = place._replace(patience=Patience(SHORT_S, told.append))
    for _ in range(2):
        with pytest.raises(Locked, match="was not unlocked within"):
            opened(where, no_passphrase).load()
    assert service.calls["Prompt"] == 1


def test_a_dismissed_dialog_ends_the_wait(service, load):
    lock(service, "collection")
    service.person = lambda service: service.complete(dismissed=True)
    with pytest.raises(Locked, match=r"is locked, and was not unlocked$"):
        load(ENOUGH_S)
    assert service.calls["Dismiss"] == 0


def test_a_service_that_ends_with_its_dialog_open_ends_the_wait(service, load):
    lock(service, "collection")
    service.person = SecretService.end
    with pytest.raises(KeyMissing, match="ended while hx waited for it") as caught:
        load(ENOUGH_S)
    assert caught.value.hint


@pytest.mark.parametrize("request_name", ["ReadAlias", "Get", "SearchItems", "GetSecret", "Unlock"])
def test_a_request_without_an_answer_is_given_up(service, load, told, request_name):
    if request_name == "Unlock":
        lock(service, "collection")
    service.silent = {request_name}
    with pytest.raises(KeyMissing, match=r"keychain \(Secret Service\) does not answer") as caught:
        load(SHORT_S)
    assert caught.value.hint
    assert service.calls[request_name] == 1


def test_a_person_is_told_that_a_service_answers_late(service, place, told):
    service.silent = {"ReadAlias"}
    patience = Patience(SHORT_S, told.append)
    patience.quiet_s = SHORT_S / 2
    with pytest.raises(KeyMissing, match="does not answer"):
        opened(place._replace(patience=patience), no_passphrase).load()
    assert told == ["waiting for the keychain (Secret Service) to answer ...", ""]


def test_reading_makes_no_collection_where_the_default_one_is_gone(service, load):
    service.default = "/"
    for seconds in (None, ENOUGH_S):
        with pytest.raises(KeyMissing, match="has no default collection") as caught:
            load(seconds)
        assert caught.value.hint
    assert "CreateCollection" not in service.calls


def test_a_collection_is_made_for_a_new_vault(service, tmp_path, secrets, told):
    service.default = "/"
    where = custody_paths(tmp_path, secrets)._replace(patience=Patience(ENOUGH_S, told.append))
    assert choose("keychain", where, no_passphrase).name == "keychain"
    assert service.calls["CreateCollection"] == 1


def test_a_dialog_before_writing_is_not_opened_where_nobody_is(service, place, secrets):
    service.asks_before_writing = True
    with pytest.raises(Locked):
        opened(place, no_passphrase).store(other_vmks(secrets))
    assert service.calls["CreateItem"] == 1
    assert "Prompt" not in service.calls
    assert opened(place, no_passphrase).load() == secrets


@pytest.mark.parametrize("what", ["collection", "entry"])
def test_libsecret_is_not_used_where_nobody_is_unless_all_is_unlocked(service, place, what):
    """It would unlock by itself, and wait."""
    from keyring.backends.libsecret import Keyring
    from keyring.errors import KeyringLocked

    backends.opened(Keyring(), "hx", nobody())
    lock(service, what)
    with pytest.raises(KeyringLocked):
        backends.opened(Keyring(), "hx", nobody())
    assert "Unlock" not in service.calls


def open_wallet(patience):
    from keyring.backends.kwallet import DBusKeyring

    backend = SimpleNamespace(
        bus_name=DBusKeyring.bus_name, object_path=DBusKeyring.object_path, appid="hx"
    )
    return kwallet.opened(backend, "the keychain (KWallet)", patience)


def test_a_wallet_is_opened_only_by_a_person(bus, told):
    from keyring.errors import KeyringLocked

    with KWallet(bus) as wallets:
        with pytest.raises(KeyringLocked):
            open_wallet(nobody())
        assert "open" not in wallets.calls
        open_wallet(Patience(ENOUGH_S, told.append)).close()
        assert wallets.calls["open"] == 1
        assert told == ["waiting for the keychain (KWallet) to be unlocked ...", ""]
        wallets.is_open = True
        open_wallet(nobody()).close()
        assert wallets.calls["open"] == 1


@pytest.mark.parametrize("silent", [True, False])
def test_a_wallet_that_is_not_opened_is_locked(bus, told, silent):
    from keyring.errors import KeyringLocked

    with KWallet(bus, handle=-1) as wallets:
        wallets.silent = {"open"} if silent else set()
        patience = Patience(SHORT_S if silent else ENOUGH_S, told.append)
        with pytest.raises(KeyringLocked):
            open_wallet(patience)
        assert patience.unanswered is silent
