"""`hx sync init`, `join` and `recover`: each refusal is an error, and changes nothing."""

from __future__ import annotations

import shutil
from hashlib import sha256

import pytest

from cli.faketime import ahead
from cli.mounts import read_only, small_disk
from cli.vaults import Member, is_error, vault
from hx.cli.commands.sync.vault_access import sync_context_of
from hx.cli.context import open_context
from hx.config import load
from hx.core.format import genesis, object_names
from hx.core.format.envelope import SEALED, open_kind, seal_open_kind
from hx.core.format.keys import LABEL_GENESIS, DeviceKeys, generate, recovery_keys, sign
from hx.core.format.phrases import code_of, entropy_of, new_secret, words_of
from hx.sync import enroll

DAY_S = 86_400


@pytest.fixture
def owner(tmp_path):
    """Return the only member of a vault."""
    return vault(tmp_path, "owner")[0]


@pytest.fixture
def newcomer(owner, tmp_path):
    """Return a machine that has recorded commands and is in no vault; its store has one."""
    return ready(Member(tmp_path / "newcomer", owner.folder, "newcomer"))


def ready(member):
    member.record("echo mine")
    assert member.hx("find").code == 0
    assert member.hx("sync", "join", *member.at).code in (2, 6)  # makes the lock
    return member


@pytest.fixture
def outsider(tmp_path):
    """Return a machine that is in no vault, with its own, empty store."""
    (tmp_path / "apart-store").mkdir()
    return ready(Member(tmp_path / "apart", tmp_path / "apart-store", "apart"))


def is_refused(member, act, code, *parts):
    """Check that `act` fails with one error and changes neither the home nor the store."""
    before = state_of(member)
    assert is_error(act(), code, *parts)
    assert state_of(member) == before
    return True


def state_of(member):
    home = {path: entry for path, entry in member.tree.items() if "hx.db-" not in path}
    store = contents(member.folder)
    return home, store, member.history


