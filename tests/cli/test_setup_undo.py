"""`hx setup --undo` takes back what setup did, and nothing else."""

import shutil

import pytest

from cli.houses import House
from hx.core.errors import InputError
from hx.core.shells import rc_file
from hx.setup import user_file as dotfile


@pytest.fixture
def house(machine):
    return House(machine)


def test_undo_keeps_the_history(house):
    house.bashrc.write_bytes(b"a\n")
    house.hx("find")
    kept = {path.name for path in house.data.iterdir()}
    house.setup()
    done = house.undo()
    assert "the history is kept" in done.out
    assert house.bashrc.read_bytes() == b"a\n"
    assert not house.hook.exists()
    assert {path.name for path in house.data.iterdir()} - {"setup.json"} == kept


def test_what_the_user_wrote_meanwhile_stays(house):
    house.bashrc.write_bytes(b"a")
    house.setup()
    with house.bashrc.open("ab") as file:
        file.write(b"mine\n")
    house.undo()
    assert house.bashrc.read_bytes() == b"a\nmine\n"


def test_an_rc_file_that_setup_made_stays_when_there_is_more_in_it(house):
    house.setup()
    with house.bashrc.open("ab") as file:
        file.write(b"mine\n")
    house.undo("--purge")
    assert house.bashrc.read_bytes() == b"mine\n"


def test_undo_without_the_note_of_setup_still_takes_the_line_out(house):
    house.bashrc.write_bytes(b"a\n")
    house.setup()
    (house.data / "setup.json").write_text("{ damaged")
    house.undo()
    assert house.bashrc.read_bytes() == b"a\n"


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_undo_finds_an_rc_file_that_would_no_longer_be_chosen(house):
    folder = house.path / "zsh"
    folder.mkdir()
    (folder / ".zshrc").write_bytes(b"a\n")
    before = house.tree
    house.setup("--shell", "zsh", ZDOTDIR=str(folder))
    house.undo("--purge")
    assert house.tree == before


def test_undo_where_nothing_was_done_says_so(house):
    house.bashrc.write_bytes(b"a\n")
    before = house.tree
    done = house.undo()
    assert (done.code, "nothing to undo" in done.out) == (0, True)
    assert house.tree == before


def test_a_backup_that_was_there_already_is_not_setups_to_remove(house):
    house.bashrc.write_bytes(b"a\n")
    older = house.path / ".bashrc.hx-backup"
    older.write_bytes(b"a\n")
    before = house.tree
    house.setup()
    house.undo("--purge")
    assert house.tree == before


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_folders_that_setup_made_go_when_they_are_empty(house):
    house.setup("--shell", "fish")
    assert (house.path / ".config/fish/config.fish").exists()
    house.undo()
    assert not (house.path / ".config").exists()


def test_a_line_of_the_users_own_stays_and_is_named(house):
    house.bashrc.write_text('eval "$(hx init bash)"\n')
    house.setup()
    done = house.undo("--purge")
    assert house.bashrc.read_text() == 'eval "$(hx init bash)"\n'
    assert "still loads the hook in line 1" in done.out


def test_undo_asks_and_without_a_terminal_refuses(house):
    house.bashrc.write_bytes(b"a\n")
    house.setup()
    before = house.tree
    done = house.hx("setup", "--undo", "--purge")
    assert (done.code, "use --yes" in done.err) == (2, True)
    assert house.tree == before


def test_purge_removes_everything_that_hx_ever_made(house):
    """Settings, a pause, pending and drained commands, a text file of bash, the keys."""
    house.bashrc.write_bytes(b"a\n")
    before = house.tree
    house.setup()
    machine = house.machine
    machine.spool = house.path / ".local/state/hx/spool"
    session = machine.record("make").session_id.hex()
    (machine.spool / f"{session}.t").write_bytes(b"   ")
    house.hx("find", "make")
    machine.record("make again")
    settings = house.path / ".config" / "hx" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("limit = 5\n")
    house.hx("pause")
    house.hx("status")
    assert house.undo("--purge").code == 0
    settings.parent.parent.rmdir()  # ~/.config was made here, not by setup
    assert house.tree == before


def test_purge_leaves_the_files_of_others_and_names_their_folder(house):
    house.setup()
    machine = house.machine
    machine.spool = house.path / ".local/state/hx/spool"
    mine = [house.data / "notes.txt", machine.spool / "README", house.data / "hx.db.bak"]
    for path in mine:
        path.write_text("mine")
    done = house.undo("--purge")
    assert [path.read_text() for path in mine] == ["mine"] * 3
    assert f"{house.data} is not removed" in done.out
    assert sorted(house.data.iterdir()) == sorted([mine[0], mine[2]])


def test_purge_in_one_folder_of_its_own(house):
    house.bashrc.write_bytes(b"a\n")
    before = house.tree
    home = {"HX_HOME": str(house.path / "all of hx")}
    house.setup(**home)
    house.hx("find", **home)
    house.undo("--purge", **home)
    assert house.tree == before


def test_an_rc_file_that_was_changed_while_hx_asked_is_not_overwritten(house):
    house.bashrc.write_bytes(b"a\n")
    read = dotfile.read(str(house.bashrc))
    house.bashrc.write_bytes(b"b\n")
    with pytest.raises(InputError, match="another program has changed"):
        dotfile.replace(read, rc_file.with_line(read.text, b"# x"))
    assert house.bashrc.read_bytes() == b"b\n"
