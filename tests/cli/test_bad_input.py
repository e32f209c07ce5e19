"""Whatever is wrong: one clear sentence, the right exit code, no traceback, nothing lost."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress

import apsw
import pytest

from cli.machine import HX, SESSION, Machine
from cli.mounts import read_only, small_disk
from hx.cli.table import COMMANDS

# Commands that read or change the history, each on a line that is right
READERS = [
    ["find"],
    ["find", "--json"],
    ["status"],
    ["pin"],
    ["unpin"],
    ["forget", "--match", "make", "--yes"],
]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def said(done):
    """The sentence and the hint of a run that failed as it should."""
    assert "Traceback" not in done.err
    assert "unexpected" not in done.err
    errors = [line for line in done.err.splitlines() if line.startswith("hx: error: ")]
    assert len(errors) == 1, done.err
    assert re.match(r"hx: error: \S.*[^.]$", errors[0])
    return done.err


def spooled_bytes(machine):
    return {file.name: file.read_bytes() for file in machine.spool.iterdir()}


WRONG = [
    "fnd",
    "--no-such",
    "init",
    "init tcsh",
    "init bash zsh",
    "init bash --what",
    "pause 5",
    "pause --for",
    "pause --for soon",
    "resume now",
    "status now",
    "doctor --fix",
    "find --limit",
    "find --limit many",
    "find --limit 0",
    "find --limit 99999999999999999999",
    "find --exit abc",
    "find --since soon",
    "find --until 2026-13-45",
    "find --failed --ok",
    "find --session 12345678901234567",
    "find --color=pink",
    "find --cwd",
    "pin --lst",
    "pin --last 7k3q9x2m",
    "forget --mtch x",
    "forget 7k3 --yes",
    "config --set",
    "completions",
    "completions tcsh",
]


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_2_and_changes_nothing(machine, hx, record, line):
    record("make")
    done = hx(*line.split())
    assert (done.code, done.out) == (2, "")
    said(done)
    assert "hx: hint: " in done.err or len(done.err.splitlines()) == 1
    assert sorted(os.listdir(machine.home)) in (["spool"], PAST_FIRST_RUN)


PAST_FIRST_RUN = ["device.key", "hx.db", "hx.db-shm", "hx.db-wal", "ingest.lock", "spool"]


def test_a_misspelt_command_is_guessed(hx):
    assert "did you mean `hx find`?" in hx("fnd").err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_needs_nothing(hx, machine, name):
    for line in ([name, "--help"], ["help", name]):
        done = hx(*line)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"usage: hx {name}")
    assert not machine.home.exists()


def settled(machine):
    """Past the first run, all in the database file itself and one command pending."""
    machine.record("make all")
    machine.hx("find")
    with machine.database() as database:
        database.scrub()
    for name in ("hx.db-wal", "hx.db-shm"):
        (machine.home / name).unlink(missing_ok=True)
    machine.record("make test")
    return machine.home / "hx.db"


def foreign(path):
    path.unlink()
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE song (title)")
    connection.close()
    path.chmod(0o600)


def of_another_program(path):
    foreign(path)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 1)
    connection.close()


def text(path):
    path.write_text("a text, not a database\n" * 500)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:6_000])


def overwritten(path):
    data = path.read_bytes()
    path.write_bytes(data[:4_096] + b"\xaa" * (len(data) - 4_096))


def newer(path):
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("line", READERS, ids=" ".join)
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (foreign, 8),
        (of_another_program, 8),
        (text, 8),
        (cut_off, 8),
        (overwritten, 8),
        (a_folder, 8),
        (newer, 7),
    ],
)
def test_a_database_that_cannot_be_used_costs_no_command(machine, hx, line, spoil, code):
    spoil(settled(machine))
    before = spooled_bytes(machine)
    done = hx(*line)
    assert done.code == code
    assert "hx: hint: " in said(done)
    assert spooled_bytes(machine) == before


def test_after_a_damaged_database_was_moved_away_all_that_waits_is_found(machine, hx):
    path = settled(machine)
    overwritten(path)
    hx("find")
    path.rename(machine.home / "damaged.db")
    assert hx("find", "--json").commands == ["make test"]


def test_a_damaged_device_key_is_never_replaced(machine, hx, record):
    machine.home.mkdir()
    key = machine.home / "device.key"
    key.write_text("hx-device-1 nonsense\n")
    record("make")
    assert hx("find").code == 8
    assert key.read_text() == "hx-device-1 nonsense\n"


@pytest.mark.parametrize("line", [*READERS, ["pause"]], ids=" ".join)
def test_a_home_that_is_a_file_is_told_and_left(machine, hx, line):
    machine.home.write_text("mine")
    done = hx(*line)
    assert done.code in (2, 8)
    assert str(machine.home) in said(done)
    assert machine.home.read_text() == "mine"


@pytest.mark.parametrize("line", [*READERS, ["pause"]], ids=" ".join)
def test_a_home_that_cannot_be_made_is_told(machine, hx, line):
    done = hx(*line, env={"HX_HOME": "/proc/hx"})
    assert done.code == 8
    assert "/proc/hx" in said(done)


def test_a_search_works_on_a_read_only_disk(machine, hx, record):
    record("make all")
    hx("find")
    record("make test")
    before = spooled_bytes(machine)
    with read_only(machine.home):
        done = hx("find", "--json")
        refused = [hx(*line) for line in (["pin"], ["pause"], ["forget", "make", "--yes"])]
    assert done.code in (0, 8)
    assert "Traceback" not in done.err
    assert done.err.startswith("hx: ")
    assert [one.code for one in refused] == [8, 8, 8]
    for one in refused:
        said(one)
    assert spooled_bytes(machine) == before
    assert hx("find", "--json").commands == ["make test", "make all"]


def fill(path):
    with open(path, "wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(b"x" * 4_096)


def test_a_full_disk_keeps_what_waits_in_the_spool(tmp_path):
    machine = Machine(tmp_path)
    with small_disk(machine.home):
        for number in range(20):
            machine.record(f"make {number}")
        fill(machine.home / "ballast")
        before = spooled_bytes(machine)
        done = machine.hx("find", "--json")
        assert done.code == 8
        said(done)
        assert spooled_bytes(machine) == before
        (machine.home / "ballast").unlink()
        assert len(machine.hx("find", "--json").commands) == 20


@AS_ROOT
@pytest.mark.parametrize("line", READERS, ids=" ".join)
@pytest.mark.parametrize("what", ["", "hx.db"])
def test_what_belongs_to_another_user_is_refused(machine, hx, record, line, what):
    record("make")
    hx("find")
    record("make test")
    os.chown(machine.home / what, 12345, -1)
    before = spooled_bytes(machine)
    done = hx(*line)
    assert done.code == 8
    assert "belongs to another user (uid 12345, you are 0)" in said(done)
    assert spooled_bytes(machine) == before


@pytest.mark.parametrize("home", [None, "", "not/absolute"])
def test_without_a_home_it_says_what_to_set(home):
    somebody = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    if not shutil.which("unshare") or subprocess.run([*somebody, "true"], check=False).returncode:
        pytest.skip("no user without a home can be had here")
    environment = {"PATH": os.environ["PATH"]} | ({} if home is None else {"HOME": home})
    done = subprocess.run(
        [*somebody, HX, "find"],
        env=environment, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "hx: error: there is no home folder\nhx: hint: set HOME, or HX_HOME to a folder of yours\n"
    )


LANGUAGES = [
    {"LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "latin-1"},
]


@pytest.mark.parametrize("language", LANGUAGES, ids=["C", "ASCII", "latin-1"])
def test_no_language_setting_hides_a_command(hx, record, language):
    record("echo grüße 你好 😀")
    record(b"echo \xff\xfe")
    assert hx("find", "grüße", env=language).code == 0
    assert hx("find", "你好", env=language).code == 0
    assert hx("find", "--json", env=language).commands[1] == "echo grüße 你好 😀"
    assert "\\xff\\xfe" in hx("find", env=language).out
    assert hx("forget", "--match", b"\xff", "--yes", env=language).code == 0
    assert hx("forget", "--match", "你好", "--yes", env=language).code == 0
    assert hx("find").code == 1


def test_a_reader_that_has_seen_enough_ends_it_quietly(machine, record):
    for number in range(3_000):
        record(f"make {'x' * 50} {number}")
    for line in ("find --all", "find --all --json", "status", "--help", "status --help"):
        done = machine.bash(f"{HX} {line} | true; echo ${{PIPESTATUS[0]}}")
        assert (done.out, done.err) == ("0\n", ""), line


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("line", ["find", "status", "--help", "config"])
def test_closed_streams_are_no_fault(machine, record, closed, line):
    record("make")
    done = machine.bash(f"( {HX} {line} {closed} ); echo $?")
    assert (done.out, done.err) == ("0\n", "")


def test_a_full_disk_behind_stdout_is_told(machine, record):
    record("make")
    done = machine.bash(f"{HX} find >/dev/full; echo $?")
    assert done.out == "8\n"
    assert "no space left" in said(done)


def test_nobody_hears_an_error_when_stderr_is_closed(machine):
    done = machine.bash(f"{HX} fnd 2>&-; echo $?; {HX} fnd 2>/dev/full; echo $?")
    assert (done.out, done.err) == ("2\n2\n", "")


def test_ctrl_c_is_130_and_nothing_is_lost(machine, hx, record):
    record("make")
    environment = {"HX_HOME": str(machine.home), "PATH": os.environ["PATH"]}
    child = subprocess.Popen(
        [HX, "forget", "--match", "--yes"], env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    waits_for_stdin(child.pid)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, "", "hx: interrupted\n")
    assert hx("find", "--json").commands == ["make"]


def waits_for_stdin(pid):
    """Until the process reads from the pipe on its stdin."""
    while True:
        with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
            if "pipe" in file.read():
                return
        os.sched_yield()


def not_toml(path):
    path.write_text("limit = [1\n")


def not_text(path):
    path.write_bytes(b"limit = 5 # \xff\xfe\n")


def of_wrong_type(path):
    path.write_text('limit = "many"\n')


def out_of_range(path):
    path.write_text("limit = 0\n")


def unknown(path):
    path.write_text("colour = 'auto'\n")


def no_choice(path):
    path.write_text("color = 'pink'\n")


def folder(path):
    path.mkdir()


def nested(path):
    path.write_text("[limit]\nn = 1\n")


SPOILT = [not_toml, not_text, of_wrong_type, out_of_range, unknown, no_choice, folder, nested]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_broken_config_is_told_and_stops_nothing(machine, hx, record, spoil):
    record("make")
    spoil(machine.home / "config.toml")
    for line in (["find", "--json"], ["config"], ["pause"], ["resume"], ["init", "bash"]):
        done = hx(*line)
        assert done.code == 0
        warnings = [line for line in done.err.splitlines() if line.startswith("hx: warning: ")]
        assert warnings
        assert all("config.toml" in line for line in warnings)
        assert str(machine.home / "config.toml") in done.err
        assert "Traceback" not in done.err
    assert hx("find", "--json").commands == ["make"]


def test_what_is_right_beside_a_wrong_setting_holds(machine, hx, record):
    for number in range(3):
        record(f"make {number}")
    (machine.home / "config.toml").write_text("limit = 2\ncase = 1\n")
    assert len(hx("find", "--json").commands) == 2


def test_a_spool_of_nonsense_is_counted_and_costs_no_neighbour(machine, hx, record):
    record("make")
    (machine.spool / f"{'e' * 32}.0").write_bytes(os.urandom(5_000) + b"\0\0")
    (machine.spool / "not a spool file").write_bytes(b"x")
    (machine.spool / f"{'d' * 32}.0").symlink_to("/etc/passwd")
    assert hx("find", "--json").commands == ["make"]
    assert hx("status", "--json").json["lost"]
    assert (machine.spool / f"{SESSION}.0").exists()
