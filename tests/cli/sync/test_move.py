"""`hx sync move`: the vault lies in another place now, or its store is lost."""

from __future__ import annotations

import shutil

import pytest

from cli.home_folders import tree
from cli.machine import HX
from cli.vaults import Member, is_error, vault
from hx.core.format import object_names
from shells.terminal import Terminal

DEAD = ["make dead 1", "make dead 2"]
ALL = sorted([*DEAD, "make laptop", "make desktop"])


@pytest.fixture
def members(tmp_path):
    """Return laptop and desktop, which hold all that a third machine has recorded too."""
    laptop, desktop, dead = vault(tmp_path, "laptop", "desktop", "dead")
    for command in DEAD:
        dead.record(command)
    laptop.record("make laptop")
    desktop.record("make desktop")
    for member in (dead, laptop, desktop, laptop):
        member.sync()
    assert laptop.commands == desktop.commands == ALL
    return laptop, desktop


def url(folder):
    return f"folder:{folder}"


def move(member, folder, *options, code=0):
    result = member.hx("sync", "move", "--store", url(folder), "--yes", *options)
    assert result.code == code, result
    member.folder = folder
    return result


def moved_to(folder, path):
    """Rename the folder of a store, as another name of a share does."""
    folder.rename(path)
    return path


def kinds(folder):
    keys = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return {name.kind for key in keys if (name := object_names.parsed(key))}


def newcomer(tmp_path, laptop):
    """Return the commands of a machine that joins the vault now."""
    third = Member(tmp_path / "third", laptop.folder, "third")
    third.join(laptop.invite())
    return third.commands


# ---- the same vault under another path ----


def test_a_device_whose_store_is_away_is_not_told_to_make_an_empty_folder(tmp_path):
    (laptop,) = vault(tmp_path, "laptop")
    folder = moved_to(laptop.folder, tmp_path / "Sto\u0308re")
    result = laptop.hx("sync")
    assert is_error(result, 5, "is not there", "mount it", "`hx sync move --help`")
    assert "create" not in result.err
    move(laptop, folder)
    moved_to(folder, tmp_path / "St\u00f6re")
    result = laptop.hx("sync")
    assert is_error(result, 5, "is not there, but", "hx sync move --store")
    said = laptop.hx("sync", "move", "--store", url(tmp_path), "--yes")
    assert is_error(said, 6, f"but a vault lies in folder:{tmp_path / 'St'}", "--fill")
    command = result.err.split("`")[1].removeprefix("hx ")
    assert laptop.bash(f"{HX} {command} --yes").code == 0
    laptop.sync()


def test_what_may_be_deleted_at_the_old_place_is_not_the_new_place_inside_it(tmp_path):
    (laptop,) = vault(tmp_path, "laptop")
    laptop.record("make inner")
    laptop.sync()
    old, inner = laptop.folder, laptop.folder / "hx"
    (old / "photo.jpg").write_bytes(b"mine")
    inner.mkdir()
    said = move(laptop, inner).out
    assert "delete there\n  hx-vault*.hx and the folders b, j, k, m and o, and nothing else" in said
    assert laptop.bash(f"cd {old} && rm -r hx-vault*.hx k m o && ls").out.split() == [
        "hx",
        "photo.jpg",
    ]
    assert laptop.hx("sync", "check").code == 0
    assert newcomer(tmp_path, laptop) == ["make inner"]


def test_a_renamed_folder_is_taken_after_one_question(members, tmp_path):
    laptop, desktop = members
    folder = moved_to(laptop.folder, tmp_path / "renamed")
    assert is_error(laptop.hx("sync"), 5, "is not there")
    asked = laptop.hx("sync", "move", "--store", url(folder))
    assert asked.code == 2
    assert "the same vault lies in" in asked.out
    before = tree(folder)
    assert "on each device" in move(laptop, folder).err
    move(desktop, folder)
    assert tree(folder) == before
    laptop.record("true")
    laptop.sync()
    desktop.sync()
    assert laptop.commands == desktop.commands == sorted([*ALL, "true"])
    assert laptop.hx("sync", "status").out.count("last sync failed") == 0


def test_another_path_to_the_same_folder_is_never_called_the_old_one(members, tmp_path):
    laptop, _ = members
    link = tmp_path / "link"
    link.symlink_to(laptop.folder)
    assert "delete it" not in move(laptop, link).out
    assert object_names.MOVED not in kinds(laptop.folder.resolve())
    assert laptop.hx("sync").code == 0


def test_a_place_with_another_vault_is_refused_and_stays_as_it_is(members, tmp_path):
    laptop, _ = members
    other = Member(tmp_path / "other", tmp_path / "other store", "other")
    other.folder.mkdir()
    other.init()
    before = tree(other.folder)
    result = laptop.hx("sync", "move", "--store", url(other.folder), "--fill", "--yes")
    assert is_error(result, 6, "holds another vault")
    (other.folder / object_names.VAULT_KEY).unlink()
    result = laptop.hx("sync", "move", "--store", url(other.folder), "--fill", "--yes")
    assert is_error(result, 6, "objects of another vault")
    (other.folder / object_names.VAULT_KEY).write_bytes(before[object_names.VAULT_KEY][1])
    assert tree(other.folder) == before
    assert laptop.hx("sync").code == 0