def contents(folder):
    """Name -> bytes of every file in a store."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def init(member, *options):
    return member.hx("sync", "init", *member.at, "--json", *options)


# ---- init ----


def test_a_second_init_is_refused(owner):
    assert is_refused(owner, lambda: init(owner), 2, "already in the vault 'store'")


def test_init_in_a_store_with_a_vault_is_refused_with_a_hint_to_join(newcomer):
    assert is_refused(newcomer, lambda: init(newcomer), 6, "holds a vault already", "sync join")


def test_init_in_a_store_with_objects_but_no_vault_file_is_refused(owner, newcomer):
    (owner.folder / object_names.VAULT_KEY).unlink()
    assert is_refused(newcomer, lambda: init(newcomer), 6, "but not its vault file")


@pytest.mark.parametrize("part", ["init", "join", "recover"])
def test_a_missing_folder_is_not_made(outsider, part):
    outsider.folder.rmdir()
    acts = {
        "init": lambda: init(outsider),
        "join": lambda: outsider.join(code_of(new_secret())),
        "recover": lambda: outsider.recover(" ".join(words_of(new_secret()))),
    }
    assert is_refused(outsider, acts[part], 5, "is not there")
    assert not outsider.folder.exists()


def test_a_vault_file_that_is_a_link_is_told_and_not_followed(owner, newcomer):
    path = owner.folder / object_names.VAULT_KEY
    path.rename(owner.cwd / "annexed")
    path.symlink_to(owner.cwd / "annexed")
    at = ("--store", f"folder:{owner.folder}")
    act = lambda: newcomer.hx("sync", "recover", *at, "--words-file", "-", stdin="x")  # noqa: E731
    assert is_refused(newcomer, act, 6, "is a link or a folder", "put the file itself there")
    owner.record("true")
    assert is_error(owner.hx("sync"), 5, "hx-vault.hx in the store", "is a link or a folder")
    path.unlink()
    assert owner.hx("sync").code == 0


def test_a_store_a_level_too_deep_or_too_high_is_named_as_it_should_be(newcomer, tmp_path):
    (tmp_path / "nas").mkdir()
    folder = newcomer.folder.rename(tmp_path / "nas" / "hx")
    for place in (folder / "m", folder.parent):
        for part, option in (("join", "--code-file"), ("recover", "--words-file")):
            line = ("sync", part, "--store", f"folder:{place}", option, "-")
            result = newcomer.hx(*line, stdin="x")
            assert is_error(result, 6, f", but folder:{folder} does", "name that folder")


@pytest.mark.parametrize("url", ["folder:store", "folder:", "ftp://host/x", "s3://bucket", ""])
def test_an_invalid_store_url_is_a_usage_error(outsider, url):
    act = lambda: outsider.hx("sync", "init", "--store", url, "--json")  # noqa: E731
    assert is_refused(outsider, act, 2)


def test_a_file_in_place_of_the_folder_is_not_changed(outsider):
    outsider.folder.rmdir()
    outsider.folder.write_bytes(b"mine")
    assert is_error(init(outsider), 5, "is not a folder")
    assert outsider.folder.read_bytes() == b"mine"


def test_init_in_a_folder_that_is_read_only_can_be_repeated(outsider):
    with read_only(outsider.folder):
        assert is_error(init(outsider), 5, "read-only")
        assert not list(outsider.folder.iterdir())
    assert init(outsider).code == 0


def test_init_on_a_full_disk_can_be_repeated(outsider):
    with small_disk(outsider.folder, "64k"):
        fill_disk(outsider.folder / "movie")
        assert is_error(init(outsider), 5, "full")
        assert [path.name for path in outsider.folder.iterdir()] == ["movie"]
        (outsider.folder / "movie").unlink()
        assert init(outsider).code == 0


def fill_disk(path):
    with path.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        file.writelines(iter(lambda: bytes(4096), None))


# ---- join ----


def test_a_mistyped_code_is_distinguished_from_an_unknown_one(owner, newcomer):
    code = owner.invite()
    typo = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert is_refused(newcomer, lambda: newcomer.join(typo), 2, "code")
    unknown_code = code_of(new_secret())
    assert is_refused(
        newcomer, lambda: newcomer.join(unknown_code), 2, "no invitation with this code"
    )
    line = ("sync", "join", *newcomer.at, "--code-file", "-")
    refused = newcomer.hx(*line, stdin=typo)
    assert "the keys of this device" not in refused.err, "they stay where they are"
    assert newcomer.join(code.lower().replace("-", " ")).code == 0


def test_a_machine_that_has_joined_says_that_it_waits_and_for_what(owner, newcomer):
    line = ("sync", "join", *newcomer.at, "--code-file", "-")
    joined = newcomer.hx(*line, stdin=owner.invite())
    assert (joined.code, "has joined the vault 'store'" in joined.out) == (0, True), joined
    assert "this device waits until another one lets it in" in joined.err
    assert "the next `hx sync` of a device that is in the vault lets it in" in joined.err


def test_an_invitation_says_why_a_machine_that_waits_makes_none(owner, newcomer):
    assert newcomer.join(owner.invite()).code == 0
    assert is_error(
        newcomer.hx("sync", "invite"), 6, "this device waits until another one lets it in"
    )


def test_an_invitation_leaves_no_forgotten_text_in_the_files_of_the_database(owner, newcomer):
    assert newcomer.join(owner.invite()).code == 0
    owner.sync()
    newcomer.sync()
    owner.sync()
    assert newcomer.hx("forget", "--match", "echo mine", "--yes").code == 0
    newcomer.sync()
    owner.invite()
    assert owner.commands == []
    files = [path.read_bytes() for path in owner.home.glob("hx.db*")]
    assert not any(b"echo mine" in data for data in files)


def test_a_code_can_be_used_by_one_machine_only(owner, newcomer, tmp_path):
    code = owner.invite()
    assert newcomer.join(code).code == 0
    third = ready(Member(tmp_path / "third", owner.folder, "third"))
    assert is_refused(third, lambda: third.join(code), 2, "no invitation with this code")


def test_a_code_of_another_vault_is_refused(owner, outsider, newcomer):
    outsider.init()
    code = outsider.invite()
    assert is_refused(newcomer, lambda: newcomer.join(code), 2, "no invitation with this code")
    shutil.copytree(outsider.folder / "j", owner.folder / "j", dirs_exist_ok=True)
    assert is_refused(newcomer, lambda: newcomer.join(code), 6, "another vault")


def test_an_expired_code_is_refused(owner, newcomer):
    code = old_code(owner)
    assert is_refused(newcomer, lambda: newcomer.join(code), 2, "expired")


def old_code(owner):
    """Return the code of an invitation that was made a day and a second ago."""
    context = open_context(load({"HX_HOME": str(owner.home), "HOME": str(owner.cwd)}))
    ago_us = context.now_us - (DAY_S + 1) * 1_000_000
    sync_context = sync_context_of(context._replace(now_us=ago_us))
    sync_context.list_manifests()
    code, _ = enroll.make_invitation(sync_context)
    context.database.close()
    return code


def test_a_truncated_or_altered_invitation_is_refused(owner, newcomer):
    code = owner.invite()
    [path] = (owner.folder / "j").iterdir()
    data = path.read_bytes()
    for broken in (data[:-1], data[:100], data[:300] + bytes([data[300] ^ 1]) + data[301:], b""):
        path.write_bytes(broken)
        assert is_refused(newcomer, lambda: newcomer.join(code), 2, "cannot be read")
    path.write_bytes(data)
    assert newcomer.join(code).code == 0


def test_join_in_a_store_without_a_vault_is_refused(outsider):
    code = code_of(new_secret())
    assert is_refused(outsider, lambda: outsider.join(code), 6, "does not hold a vault")


def test_join_and_recover_in_a_vault_are_refused(owner):
    code = owner.invite()
    assert is_refused(owner, lambda: owner.join(code), 2, "already")
    assert is_refused(owner, lambda: owner.recover(owner.words), 2, "already")


@pytest.mark.parametrize("part", ["join", "recover"])
def test_neither_a_code_nor_words_are_asked_for_without_a_terminal(owner, newcomer, part):
    assert is_refused(
        newcomer, lambda: newcomer.hx("sync", part, *newcomer.at), 2, "no terminal to ask on"
    )


# ---- recover ----


def test_recovery_words_restore_everything_on_an_empty_machine(owner, tmp_path):
    owner.record("echo all of it")
    owner.record("echo gone")
    owner.hx("pin", owner.history[0]["session_id"])
    owner.hx("forget", "--match", "gone", "--yes")
    owner.sync()
    shutil.rmtree(owner.home)
    late = Member(tmp_path / "late", owner.folder, "late")
    assert late.recover(owner.words.upper().replace(" ", "\n")).json["events"] == 1
    assert late.commands == ["echo all of it"]
    assert late.hx("show", late.history[0]["id"], "--json").json["pinned"]
    assert [device["active"] for device in late.sync("status")["devices"]] == [True, True]
    third = Member(tmp_path / "other", owner.folder, "other")
    assert third.join(late.invite()).code == 0
    assert third.commands == late.commands


def test_unknown_missing_and_other_words_have_different_errors(owner, newcomer):
    entropy = entropy_of(owner.words)
    _, *rest = words_of(entropy)
    assert is_refused(
        newcomer, lambda: newcomer.recover("jabberwock " + " ".join(rest)), 2, "word 1"
    )
    assert is_refused(newcomer, lambda: newcomer.recover(" ".join(rest)), 2, "12")
    other_words = " ".join(words_of(new_secret()))
    assert is_refused(
        newcomer, lambda: newcomer.recover(other_words), 6, "not made with these recovery"
    )


def test_recover_refuses_a_forged_vault(owner, newcomer):
    forged, _ = genesis.make(1, 1, generate(), generate())
    (owner.folder / object_names.VAULT_KEY).write_bytes(forged)
    assert is_refused(
        newcomer, lambda: newcomer.recover(owner.words), 6, "not made with these recovery words"
    )


def test_recover_refuses_a_genesis_that_the_recovery_key_did_not_sign(owner, newcomer):
    recovery = recovery_keys(entropy_of(owner.words))
    (owner.folder / object_names.VAULT_KEY).write_bytes(genesis_not_signed_by(recovery))
    assert is_refused(newcomer, lambda: newcomer.recover(owner.words), 6, "not signed by")


def genesis_not_signed_by(recovery):
    """Return a genesis that is valid except for the signature of the recovery key."""
    device, desktop = generate(), generate()
    data, _ = genesis.make(SEALED, 1, device, DeviceKeys(desktop.sign_seed, recovery.box_seed))
    _, body = open_kind(data, expect=object_names.VAULT_KEY, vault_id=None, suite=SEALED)
    payload = body[:-128].replace(desktop.sign_pub, recovery.sign_pub)
    vault_id = sha256(payload).digest()[:16]
    signatures = [
        sign(keys.sign_seed, LABEL_GENESIS, vault_id, payload) for keys in (device, desktop)
    ]
    name = object_names.Name(object_names.GENESIS)
    return seal_open_kind(name, payload + b"".join(signatures), vault_id=bytes(16), suite=SEALED)


# ---- in no vault, or in one whose store is missing ----


@pytest.mark.parametrize("part", [[], ["push"], ["pull"], ["status"], ["invite"], ["devices"]])
def test_outside_of_a_vault_each_sync_command_fails_with_a_hint_to_init_and_join(outsider, part):
    act = lambda: outsider.hx("sync", *part)  # noqa: E731
    assert is_refused(outsider, act, 6, "in no vault", "hx sync init", "hx sync join")


@pytest.mark.parametrize("part", [["push"], ["pull"], ["push", "--dry-run"]])
@pytest.mark.parametrize("content", ["gone", "empty", "another vault's"])
def test_nothing_is_written_to_a_store_that_lost_or_changed_its_vault(
    owner, outsider, part, content
):
    owner.record("echo waits")
    outsider.init()
    aside = owner.folder.rename(owner.folder.with_name("aside"))
    if content == "empty":
        owner.folder.mkdir()
    elif content != "gone":
        shutil.copytree(outsider.folder, owner.folder)
    before = contents(owner.folder)
    result = owner.hx("sync", *part)
    code = 5 if content == "gone" else 6
    message = {"gone": "is not there", "empty": "does not hold a vault"}.get(
        content, "another vault"
    )
    assert is_error(result, code, message)
    assert contents(owner.folder) == before
    shutil.rmtree(owner.folder, ignore_errors=True)
    aside.rename(owner.folder)
    assert owner.sync()["pushed"]["events"] == 1


def sheets(words):
    numbered = [f"{number:>4} {word:<10}" for number, word in enumerate(words, 1)]
    return {
        "as printed": "\n".join("".join(numbered[i : i + 4]).rstrip() for i in range(0, 12, 4)),
        "dots": "\n".join(f"{number}. {word}" for number, word in enumerate(words, 1)),
        "commas and quotes": ", ".join(f'"{word}"' for word in words),
        "a BOM and blanks that do not break": "\ufeff" + "\u00a0".join(words),
    }


def test_the_words_are_taken_as_people_paste_them(owner, tmp_path):
    for number, text in enumerate(sheets(owner.words.split()).values()):
        machine = Member(tmp_path / f"machine{number}", owner.folder, f"machine{number}")
        assert machine.recover(text).code == 0, text


@pytest.mark.parametrize("spelling", ["~/S t/hx", "folder:~/S t/hx", "plain", "./S t/hx"])
def test_a_store_may_be_named_as_a_shell_names_a_folder(outsider, spelling):
    folder = outsider.cwd / "S t" / "hx"
    folder.mkdir(parents=True)
    url = str(folder) if spelling == "plain" else spelling
    at = ("--store", url, *outsider.at[2:], "--json")
    result = outsider.hx("sync", "init", *at)
    assert (result.code, result.json["vault_name"]) == (0, "hx"), result
    assert (folder / "hx-vault.hx").exists()
    assert outsider.hx("sync", cwd="/").code == 0
    assert is_error(outsider.hx("sync", "init", *at), 2, f"folder:{folder}")


def test_a_store_that_would_hold_the_keys_of_this_device_is_refused(outsider):
    for folder in (outsider.home, outsider.cwd):
        store = ("--store", f"folder:{folder}", *outsider.at[2:])
        act = lambda store=store: outsider.hx("sync", "init", *store, "--json")  # noqa: E731
        assert is_refused(outsider, act, 2, str(outsider.home), "is in the folder of the store")


def test_an_init_whose_store_fails_names_itself_as_what_to_repeat(outsider):
    with read_only(outsider.folder):
        result = outsider.hx("sync", "init", *outsider.at, "--json")
    assert is_error(result, 5, "run `hx sync init` again")
    assert outsider.hx("sync", "init", *outsider.at, "--json").code == 0


def test_a_code_that_has_ended_by_this_clock_names_the_clock(owner, newcomer):
    code = owner.invite()
    newcomer.variables = ahead(49)
    result = newcomer.join(code)
    assert is_error(result, 2, "the clock of this machine says", "set the clock if it is wrong")
    newcomer.variables = {}
    assert newcomer.join(code).code == 0


def test_an_invitation_by_a_clock_that_is_behind_warns(owner):
    owner.record("echo now")
    owner.sync()
    assert "the clock of this machine says" not in owner.hx("sync", "invite").err
    owner.variables = ahead(-24 * 365 * 10)
    result = owner.hx("sync", "invite")
    assert result.code == 0
    assert "the clock of this machine says" in result.err


def test_a_second_machine_of_one_image_is_told_when_it_joins(owner, newcomer, tmp_path):
    image = Member(tmp_path / "image", owner.folder, "second")
    shutil.copytree(newcomer.home, image.home)
    assert "copied disk" not in newcomer.join(owner.invite()).err
    result = image.join(owner.invite())
    assert result.code == 0
    assert "copied disk" in result.err
    assert "hx sync join --new-id" in result.err


@pytest.mark.parametrize("option", ["--store", "--name", "--vault-name"])
def test_a_name_that_is_not_utf8_is_refused_before_anything_is_written(outsider, option):
    line = {"--store": f"folder:{outsider.folder}", "--name": "apart", "--vault-name": "vault"}
    values = {**{name: value.encode() for name, value in line.items()}, option: b"folder:/x\xff"}
    at = [each for pair in values.items() for each in pair]
    act = lambda: outsider.hx("sync", "init", *at, "--custody", "file", "--json")  # noqa: E731
    assert is_refused(outsider, act, 2, "not UTF-8")
