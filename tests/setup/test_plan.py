"""The plan of setup as a value, and what carrying it out writes."""

from __future__ import annotations

import os

import pytest

from hx.core.errors import DatabaseError, InputError
from hx.core.shell_files import rc_file
from hx.setup import manuals, plan, state, undo
from hx.setup.manuals import Link
from hx.setup.plan import RcFile
from hx.setup.state import Footprint
from hx.shells import BASH, FISH, ZSH, UserFolders, hook
from hx.shells.hook import HookPaths


@pytest.fixture
def home(tmp_path):
    return tmp_path


def put(path, data=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def folders(home):
    place = str(home)
    return UserFolders(place, f"{place}/.config", f"{place}/.local/share", place)


def data(home):
    return f"{home}/data"


def places(home):
    return HookPaths(
        f"{data(home)}/spool", f"{data(home)}/pause", f"{data(home)}/shell-sync", "/bin/hx"
    )


def planned(home, *wanted, links=()):
    return plan.planned(wanted, folders(home), data(home), places(home), links)


def carried_out(home, made):
    plan.prepare(made, f"{data(home)}/spool")
    return plan.edit(made)


def zshrc(home):
    return RcFile(ZSH, f"{home}/.zshrc")


# ---- the plan ----


def test_a_new_home_gets_the_hook_file_and_the_line(home):
    made = planned(home, zshrc(home))
    added = plan.line(data(home), zshrc(home), folders(home))
    assert made.hooks == (ZSH,)
    assert [(edit.file.path, edit.text) for edit in made.edits] == [
        (f"{home}/.zshrc", added + b"\n")
    ]
    assert (made.by_hand, made.unchanged, made.rc_files) == ((), (), (f"{home}/.zshrc",))
    assert not made.is_empty
    assert made.changed == [made.edits[0].file]


def test_what_was_carried_out_is_not_planned_again(home):
    put(home / ".zshrc", b"mine\n")
    made = planned(home, zshrc(home))
    assert carried_out(home, made) == [f"{home}/.zshrc.hx-backup"]
    again = planned(home, zshrc(home))
    assert again.is_empty
    assert again.rc_files == (f"{home}/.zshrc",)


def test_each_part_of_a_plan_is_work(home):
    empty = planned(home)
    assert empty.is_empty
    link = Link(f"{home}/hx.1", f"{home}/pages/hx.1")
    assert not planned(home, links=(link,)).is_empty
    assert not empty._replace(hooks=(ZSH,)).is_empty
    config = f"{home}/config.toml"
    settings = plan.with_settings(empty, config, {"picker_up": True})
    assert not settings.is_empty
    assert [file.path for file in settings.changed] == [config]


def test_settings_that_are_there_change_nothing(home):
    config = str(home / "config.toml")
    once = plan.with_settings(planned(home), config, {"picker_up": True})
    assert carried_out(home, once) == [], "config.toml needs no backup: its lines are marked"
    assert plan.with_settings(planned(home), config, {"picker_up": True}).is_empty


def test_a_loop_of_two_names_of_one_file_is_edited_once(home):
    put(home / ".zshrc")
    os.symlink(home / ".zshrc", home / "link")
    names = (f"{home}/.zshrc", f"{home}/link")
    made = planned(home, *(RcFile(ZSH, name) for name in names))
    (edit,) = made.edits
    assert edit.text == plan.line(data(home), zshrc(home), folders(home)) + b"\n"
    assert made.rc_files == names, "both names have the line"
    carried_out(home, made)
    again = planned(home, *(RcFile(ZSH, name) for name in names))
    assert (again.is_empty, again.rc_files) == (True, names)


@pytest.mark.parametrize("exists", [False, True])
def test_one_file_of_two_shells_is_one_edit_with_a_line_for_each_and_undo_restores_it(home, exists):
    """`.zshrc` leads to `.bashrc`; without that file setup makes it."""
    bashrc = RcFile(BASH, f"{home}/.bashrc")
    os.symlink(".bashrc", home / ".zshrc")
    if exists:
        put(home / ".bashrc", b"mine\n")
    made = planned(home, bashrc, zshrc(home))
    (edit,) = made.edits
    assert (edit.file.path, edit.file.exists) == (bashrc.path, exists)
    lines = [plan.line(data(home), each, folders(home)) for each in (bashrc, zshrc(home))]
    assert edit.text.splitlines() == [*([b"mine", b""] if exists else []), *lines]
    assert made.rc_files == (bashrc.path, f"{home}/.zshrc")
    assert carried_out(home, made) == ([f"{bashrc.path}.hx-backup"] if exists else [])
    undo.undo(undo.planned((), data(home), f"{home}/config.toml"))
    assert {*os.listdir(home)} - {"data"} == {".zshrc", *([".bashrc"] if exists else [])}
    assert not exists or (home / ".bashrc").read_bytes() == b"mine\n"


def test_a_shell_that_loads_the_hook_by_hx_init_gets_no_hook_file(home):
    put(home / ".zshrc", b"\nhx init zsh\n")
    made = planned(home, zshrc(home))
    assert made.is_empty
    (loading,) = made.by_hand
    assert (loading.path, loading.number, loading.from_file) == (f"{home}/.zshrc", 2, False)
    assert made.rc_files == ()


def test_a_shell_that_reads_the_hook_file_gets_that_file_and_no_line(home):
    put(home / ".zshrc", os.fsencode(f". {hook.path(data(home), ZSH)}\n"))
    made = planned(home, zshrc(home))
    assert (made.hooks, made.edits) == ((ZSH,), ())


def test_of_the_files_of_one_shell_one_that_loads_the_hook_is_enough(home):
    put(home / ".bashrc", b"hx init bash\n")
    put(home / ".profile", b"hx init bash\n")
    wanted = [RcFile(BASH, f"{home}/{name}") for name in (".bashrc", ".profile", ".bash_login")]
    made = planned(home, *wanted, zshrc(home))
    assert [loading.path for loading in made.by_hand] == [f"{home}/.bashrc"]
    assert [edit.file.path for edit in made.edits] == [f"{home}/.zshrc"]


def test_a_file_that_cannot_be_edited_is_named_with_its_line_and_stops_no_other_one(home):
    (home / ".zshrc").mkdir()
    readonly = put(home / ".config" / "fish" / "config.fish", b"mine\n")
    os.chmod(readonly, 0o400)
    made = planned(home, zshrc(home), RcFile(FISH, readonly), RcFile(BASH, f"{home}/.bashrc"))
    assert [each.path for each in made.unchanged] == [f"{home}/.zshrc", readonly]
    assert "is a folder" in made.unchanged[0].why
    hook_file = b"\"$HOME\"'/data'/hook.zsh"
    assert made.unchanged[0].line == (
        b'[ -z "${ZSH_VERSION-}" ] || [ ! -r %b ] || . %b' % (hook_file, hook_file)
    )
    assert made.unchanged[1].line.startswith(b"begin; set -l hook \"$HOME\"'/data'/hook.fish;")
    assert made.hooks == (BASH, ZSH, FISH)
    assert made.rc_files == (f"{home}/.bashrc",)


def test_a_hook_file_that_is_there_and_out_of_date_is_written_for_any_shell(home):
    put(home / "data" / "hook.fish", b"old")
    assert planned(home).hooks == (FISH,)
    hook.write(data(home), FISH, places(home))
    assert planned(home).hooks == ()


def test_a_data_folder_that_does_not_fit_on_a_line_is_refused(home):
    with pytest.raises(InputError, match="does not fit on one line"):
        plan.planned([zshrc(home)], folders(home), f"{home}/a\nb", places(home))


@pytest.mark.parametrize(
    ("shell", "folder", "expression"),
    [
        (ZSH, ".local/share/hx", b'"${XDG_DATA_HOME:-$HOME/.local/share}/hx"'),
        (FISH, ".local/share/hx", b'; or echo "$HOME/.local/share")/hx'),
        (ZSH, ".hx", b"\"$HOME\"'/.hx'"),
        (FISH, ".hx", b"\"$HOME\"'/.hx'"),
    ],
)
def test_a_data_folder_in_the_home_is_named_by_a_variable(home, shell, folder, expression):
    target = RcFile(shell, f"{home}/rc")
    assert expression in plan.line(f"{home}/{folder}", target, folders(home))


@pytest.mark.parametrize("inside", ["", "/below"])
def test_a_data_folder_outside_of_the_home_is_named_by_its_whole_path(home, inside):
    """Also where the path of the home is a part of it."""
    path = f"/srv{home}{inside}"
    assert f"'{path}'".encode() in plan.line(path, zshrc(home), folders(home))


@pytest.mark.parametrize(
    ("shell", "start"),
    [
        (BASH, b'[ -z "${BASH_VERSION-}" ] || { '),
        (ZSH, b'[ -z "${ZSH_VERSION-}" ] || { '),
        (FISH, b"begin; "),  # no other shell reads what fish does
    ],
)
def test_the_line_of_any_file_asks_whether_its_own_shell_reads_it(home, shell, start):
    """sh reads ~/.profile, and a .zshrc may read ~/.bashrc or be the same file."""
    for name in (".profile", ".bashrc", ".zshrc", "config.fish"):
        line = plan.line(data(home), RcFile(shell, f"{home}/{name}"), folders(home))
        assert line.startswith(start)
        assert line.count(b"_VERSION") == start.count(b"_VERSION")


# ---- carrying it out ----


def test_the_footprint_names_all_that_was_changed_or_made(home):
    older = put(home / ".bashrc", b"mine\n")
    link = Link(f"{home}/man/hx.1", f"{home}/pages/hx.1")
    made = planned(home, RcFile(BASH, older), zshrc(home), links=(link,))
    made = plan.with_settings(made, f"{home}/etc/config.toml", {"picker_up": True})
    assert carried_out(home, made) == [f"{older}.hx-backup"]
    assert state.read(data(home)) == Footprint(
        "/bin/hx",
        (older, f"{home}/.zshrc"),
        (f"{home}/.zshrc", f"{home}/etc/config.toml"),
        (f"{older}.hx-backup",),
        (data(home), f"{data(home)}/spool", f"{home}/etc", f"{home}/man"),
        (link.path,),
    )
    assert os.readlink(link.path) == link.target
    assert hook.is_current(data(home), BASH, places(home))
    with open(f"{older}.hx-backup", "rb") as backup:
        assert backup.read() == b"mine\n"
    assert (home / ".bashrc").read_bytes().startswith(b"mine\n\n")


def test_each_file_has_a_backup_of_its_own(home):
    wanted = [RcFile(BASH, put(home / name, name.encode())) for name in (".bashrc", ".profile")]
    backups = carried_out(home, planned(home, *wanted))
    assert backups == [f"{rc_file.path}.hx-backup" for rc_file in wanted]
    assert [(home / os.path.basename(path)).read_bytes() for path in backups] == [
        *(b".bashrc", b".profile")
    ]


@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_a_folder_into_which_others_may_write_gets_no_hook(home, mode):
    os.mkdir(data(home))
    os.chmod(data(home), mode)
    with pytest.raises(DatabaseError, match="other users may write"):
        plan.prepare(planned(home, zshrc(home)), f"{data(home)}/spool")
    assert os.listdir(data(home)) == []


def test_a_second_setup_adds_to_the_footprint(home):
    carried_out(home, planned(home, zshrc(home)))
    first = state.read(data(home))
    carried_out(home, planned(home, RcFile(BASH, f"{home}/.bashrc")))
    assert state.read(data(home)).rc_files == (*first.rc_files, f"{home}/.bashrc")


def test_a_backup_of_the_same_bytes_that_was_there_is_not_noted_as_made(home):
    put(home / ".zshrc", b"mine\n")
    put(home / ".zshrc.hx-backup", b"mine\n")
    carried_out(home, planned(home, zshrc(home)))
    assert state.read(data(home)).backups == ()


def test_that_a_hook_was_missing_is_forgotten(home):
    path = put(home / "data" / rc_file.MISSING)
    os.chmod(home / "data", 0o700)
    carried_out(home, planned(home, zshrc(home)))
    assert not os.path.exists(path)


def test_folders_that_cannot_be_used_are_removed_again(home):
    """A file lies where the spool has to be."""
    spool = put(home / "file")
    with pytest.raises(InputError, match="is a file"):
        plan.prepare(planned(home, zshrc(home)), spool)
    assert sorted(os.listdir(home)) == ["file"]


def test_the_man_pages_are_those_of_the_plan(home):
    assert planned(home).links == ()
    assert manuals.planned(f"{home}/none", str(home)) == ()


# ---- after an upgrade ----


def test_only_the_hx_that_the_hook_files_name_refreshes_them(home):
    carried_out(home, planned(home, zshrc(home)))
    put(home / "data" / "hook.zsh", b"old")
    other = places(home)._replace(executable="/opt/hx")
    assert plan.refresh(data(home), other) == []
    assert plan.refresh(data(home), places(home)) == [ZSH]
    assert hook.is_current(data(home), ZSH, places(home))


def test_a_data_folder_of_another_user_is_not_refreshed(home):
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    carried_out(home, planned(home, zshrc(home)))
    os.chown(home / "data", 1234, 4321)
    with pytest.raises(DatabaseError, match="another user"):
        plan.refresh(data(home), places(home))