# ---- an empty place, and the old store can be read ----


def test_an_empty_place_gets_a_copy_and_the_others_follow_a_note(members, tmp_path):
    laptop, desktop = members
    old, folder = laptop.folder, tmp_path / "new"
    folder.mkdir()
    desktop.record("make late")
    result = move(laptop, folder)
    assert "a note in" in result.err
    assert is_error(desktop.hx("sync"), 6, "has moved", f"`hx sync move --store {url(folder)}`")
    assert is_error(desktop.hx("sync", "check"), 6, "has moved")
    move(desktop, folder)
    laptop.sync()
    shutil.rmtree(old)
    assert laptop.commands == desktop.commands == sorted([*ALL, "make late"])
    assert newcomer(tmp_path, laptop) == sorted([*ALL, "make late"])
    assert laptop.sync("check", "--read-data", code=None)["behind"] == []


def test_what_is_published_at_the_old_place_after_the_copy_comes_along(members, tmp_path):
    laptop, desktop = members
    folder = tmp_path / "new"
    folder.mkdir()
    move(laptop, folder)
    for note in laptop.folder.parent.glob("store/m/moved-*"):
        note.unlink()  # a program that syncs the folder is late
    desktop.record("make late")
    desktop.sync()
    move(desktop, folder)
    shutil.rmtree(tmp_path / "store")
    laptop.sync()
    assert laptop.commands == sorted([*ALL, "make late"])
    assert laptop.sync("check", "--read-data")["problems"] == []


def test_the_vault_can_move_back(members, tmp_path):
    laptop, desktop = members
    old, folder = laptop.folder, tmp_path / "new"
    folder.mkdir()
    move(laptop, folder)
    move(desktop, folder)
    desktop.record("make late")
    desktop.sync()
    move(laptop, old)
    assert laptop.sync()["pulled"]["objects"] == 0
    assert is_error(desktop.hx("sync"), 6, "has moved")
    move(desktop, old)
    assert desktop.sync()["pushed"]["objects"] == 0
    assert laptop.commands == desktop.commands == sorted([*ALL, "make late"])


def test_what_was_forgotten_at_the_new_place_does_not_come_back_from_the_old_one(members, tmp_path):
    laptop, desktop = members
    folder = tmp_path / "new"
    folder.mkdir()
    move(laptop, folder)
    assert laptop.hx("forget", "--match", "make laptop", "--yes").code == 0
    laptop.sync()
    before = set(folder.rglob("*.hx"))
    move(desktop, folder)
    new = {path.parent.name for path in set(folder.rglob("*.hx")) - before}
    assert desktop.commands == sorted(set(ALL) - {"make laptop"})
    assert not new & {path.name for path in (tmp_path / "store" / "o").iterdir()}


def test_a_device_that_is_no_admin_leaves_no_note(members, tmp_path):
    laptop, desktop = members
    folder = tmp_path / "new"
    folder.mkdir()
    asked = desktop.hx("sync", "move", "--store", url(folder)).out
    assert f"this device is no admin, so nothing in {url(laptop.folder)} tells the others" in asked
    told = move(desktop, folder).err
    assert f"each other device, which still syncs through {url(laptop.folder)}" in told
    assert object_names.MOVED not in kinds(laptop.folder)
    assert laptop.hx("sync").code == 0


def test_a_place_is_named_as_for_init_and_join(members, tmp_path):
    laptop, _ = members
    (laptop.cwd / "new").mkdir()
    result = laptop.hx("sync", "move", "--store", "~/new", "--yes", "--json")
    assert (result.code, result.json["store"]) == (0, url(laptop.cwd / "new"))
    folder = moved_to(laptop.cwd / "new", tmp_path / "newer")
    result = laptop.hx("sync", "move", "--store", str(folder), "--yes", "--json")
    assert (result.code, result.json["store"]) == (0, url(folder))


def test_a_damaged_object_does_not_take_its_name_at_the_new_place(members, tmp_path):
    laptop, desktop = members
    path = next(iter((laptop.folder / "o").rglob("*.hx")))
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    folder = tmp_path / "new"
    folder.mkdir()
    result = laptop.hx("sync", "move", "--store", url(folder), "--yes")
    assert f"not copied, because it is damaged or closed: o/{path.parent.name}" in result.out
    assert not (folder / path.relative_to(laptop.folder)).exists()
    del desktop


# ---- the old store is lost ----


