"""`hx import` on the command line: the files it finds, its reports, and what it does not change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

import hx.config
from cli.machine import HX
from importers.foreign_databases import Hishtory, Mcfly

ZSH_LINES = b": 1700000000:3;make all\n: 1700000001:0;ls\n"
IMPORT_BATCH = 50_000


@pytest.fixture
def zsh_history(machine):
    path = machine.cwd / ".zsh_history"
    path.write_bytes(ZSH_LINES)
    return path


def test_the_history_files_at_the_usual_places_are_imported_with_a_report_each(
    machine, hx, zsh_history
):
    fish = machine.cwd / ".local/share/fish/fish_history"
    fish.parent.mkdir(parents=True)
    fish.write_bytes(b"- cmd: git pull\n  when: 1700000002\n")
    (machine.cwd / ".bash_history").write_bytes(b"old one\nold two\n")
    result = hx("import")
    assert result.code == 0
    assert result.err == ""
    assert result.out.splitlines() == [
        f"{zsh_history}: 2 new",
        f"{fish}: 1 new",
        f"{machine.cwd}/.bash_history: 2 new (2 without a time)",
    ]
    assert hx("import").out.splitlines()[0] == f"{zsh_history}: 0 new, 2 imported before"
    events = hx("find", "--json", "--all")
    assert events.commands == ["git pull", "ls", "make all", "old two", "old one"]


def test_histfile_is_imported_and_a_link_to_it_is_not_read_again(machine, hx, zsh_history):
    own = machine.cwd / "my-history"
    own.write_bytes(ZSH_LINES)
    (machine.cwd / ".histfile").symlink_to(own)
    result = hx("import", env={"HISTFILE": str(own)})
    assert result.out.splitlines() == [f"{own}: 2 new", f"{zsh_history}: 0 new, 2 imported before"]


def test_a_history_that_an_rc_file_names_is_imported_beside_another_one(machine, hx, zsh_history):
    (machine.cwd / ".bashrc").write_text("HISTSIZE=9\nHISTFILE=~/.mine\n")
    mine = machine.cwd / ".mine"
    mine.write_bytes(b"old one\n")
    result = hx("import")
    assert (result.code, result.err) == (0, "")
    assert f"{mine}: 1 new (1 without a time)" in result.out.splitlines()
    assert hx("import", str(mine)).out == f"{mine}: 0 new, 1 imported before\n"


@pytest.mark.parametrize(("rc_file", "shell"), [(".zshrc", "zsh"), (".bashrc", "bash")])
@pytest.mark.parametrize(("name", "is_named"), [(".mine", True), (".histfile", False)])
def test_a_history_is_of_the_shell_whose_rc_file_names_it(machine, rc_file, shell, name, is_named):
    """Plain lines do not tell the shell; zsh writes `à` with an escape, which bash does not read.

    The name `.histfile` would tell zsh.
    """
    hx = machine.hx
    (machine.cwd / rc_file).write_text(f"HISTFILE=~/{name}\n")
    letter = b"\xc3\x83\x80" if shell == "zsh" else b"\xc3\xa0"
    path = machine.cwd / name
    path.write_bytes(b"ls\n" * 9 + b"echo \xc3\xa9 " + letter + b"\n")
    named = [str(path)] if is_named else []
    report = hx("import", "--json", *named).json
    assert [(one["path"], one["kind"], one["new"]) for one in report] == [(str(path), shell, 10)]
    assert "echo é à" in hx("find", "--json", "--all", "echo").commands


def test_a_history_that_rc_files_of_two_shells_name_is_recognised_by_itself(machine, hx):
    for rc_file in (".bashrc", ".zshrc"):
        (machine.cwd / rc_file).write_text("HISTFILE=~/.mine\n")
    (machine.cwd / ".mine").write_bytes(b"ls\n")
    assert [one["kind"] for one in hx("import", "--json").json] == ["bash"]
    (machine.cwd / ".mine").write_bytes(ZSH_LINES)
    assert [one["kind"] for one in hx("import", "--json").json] == ["zsh"]


def test_a_history_at_a_path_that_only_the_shell_knows_is_hinted_at(machine, hx, zsh_history):
    bashrc = machine.cwd / ".bashrc"
    bashrc.write_text('HISTFILE="$(hostname)/mine"\n')
    result = hx("import")
    hint = f'{bashrc} sets HISTFILE to a path that hx cannot tell: hx import "$HISTFILE"'
    assert (result.code, result.err) == (0, f"hx: hint: {hint}\n")
    assert hx("import", env={"HISTFILE": str(zsh_history)}).err == ""
    assert hx("import", str(zsh_history)).err == ""
    assert f"note: {hint}\n" in hx("setup", "--yes", "--shell", "bash").out


def test_atuin_is_looked_for_first():
    places = hx.config.import_paths({"HOME": "/h"})
    assert places[:2] == ["/h/.local/share/atuin/history.db", "/h/.atuin/data/history.db"]


def test_the_other_tools_are_looked_for_where_their_variables_say():
    environment = {"HOME": "/h", "HISHTORY_PATH": ".config/hishtory", "HISTDB_FILE": "/x/$y{z}.db"}
    places = hx.config.import_paths(environment | {"XDG_DATA_HOME": "/d"})
    assert {
        "/h/.config/hishtory/.hishtory.db",
        "/h/.hishtory/.hishtory.db",
        "/h/.mcfly/history.db",
        "/d/mcfly/history.db",
        "/x/$y{z}.db",
        "/h/.histdb/zsh-history.db",
    } <= set(places)
    relative = hx.config.import_paths({"HOME": "/h", "HISTDB_FILE": "y.db", "HISHTORY_PATH": ""})
    assert all(place.startswith("/h/") for place in relative)


def test_mcfly_its_copy_of_the_shell_and_the_shell_itself_give_each_run_once(machine, hx):
    (machine.cwd / ".mcfly").mkdir()
    mcfly = Mcfly(machine.cwd / ".mcfly/history.db")
    mcfly.add_copy(["trimmed since", "make all"])
    mcfly.add("ssh nas", 700)
    mcfly.connection.close()
    zsh = machine.cwd / ".zsh_history"
    zsh.write_bytes(b": 1699990000:3;make all\n: 1700000100:600;ssh nas\n: 1700000800:0;ls\n")
    expected = [
        f"{mcfly.path}: 2 new (1 without a time), 1 recorded by hx or imported from another tool",
        f"{zsh}: 2 new, 1 recorded by hx or imported from another tool",
    ]
    assert hx("import").out.splitlines() == expected
    assert hx("find", "--json", "--all").commands == [
        *("ls", "ssh nas", "make all"),
        "trimmed since",
    ]
    assert all(": 0 new, " in line for line in hx("import").out.splitlines())


def test_of_a_database_that_cannot_be_read_nothing_is_imported_and_the_others_are(
    machine, hx, zsh_history
):
    (machine.cwd / ".hishtory").mkdir()
    hishtory = Hishtory(machine.cwd / ".hishtory/.hishtory.db", wal=False)
    for number in range(500):
        hishtory.add(f"make {number}", number)
    hishtory.connection.close()
    os.truncate(hishtory.path, os.path.getsize(hishtory.path) // 2)
    result = hx("import")
    assert result.code == 2
    assert result.out.splitlines() == [
        f"{hishtory.path} is not a database that SQLite can read",
        f"{zsh_history}: 2 new",
    ]
    alone = hx("import", hishtory.path)
    assert (alone.code, alone.out) == (2, "")
    assert "hint: restore it from a backup" in alone.err


def test_from_imports_only_the_files_of_one_tool(machine, hx, zsh_history):
    (machine.cwd / ".bash_history").write_bytes(b"#1700000000\nbash one\n")
    assert hx("import", "--from", "bash").out == f"{machine.cwd}/.bash_history: 1 new\n"
    assert hx("import", "--from", "fish").code == 1


def test_a_plain_file_is_read_in_the_format_that_from_names(machine, hx):
    path = machine.cwd / "copy"
    path.write_bytes(b"two\\\nlines\n")
    assert "2 new" in hx("import", str(path), "--from", "bash", "--dry-run").out
    assert "1 new" in hx("import", str(path), "--from", "zsh", "--dry-run").out
    assert hx("find").code == 1


def test_json_has_all_counts_by_name(hx, zsh_history):
    (report,) = hx("import", "--json").json
    assert report == {
        "path": str(zsh_history),
        "kind": "zsh",
        "new": 2,
        "known": 0,
        "duplicates": 0,
        "later": 0,
        "forgotten": 0,
        "ignored": 0,
        "redacted": 0,
        "expired": 0,
        "untimed": 0,
        "unreadable": [],
        "error": None,
        "number": 1,
    }


def test_without_any_history_file_the_exit_code_is_1(hx):
    assert hx("import")[:2] == (1, "")
    assert hx("import", "--json")[:2] == (1, "[]\n")


def test_an_unreadable_file_is_reported_and_the_others_are_imported(machine, hx, zsh_history):
    database = machine.cwd / ".atuin/data/history.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"SQLite format 3\0 and no more")
    result = hx("import")
    assert result.code == 2
    assert f"{zsh_history}: 2 new" in result.out
    assert "is not a database that SQLite can read" in result.out


@pytest.mark.parametrize("name", ["", "missing", "empty", "pipe"])
def test_a_path_that_cannot_be_imported_is_an_error_with_a_hint(machine, hx, name):
    (machine.cwd / "empty").touch()
    os.mkfifo(machine.cwd / "pipe")
    result = hx("import", str(machine.cwd / name))
    assert result.code == 2
    assert result.out == ""
    assert [line[:9] for line in result.err.splitlines()] == ["hx: error", "hx: hint:"]


def test_commands_that_hx_recorded_are_not_imported_again(machine, hx, record, zsh_history):
    at_us = time.time_ns() // 1000
    record("make all", at=at_us)
    zsh_history.write_bytes(
        ZSH_LINES + b": %d:0;make all\n: %d:0;later\n" % (at_us // 10**6, at_us // 10**6 + 9)
    )
    result = hx("import")
    assert (
        "2 new, 1 recorded by hx or imported from another tool, 1 later than hx's first record"
        in result.out
    )
    assert "1 new" in hx("import", "--all").out


def test_an_unknown_time_is_shown_as_unknown(machine, hx):
    (machine.cwd / ".bash_history").write_bytes(b"old one\nold two\n")
    hx("import")
    (row, _) = hx("find").out.splitlines()
    assert row.split()[1:] == ["-", "?", "old", "two"]
    event = hx("find", "--json").json[0]
    assert event["started_at"] is None
    assert (event["origin"], event["exit_status"]) == ("import", None)
    assert "started     time unknown" in hx("show", event["id"]).out


def test_show_has_the_commands_before_and_after_an_imported_one(machine, hx, zsh_history):
    zsh_history.write_bytes(
        b"".join(b": 17000000%02d:0;step %d\n" % (number, number) for number in range(9))
    )
    hx("import")
    event = hx("find", "--json", "step 4").json[0]
    shown = hx("show", "--json", event["id"]).json
    assert [row["command"] for row in shown["before"]] == ["step 2", "step 3"]
    assert [row["command"] for row in shown["after"]] == ["step 5", "step 6"]


def test_rows_of_imported_commands_have_no_device_name(hx, zsh_history):
    hx("import")
    rows = hx("find").out.splitlines()
    assert [row.split()[1:] for row in rows] == [
        [rows[0].split()[1], "?", "ls"],
        [rows[1].split()[1], "?", "3.0s", "make", "all"],
    ]


def test_forgotten_commands_are_not_imported_again(hx, zsh_history):
    hx("import")
    hx("forget", "--match", "make", "--yes")
    assert "1 imported before, 1 forgotten" in hx("import").out
    assert hx("find", "--json").commands == ["ls"]


def test_events_that_are_older_than_retention_days_are_removed_again(machine, hx, zsh_history):
    old = [f": {1700000000 + number}:0;ls {number}\n" for number in range(300)]
    newer = f": {int(time.time()) - 20 * 86_400}:0;make\n"
    zsh_history.write_text("".join(old) + newer)
    machine.home.mkdir(exist_ok=True)
    (machine.home / "config.toml").write_text("retention_days = 30\n")
    assert "301 new (300 older than retention_days)" in hx("import").out
    assert hx("find", "--all", "--json").commands == ["make"]


def test_a_second_import_at_the_same_time_is_an_error(machine, hx, zsh_history):
    import fcntl

    hx("status")
    with (machine.home / "import.lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        result = hx("import")
    assert result.code == 8
    assert "another `hx import`" in result.err


def write_history(path, count):
    with path.open("w") as file:
        for number in range(count):
            file.write(f": {1_500_000_000 + 7 * number}:0;run --number {number} with some words\n")


def test_an_interrupted_import_leaves_whole_batches_and_no_traceback(machine, hx, tmp_path):
    path = tmp_path / "many"
    write_history(path, 3 * IMPORT_BATCH)
    environment = {
        "HOME": str(machine.cwd),
        "HX_HOME": str(machine.home),
        "PATH": os.environ["PATH"],
    }
    hx("status")
    process = subprocess.Popen(
        [HX, "import", str(path)], env=environment, stderr=subprocess.PIPE, text=True
    )
    with machine.database() as database:
        while not database.value("SELECT 1 FROM event LIMIT 1"):
            assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("the machine was faster than the signal")
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "import again to continue" in err
    with machine.database() as database:
        count = database.value("SELECT count(*) FROM event")
    assert count % IMPORT_BATCH == 0
    assert f"{3 * IMPORT_BATCH - count:,} new" in hx("import", str(path)).out


def test_the_memory_of_an_import_is_bounded(machine, tmp_path):
    path = tmp_path / "many"
    write_history(path, 100_000)
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    result = machine.run([sys.executable, "-c", code, HX, "import", str(path)])
    assert "100,000 new" in result.out
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(result.out.split()[-1]) * unit < 200 << 20


def test_last_uses_only_sessions_that_hx_recorded(machine, hx, record, zsh_history):
    record("make all", 2, at=time.time_ns() // 1000 - 3_600_000_000)
    zsh_history.write_bytes(ZSH_LINES + b": %d:0;newer\n" % (time.time() - 60))
    hx("import", "--all")
    assert "✗2     make all" in hx("last").out
    hx("pin", "--last")
    pinned = hx("show", "--json", hx("find", "--json", "make all", "--failed").json[0]["id"])
    assert pinned.json["pinned"]


@pytest.mark.parametrize(
    ("answer", "count"), [(b"zsh\n", 1), (b"bash\n", 2), (b"\n", 0), (b"yes\n", 0)]
)
def test_on_a_terminal_the_user_says_who_wrote_a_plain_file(machine, hx, answer, count):
    path = machine.cwd / "copy"
    path.write_bytes(b"two\\\nlines\n")
    environment = {
        "HOME": str(machine.cwd),
        "HX_HOME": str(machine.home),
        "PATH": os.environ["PATH"],
    }
    controller, terminal = os.openpty()
    try:
        os.write(controller, answer)
        done = subprocess.run(
            [HX, "import", str(path)],
            env=environment,
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(controller)
        os.close(terminal)
    assert done.returncode == (0 if count else 2)
    assert "Which shell wrote it? [bash/zsh/No] " in done.stderr
    assert len(hx("find", "--json", "--all").json) == count


def test_without_a_terminal_a_plain_file_needs_the_name_of_its_shell(machine, hx):
    path = machine.cwd / "letter"
    path.write_bytes(b"Dear Ann,\nthe garden is fine.\n")
    result = hx("import", str(path))
    assert (result.code, result.out) == (2, "")
    assert "hint: if it is one, say which shell wrote it: --from bash or --from zsh" in result.err
    assert "2 new" in hx("import", str(path), "--from", "bash").out


@pytest.mark.parametrize("options", [[], ["--from", "bash"], ["--from", "atuin"]])
def test_a_program_is_refused_and_nothing_is_imported(hx, options):
    result = hx("import", "/bin/ls", *options)
    assert (result.code, result.out) == (2, "")
    assert (
        result.err.splitlines()[0]
        == "hx: error: /bin/ls is no history that hx reads: it is a program"
    )
    assert hx("find", "--all").code == 1


def test_a_plain_history_at_a_usual_place_is_imported_without_a_question(machine, hx):
    (machine.cwd / ".history").write_bytes(b"ls\nmake\n")
    (machine.cwd / "mine").write_bytes(b"pwd\n")
    mine = {"HISTFILE": str(machine.cwd / "mine")}
    assert "1 new" in hx("import", str(machine.cwd / "mine"), env=mine).out
    assert "2 new" in hx("import", "./.history").out


def test_without_a_history_a_hint_says_how_to_name_one(hx):
    assert hx("import").err.splitlines() == [
        "hx: no history of another tool was found",
        'hx: hint: name the file: hx import "$HISTFILE" (hx sees it if exported or in an rc file)',
    ]


def test_an_empty_name_and_stdin_are_named_as_such(hx):
    """The hint `hx import "$HISTFILE"` gives an empty name where the shell has no HISTFILE."""
    assert "the name of the file is empty" in hx("import", "").err
    assert "does not read stdin" in hx("import", "-", stdin="ls\n").err


def test_the_history_of_tcsh_at_a_usual_place_gives_no_events_from_its_stamps(machine, hx):
    (machine.cwd / ".history").write_bytes(b"#+1700000000\nls\n#+1700000100\nmake\n")
    result = hx("import")
    assert result.code == 2
    assert "it is that of tcsh" in result.out
    assert hx("find", "--all").out == ""
