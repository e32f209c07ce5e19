"""Coming into a vault: what is refused is said in a sentence, and then nothing has changed."""

from __future__ import annotations

import shutil
from hashlib import sha256

import pytest

from cli.mounts import read_only, small_disk
from cli.vaults import Member, is_told, vault
from hx.cli.commands.sync.vault import sync_context_of
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
    """The only member of a vault."""
    return vault(tmp_path, "owner")[0]


@pytest.fixture
def newcomer(owner, tmp_path):
    """In no vault; hx has run there, and recorded."""
    return ready(Member(tmp_path / "newcomer", owner.folder, "newcomer"))


def ready(member):
    member.record("echo mine")
    assert member.hx("find").code == 0
    assert member.hx("sync", "join", *member.at).code == 2  # makes the lock
    return member


@pytest.fixture
def apart(tmp_path):
    """In no vault, with a store of its own, an empty one."""
    (tmp_path / "apart-store").mkdir()
    return ready(Member(tmp_path / "apart", tmp_path / "apart-store", "apart"))


def is_refused(member, act, code, *parts):
    """Told in one sentence, and neither the home nor the store is other than before."""
    before = kept(member)
    assert is_told(act(), code, *parts)
    assert kept(member) == before
    return True


def kept(member):
    home = {path: one for path, one in member.tree.items() if "hx.db-" not in path}
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


def test_a_second_init_says_that_there_is_a_vault_already(owner):
    assert is_refused(owner, lambda: init(owner), 2, "already in the vault 'store'")


def test_init_where_a_vault_is_points_to_join(newcomer):
    assert is_refused(newcomer, lambda: init(newcomer), 6, "holds a vault already", "sync join")


def test_init_among_objects_without_a_first_record_makes_nothing(owner, newcomer):
    (owner.folder / object_names.VAULT_KEY).unlink()
    assert is_refused(newcomer, lambda: init(newcomer), 6, "but not its vault file")


@pytest.mark.parametrize("part", ["init", "join", "recover"])
def test_a_folder_that_is_not_there_is_not_made(apart, part):
    apart.folder.rmdir()
    acts = {
        "init": lambda: init(apart),
        "join": lambda: apart.join(code_of(new_secret())),
        "recover": lambda: apart.recover(" ".join(words_of(new_secret()))),
    }
    assert is_refused(apart, acts[part], 5, "is not there")
    assert not apart.folder.exists()


@pytest.mark.parametrize("url", ["folder:store", "folder:", "ftp://host/x", "s3://bucket", ""])
def test_what_is_no_store_is_a_mistake_in_the_command(apart, url):
    act = lambda: apart.hx("sync", "init", "--store", url, "--json")  # noqa: E731
    assert is_refused(apart, act, 2)


def test_a_file_in_place_of_the_folder_is_left_alone(apart):
    apart.folder.rmdir()
    apart.folder.write_bytes(b"mine")
    assert is_told(init(apart), 5, "is not a folder")
    assert apart.folder.read_bytes() == b"mine"


def test_init_in_a_folder_that_is_read_only_can_be_repeated(apart):
    with read_only(apart.folder):
        assert is_told(init(apart), 5, "read-only")
        assert not list(apart.folder.iterdir())
    assert init(apart).code == 0


def test_init_on_a_full_disk_can_be_repeated(apart):
    with small_disk(apart.folder, "64k"):
        fill(apart.folder / "movie")
        assert is_told(init(apart), 5, "full")
        assert [path.name for path in apart.folder.iterdir()] == ["movie"]
        (apart.folder / "movie").unlink()
        assert init(apart).code == 0


def fill(path):
    with path.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        file.writelines(iter(lambda: bytes(4096), None))


# ---- join ----


def test_a_mistyped_code_is_told_from_one_that_is_not_known(owner, newcomer):
    code = owner.invite()
    typo = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert is_refused(newcomer, lambda: newcomer.join(typo), 2, "code")
    other = code_of(new_secret())
    assert is_refused(newcomer, lambda: newcomer.join(other), 2, "no invitation with this code")
    assert newcomer.join(code.lower().replace("-", " ")).code == 0


def test_a_code_serves_one_machine(owner, newcomer, tmp_path):
    code = owner.invite()
    assert newcomer.join(code).code == 0
    third = ready(Member(tmp_path / "third", owner.folder, "third"))
    assert is_refused(third, lambda: third.join(code), 2, "no invitation with this code")


def test_a_code_of_another_vault_lets_nobody_in(owner, apart, newcomer):
    apart.init()
    code = apart.invite()
    assert is_refused(newcomer, lambda: newcomer.join(code), 2, "no invitation with this code")
    shutil.copytree(apart.folder / "j", owner.folder / "j", dirs_exist_ok=True)
    assert is_refused(newcomer, lambda: newcomer.join(code), 6, "another vault")


def test_an_expired_code_is_refused(owner, newcomer):
    code = old_code(owner)
    assert is_refused(newcomer, lambda: newcomer.join(code), 2, "expired")