def test_a_lost_store_is_filled_from_what_one_device_holds(members, tmp_path):
    laptop, desktop = members
    shutil.rmtree(laptop.folder)
    folder = tmp_path / "new"
    folder.mkdir()
    result = laptop.hx("sync", "move", "--store", url(folder), "--yes")
    assert is_error(result, 6, "cannot be read", "`--fill`")
    assert list(folder.iterdir()) == []
    asked = laptop.hx("sync", "move", "--store", url(folder), "--fill")
    assert (asked.code, list(folder.iterdir())) == (2, [])
    assert "4 events" in asked.out
    move(laptop, folder, "--fill")
    assert newcomer(tmp_path, laptop) == ALL  # also of the machine that is gone
    desktop.record("make late")
    move(desktop, folder)
    for member in (laptop, desktop):
        member.sync(code=None)
    assert laptop.commands == desktop.commands == sorted([*ALL, "make late"])


def test_an_empty_folder_in_the_same_place_is_filled_only_on_demand(members):
    laptop, desktop = members
    shutil.rmtree(laptop.folder)
    laptop.folder.mkdir()
    assert is_error(laptop.hx("sync"), 6, "hx-vault.hx is missing", "hx sync move")
    assert is_error(
        laptop.hx("sync", "move", "--store", url(laptop.folder), "--yes"), 6, "`--fill`"
    )
    assert list(laptop.folder.iterdir()) == []
    move(laptop, laptop.folder, "--fill")
    assert desktop.hx("sync").code == 0
    assert laptop.hx("sync").code == 0
    assert laptop.commands == desktop.commands == ALL
    assert desktop.sync()["pushed"]["objects"] == 0


def test_two_devices_that_fill_one_place_publish_nothing_twice(members, tmp_path):
    laptop, desktop = members
    shutil.rmtree(laptop.folder)
    folder = tmp_path / "new"
    folder.mkdir()
    move(laptop, folder, "--fill")
    result = desktop.hx("sync", "move", "--store", url(folder), "--fill", "--yes", "--json")
    assert result.json["pushed"]["events"] == 1  # its own
    laptop.sync()
    assert laptop.commands == desktop.commands == ALL


def test_filling_asks_about_a_place_on_another_file_system(members, tmp_path):
    laptop, _ = members
    with laptop.database() as database:
        assert database.meta("store_file_system")
        database.set_meta("store_file_system", "//nas/share cifs")
    shutil.rmtree(laptop.folder)
    folder = tmp_path / "new"
    folder.mkdir()
    asked = laptop.hx("sync", "move", "--store", url(folder), "--fill")
    assert "lies on another file system" in asked.out
    assert asked.code == 2


def test_what_a_sync_cannot_read_is_never_filled_by_itself(members):
    laptop, _ = members
    shutil.rmtree(laptop.folder)
    laptop.folder.mkdir()
    laptop.record("true")
    for command in (["sync"], ["sync", "push"], ["sync", "repair"], ["status"]):
        laptop.hx(*command)
    assert list(laptop.folder.iterdir()) == []


# ---- a note on a terminal ----


def test_a_sync_on_a_terminal_follows_a_note_after_one_question(members, tmp_path):
    laptop, desktop = members
    folder = tmp_path / "new"
    folder.mkdir()
    move(laptop, folder)
    desktop.record("make late")
    environment = {"HOME": str(desktop.cwd), "HX_HOME": str(desktop.home), "TERM": "xterm"}
    terminal = Terminal([HX, "sync"], desktop.cwd, environment | {"LANG": "C.UTF-8"})
    terminal.until(b"Sync there from now on\\?")
    terminal.type("y\n")
    terminal.wait()
    laptop.sync()
    assert "make late" in laptop.commands


# ---- the holder of a store shows notes again ----


def notes_in(folder):
    """Return the notes in the folder of a store, by the names of their files."""
    return {
        path.name: path.read_bytes()
        for path in (folder / "m").iterdir()
        if object_names.parsed(f"m/{path.name}").kind == object_names.MOVED
    }


def test_a_note_that_was_followed_and_is_shown_again_leads_nobody_away(members, tmp_path):
    laptop, desktop = members
    first, second = laptop.folder, tmp_path / "second"
    second.mkdir()
    move(laptop, second)
    old = notes_in(first)
    assert desktop.hx("sync").code == 6
    for place in (second, first):
        for member in (desktop, laptop):
            move(member, place)
    for name, data in old.items():
        (first / "m" / name).write_bytes(data)
    for member in (laptop, desktop):
        assert member.hx("sync").code == 0
    again = tmp_path / "third"
    again.mkdir()
    move(laptop, again)
    assert is_error(desktop.hx("sync"), 6, str(again))


def test_a_note_that_names_the_place_where_it_lies_leads_nobody_away(members, tmp_path):
    laptop, desktop = members
    first, second = laptop.folder, tmp_path / "second"
    second.mkdir()
    move(laptop, second)
    move(desktop, second)
    for name, data in notes_in(first).items():
        (second / "m" / name).write_bytes(data)
    for member in (laptop, desktop):
        assert member.hx("sync").code == 0
