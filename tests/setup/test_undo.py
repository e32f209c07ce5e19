"""What undo and purge take back: what setup has made and files of hx, and nothing of others."""

from __future__ import annotations

import os

import pytest

from capture.kill import drop_capabilities, forked, outcome
from hx.core.errors import InputError
from hx.core.shell_files.rc_file import MARK, MISSING
from hx.setup import state, undo, user_file
from hx.setup.state import Footprint
from hx.setup.undo import LineToRemove, OwnPaths, Removal

LINE = b"[ -r x ] && . x " + MARK + b"\n"
SETTING = b"picker_up = true  " + MARK + b"\n"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path


def put(path, data=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def planned(home, *candidates):
    return undo.planned(candidates, str(home / "data"), str(home / "config.toml"))


def noted(home, **fields):
    state.write(str(home / "data"), Footprint("/bin/hx", **fields))


# ---- undo ----


def test_where_setup_never_ran_nothing_is_to_undo(home):
    mine = put(home / ".zshrc", b"mine\n")
    put(home / "config.toml", b"picker_up = true\n")
    removal = planned(home, mine)
    assert removal.is_empty
    assert removal.data == str(home / "data")


def test_the_lines_are_removed_from_noted_files_candidates_and_settings(home):
    noted_file = put(home / "noted", b"a\n\n" + LINE)
    candidate = put(home / "candidate", b"b\n\n" + LINE)
    config = put(home / "config.toml", SETTING + b"c = 1\n")
    noted(home, rc_files=(noted_file,))
    removal = planned(home, candidate, noted_file)
    texts = {edit.file.path: edit.text for edit in removal.edits}
    assert texts == {noted_file: b"a\n", candidate: b"b\n", config: b"c = 1\n"}
    undo.undo(removal)
    assert planned(home, candidate).is_empty


def test_a_setting_in_an_rc_file_and_an_rc_line_in_the_settings_are_not_of_setup(home):
    candidate = put(home / "candidate", SETTING)
    put(home / "config.toml", b"a = 1\n" + LINE)
    assert planned(home, candidate).is_empty


def test_each_part_of_undo_is_work(home):
    line = planned(home, put(home / "file", LINE))
    assert (line.is_empty, line.files) == (False, ())
    os.unlink(home / "file")
    put(home / "data" / "hook.zsh")
    hook = planned(home)
    assert (hook.is_empty, hook.edits) == (False, ())


def test_two_names_of_one_file_are_one_edit(home):
    file = put(home / "file", LINE)
    os.symlink(file, home / "link")
    (edit,) = planned(home, str(home / "link"), file).edits
    assert edit.file.target == file


def test_only_a_file_that_setup_has_noted_is_named_when_it_cannot_be_read(home):
    long = put(home / "long")
    os.truncate(long, (4 << 20) + 1)
    assert planned(home, long) == Removal(str(home / "data"), (), ())
    assert undo.text_of(long) == b""
    assert undo.text_of(put(home / "file", b"x")) == b"x"
    noted(home, rc_files=(long,))
    unchanged = (LineToRemove(long, f"{long} is longer than 4 MiB", None),)
    assert planned(home) == Removal(str(home / "data"), (), (), unchanged)


@pytest.mark.parametrize("instead", ["folder", "pipe", "file/below", "loop"])
def test_where_a_noted_file_has_become_something_without_lines_nothing_is_left(home, instead):
    (home / "folder").mkdir()
    os.mkfifo(home / "pipe")
    put(home / "file", LINE)
    os.symlink("loop", home / "loop")
    path = str(home / instead)
    with pytest.raises(InputError):
        user_file.read(path)
    noted(home, rc_files=(path,))
    assert planned(home) == Removal(str(home / "data"), (), ())
    assert undo.text_of(path) == b""


def test_a_noted_file_in_a_folder_that_may_not_be_entered_is_named(home):
    """The file may be there, with its line."""
    file = put(home / "locked" / "file", LINE)
    noted(home, rc_files=(file,))

    def work():
        drop_capabilities()
        os.chmod(home / "locked", 0)
        why = f"cannot read {file}: permission denied"
        assert planned(home).unchanged == (LineToRemove(file, why, None),)

    assert outcome(forked(work)) == 0
    os.chmod(home / "locked", 0o700)


def test_a_file_that_may_not_be_written_keeps_its_line_and_the_others_are_undone(home):
    before = b"a\nb\n"
    file, other = put(home / "file", before + b"\n" + LINE), put(home / "other", LINE)
    backups = tuple(put(home / f"{name}.hx-backup", before) for name in ("file", "other"))
    noted(home, rc_files=(file, other), made=(file, other), backups=backups)
    os.chmod(file, 0o400)
    removal = planned(home)
    assert [edit.file.path for edit in removal.edits] == [other]
    assert removal.files == backups[1:]
    assert removal.unchanged == (LineToRemove(file, f"{file} is read-only", 4),)
    undo.undo(removal)
    assert sorted(os.listdir(home)) == ["data", "file", "file.hx-backup"]
    assert (home / "file").read_bytes() == before + b"\n" + LINE
    assert state.read(str(home / "data")) == Footprint("", (file,), (file,), backups[:1])
    assert sorted(os.listdir(home / "data")) == [MISSING, "setup.json"], "the line says nothing"
    assert planned(home).is_empty
    undo.undo(planned(home))
    os.chmod(file, 0o600)
    undo.undo(planned(home))
    assert sorted(os.listdir(home)) == ["data", "file"]
    assert (home / "file").read_bytes() == before


def test_a_file_that_setup_has_made_is_deleted_once_it_is_empty_and_any_other_one_stays(home):
    made, grown = put(home / "made", LINE), put(home / "grown", LINE + b"more\n")
    older, empty = put(home / "older", LINE), put(home / "empty")
    noted(home, rc_files=(made, grown, older), made=(made, grown, empty, str(home / "gone")))
    removal = planned(home)
    assert removal.files == (empty,)
    undo.undo(removal)
    assert not os.path.exists(made)
    assert not os.path.exists(empty)
    assert (home / "grown").read_bytes() == b"more\n"
    assert (home / "older").read_bytes() == b""


def test_backups_hooks_and_own_links_are_deleted(home):
    data = home / "data"
    backup = put(home / ".zshrc.hx-backup")
    hook, missing = put(data / "hook.zsh"), put(data / MISSING)
    for name, leads_to in (("hx.1", "pages/hx.1"), ("hx-find.1", "pages/other.1")):
        os.symlink(home / leads_to, home / name)
    links = (str(home / "hx.1"), str(home / "hx-find.1"))
    folders = (str(data),)
    noted(home, backups=(backup, str(home / "gone")), links=links, folders=folders)
    removal = planned(home)
    assert removal.files == (backup, hook, missing, links[0])
    undo.undo(removal)
    assert sorted(os.listdir(home)) == ["hx-find.1"], "the data folder is gone too"


def test_after_undo_the_footprint_holds_the_folders_while_there_are_other_files(home):
    folder = home / "made"
    (folder / "inner").mkdir(parents=True)
    put(home / "data" / "hx.db")
    noted(home, folders=(str(folder), str(folder / "inner")), backups=("/gone",))
    undo.undo(planned(home))
    assert not folder.exists()
    assert state.read(str(home / "data")) == Footprint(folders=(str(folder), str(folder / "inner")))


def test_without_a_footprint_undo_writes_none(home):
    put(home / "data" / "hx.db")
    put(home / "data" / "hook.zsh")
    undo.undo(planned(home))
    assert os.listdir(home / "data") == ["hx.db"]


def test_a_file_that_is_gone_meanwhile_stops_no_undo(home):
    hook = put(home / "data" / "hook.zsh")
    removal = planned(home)
    os.unlink(hook)
    undo.undo(removal)


# ---- purge ----


@pytest.fixture
def places(home):
    data = home / "data"
    return OwnPaths(
        *(str(data), str(data / "spool"), str(home / "etc" / "config.toml")),
        *(str(home / "state" / "pause"), str(home / "run")),
    )


OWN = (
    *("hx.db", "hx.db-wal", "hx.db-journal", "device.key", "ingest.lock"),
    *("import.lock", "sync.lock", "pause", "rules.json", "setup.json", "hook.bash", "hook.zsh"),
    *("hook.fish", MISSING, "custody.toml", "custody.sealed", "custody.key", "custody-next.key"),
    *("hx.db.0a1b2c3d.tmp", "setup.json.00000000.tmp"),
)
FOREIGN = (
    *("hx.db2", "my.key", "notes", "hook.tcsh", "custody.txt", "pause2", "hx.db.0a1b2c3.tmp"),
    *("hx.db.0A1B2C3D.tmp", "HX.DB", "device-box.key", "custody-box.key"),
)


@pytest.mark.parametrize("name", OWN)
def test_a_file_of_hx_is_one(name):
    assert undo.is_ours(name)


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_program_is_none_of_hx(name):
    assert not undo.is_ours(name)


def test_purge_deletes_all_files_of_hx_and_the_empty_folders(home, places):
    for name in OWN:
        put(home / "data" / name)
    put(home / "data" / "outbox" / "journal")
    put(home / "data" / "outbox" / "000001.hx")
    put(home / "data" / "outbox" / "000001.hx.0a1b2c3d.tmp")
    put(home / "state" / "pause")
    put(home / "etc" / "config.toml")
    session = "0a" * 16
    put(home / "data" / "spool" / f"{session}.1")
    put(home / "data" / "spool" / f"{session}.t")
    put(home / "run" / f"{session}.t")
    (home / "run" / "other").mkdir()
    assert undo.purge(places) == []
    assert (os.listdir(home), os.listdir(home / "run")) == (["run"], ["other"])


def test_purge_deletes_the_folders_that_setup_has_noted(home, places):
    (home / "made").mkdir()
    noted(home, folders=(str(home / "made"),))
    undo.purge(places)
    assert os.listdir(home) == []


def test_purge_keeps_what_a_line_that_stays_needs(home, places):
    file = put(home / "file", LINE)
    put(home / "data" / "hx.db")
    noted(home, rc_files=(file,), folders=(places.data,))
    os.chmod(file, 0o400)
    removal = planned(home)
    undo.undo(removal)
    assert undo.purge(places, removal.needed_later) == []
    assert sorted(os.listdir(home / "data")) == [MISSING, "setup.json"]
    put(home / "data" / "mine")
    assert undo.purge(places, removal.needed_later) == [places.data]
    os.unlink(home / "data" / "mine")
    os.chmod(file, 0o600)
    removal = planned(home)
    undo.undo(removal)
    assert (removal.needed_later, os.listdir(home)) == ((), ["file"])


def test_where_the_data_folder_is_gone_a_line_that_stays_brings_none_back(home):
    os.rmdir(home / "data")
    file = put(home / "file", LINE)
    os.chmod(file, 0o400)
    removal = planned(home, file)
    assert len(removal.unchanged) == 1
    undo.undo(removal)
    assert os.listdir(home) == ["file"]


def test_purge_keeps_the_files_of_others_and_names_their_folders(home, places):
    foreign = [
        *(home / "data" / name for name in FOREIGN),
        *(home / "data" / "outbox" / name for name in ("00001.hx", "journals", "hx.db")),
        *(home / "etc" / "other.toml", home / "state" / "other", home / "run" / "other"),
    ]
    for path in foreign:
        put(path)
    assert undo.purge(places) == [
        *(str(home / "state"), str(home / "data"), str(home / "etc")),
    ]
    assert all(path.exists() for path in foreign)


def test_belongings_are_named_once_also_where_pause_is_in_the_data_folder(home, places):
    places = places._replace(pause=str(home / "data" / "pause"), runtime=None)
    own = put(home / "data" / "pause")
    assert undo.belongings(places) == [own]


def test_a_link_in_place_of_the_settings_is_removed_and_what_it_leads_to_stays(home, places):
    target = put(home / "dotfiles")
    (home / "etc").mkdir()
    os.symlink(target, places.config)
    assert undo.belongings(places) == [places.config]
    undo.purge(places)
    assert os.path.exists(target)
    assert not os.path.lexists(places.config)