def old_code(owner):
    """An invitation that was made a day and a second ago."""
    context = open_context(load({"HX_HOME": str(owner.home), "HOME": str(owner.cwd)}))
    ago_us = context.now_us - (DAY_S + 1) * 1_000_000
    sync_context = sync_context_of(context._replace(now_us=ago_us))
    sync_context.list_manifests()
    code, _ = enroll.make_invitation(sync_context)
    context.database.close()
    return code


def test_an_invitation_that_is_cut_or_altered_is_refused(owner, newcomer):
    code = owner.invite()
    [path] = (owner.folder / "j").iterdir()
    data = path.read_bytes()
    for broken in (data[:-1], data[:100], data[:300] + bytes([data[300] ^ 1]) + data[301:], b""):
        path.write_bytes(broken)
        assert is_refused(newcomer, lambda: newcomer.join(code), 2, "cannot be read")
    path.write_bytes(data)
    assert newcomer.join(code).code == 0


def test_join_where_no_vault_is_says_so(apart):
    code = code_of(new_secret())
    assert is_refused(apart, lambda: apart.join(code), 6, "does not hold a vault")


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


def test_recovery_words_bring_everything_back_to_an_empty_machine(owner, tmp_path):
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
    assert [one["active"] for one in late.sync("status")["devices"]] == [True, True]
    other = Member(tmp_path / "other", owner.folder, "other")
    assert other.join(late.invite()).code == 0
    assert other.commands == late.commands


def test_wrong_words_are_told_apart(owner, newcomer):
    entropy = entropy_of(owner.words)
    _, *rest = words_of(entropy)
    assert is_refused(
        newcomer, lambda: newcomer.recover("jabberwock " + " ".join(rest)), 2, "word 1"
    )
    assert is_refused(newcomer, lambda: newcomer.recover(" ".join(rest)), 2, "12")
    other = " ".join(words_of(new_secret()))
    assert is_refused(newcomer, lambda: newcomer.recover(other), 6, "not made with these recovery")


def test_a_vault_that_a_store_puts_up_itself_is_not_recovered_into(owner, newcomer):
    forged, _ = genesis.make(1, 1, generate(), generate())
    (owner.folder / object_names.VAULT_KEY).write_bytes(forged)
    assert is_refused(
        newcomer, lambda: newcomer.recover(owner.words), 6, "not made with these recovery words"
    )


def test_a_first_record_that_names_the_words_but_is_not_signed_by_them_is_refused(owner, newcomer):
    recovery = recovery_keys(entropy_of(owner.words))
    (owner.folder / object_names.VAULT_KEY).write_bytes(unsigned_by(recovery))
    assert is_refused(newcomer, lambda: newcomer.recover(owner.words), 6, "not signed by")


def unsigned_by(recovery):
    """A first record that is sound but for the signature of recovery."""
    device, other = generate(), generate()
    data, _ = genesis.make(SEALED, 1, device, DeviceKeys(other.sign_seed, recovery.box_seed))
    _, body = open_kind(data, expect=object_names.VAULT_KEY, vault_id=None, suite=SEALED)
    payload = body[:-128].replace(other.sign_pub, recovery.sign_pub)
    vault_id = sha256(payload).digest()[:16]
    signed = [sign(one.sign_seed, LABEL_GENESIS, vault_id, payload) for one in (device, other)]
    name = object_names.Name(object_names.GENESIS)
    return seal_open_kind(name, payload + b"".join(signed), vault_id=bytes(16), suite=SEALED)


# ---- in no vault, or in one whose store has gone ----


@pytest.mark.parametrize("part", [[], ["push"], ["pull"], ["status"], ["invite"], ["devices"]])
def test_in_no_vault_each_part_says_how_to_come_into_one(apart, part):
    act = lambda: apart.hx("sync", *part)  # noqa: E731
    assert is_refused(apart, act, 6, "in no vault", "hx sync init", "hx sync join")


@pytest.mark.parametrize("part", [["push"], ["pull"], ["push", "--dry-run"]])
@pytest.mark.parametrize("what", ["gone", "empty", "another vault's"])
def test_a_store_that_is_not_the_vaults_any_more_is_not_written_to(owner, apart, part, what):
    owner.record("echo waits")
    apart.init()
    aside = owner.folder.rename(owner.folder.with_name("aside"))
    if what == "empty":
        owner.folder.mkdir()
    elif what != "gone":
        shutil.copytree(apart.folder, owner.folder)
    before = contents(owner.folder)
    result = owner.hx("sync", *part)
    code = 5 if what == "gone" else 6
    said = {"gone": "is not there", "empty": "does not hold a vault"}.get(what, "another vault")
    assert is_told(result, code, said)
    assert contents(owner.folder) == before
    shutil.rmtree(owner.folder, ignore_errors=True)
    aside.rename(owner.folder)
    assert owner.sync()["pushed"]["events"] == 1
