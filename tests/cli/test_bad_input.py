"""Every wrong input gives one error, the right exit code and no traceback, and loses nothing."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress

import apsw
import pytest

from cli.home_folders import HomeFolder
from cli.machine import HX, SESSION, Machine
from cli.mounts import read_only, small_disk
from hx.cli.table import COMMANDS

# Valid command lines that read or change the history
READERS = [
    ["find"],
    ["find", "--json"],
    ["status"],
    ["pin"],
    ["unpin"],
    ["forget", "--match", "make", "--yes"],
]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def error_output(result):
    """Check that stderr has one error and no traceback; return stderr."""
    assert "Traceback" not in result.err
    assert "unexpected" not in result.err
    errors = [line for line in result.err.splitlines() if line.startswith("hx: error: ")]
    assert len(errors) == 1, result.err
    assert re.match(r"hx: error: \S.*[^.]$", errors[0])
    return result.err


def spooled_bytes(machine):
    return {file.name: file.read_bytes() for file in machine.spool.iterdir()}


WRONG_LINES = [
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


@pytest.mark.parametrize("line", WRONG_LINES)
def test_a_wrong_line_exits_with_2_and_changes_nothing(machine, hx, record, line):
    record("make")
    result = hx(*line.split())
    assert (result.code, result.out) == (2, "")
    error_output(result)
    assert "hx: hint: " in result.err or len(result.err.splitlines()) == 1
    assert sorted(os.listdir(machine.home)) in (["spool"], FILES_AFTER_FIRST_RUN)


FILES_AFTER_FIRST_RUN = ["device.key", "hx.db", "hx.db-shm", "hx.db-wal", "ingest.lock", "spool"]


def test_a_misspelt_command_gets_a_suggestion(hx):
    assert "did you mean `hx find`?" in hx("fnd").err


SAYS = {
    "doctor --ful": ("there is no option --ful", "did you mean --full?"),
    "doctor --ful=yes x": ("there is no option --ful=yes", "did you mean --full?"),
    "doctor x": ("`hx doctor` does not take 'x'", "`hx doctor --help` lists the arguments"),
    "config --set": ("there is no option --set", "`hx config --help` lists the arguments"),
    "import --from histdb": ("--from cannot be 'histdb'", "did you mean zsh-histdb?"),
    "import --from tcsh": (
        "--from cannot be 'tcsh'",
        "say atuin, hishtory, mcfly, zsh-histdb, fish, zsh or bash",
    ),
    "import --undo": ("--undo needs a value", "`hx import --help` lists the arguments"),
    "setup --yes=1": ("--yes takes no value", "`hx setup --help` lists the arguments"),
    "sync staus": ("`hx sync` does not take 'staus'", "did you mean status?"),
    "completions": ("shell is missing", "`hx completions --help` lists the arguments"),
    "show --raw --json abcd": (
        "--raw and --json cannot be combined",
        "`hx show --help` lists the arguments",
    ),
}


@pytest.mark.parametrize("line", SAYS)
def test_a_wrong_argument_is_named_with_what_was_meant(hx, line):
    """Not in the words of argparse: "argument --from: invalid choice: 'tcsh' (choose from …"."""
    said, hint = SAYS[line]
    assert hx(*line.split()).err == f"hx: error: {said}\nhx: hint: {hint}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_makes_no_files(hx, machine, name):
    for line in ([name, "--help"], ["help", name]):
        result = hx(*line)
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith(f"usage: hx {name}")
    assert not machine.home.exists()


def prepared_database(machine):
    """Prepare a database without a log, and one pending command; return the path of the former."""
    machine.record("make all")
    machine.hx("find")
    with machine.database() as database:
        database.scrub()
    for name in ("hx.db-wal", "hx.db-shm"):
        (machine.home / name).unlink(missing_ok=True)
    machine.record("make test")
    return machine.home / "hx.db"


def replaced_by_foreign_database(path):
    path.unlink()
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE song (title)")
    connection.close()
    path.chmod(0o600)


def with_foreign_user_version(path):
    replaced_by_foreign_database(path)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 1)
    connection.close()


def replaced_by_text(path):
    path.write_text("a text, not a database\n" * 500)


def truncated(path):
    path.write_bytes(path.read_bytes()[:6_000])


def overwritten(path):
    data = path.read_bytes()
    path.write_bytes(data[:4_096] + b"\xaa" * (len(data) - 4_096))


def of_newer_version(path):
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()


def replaced_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("line", READERS, ids=" ".join)
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (replaced_by_foreign_database, 8),
        (with_foreign_user_version, 8),
        (replaced_by_text, 8),
        (truncated, 8),
        (overwritten, 8),
        (replaced_by_folder, 8),
        (of_newer_version, 7),
    ],
)
def test_an_unusable_database_is_an_error_and_no_command_is_lost(machine, hx, line, spoil, code):
    spoil(prepared_database(machine))
    before = spooled_bytes(machine)
    result = hx(*line)
    assert result.code == code
    assert "hx: hint: " in error_output(result)
    assert spooled_bytes(machine) == before


def test_pending_commands_are_found_after_a_damaged_database_was_moved_away(machine, hx):
    path = prepared_database(machine)
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
def test_a_file_in_place_of_hx_home_is_an_error_and_not_changed(machine, hx, line):
    machine.home.write_text("mine")
    result = hx(*line)
    assert result.code in (2, 8)
    assert str(machine.home) in error_output(result)
    assert machine.home.read_text() == "mine"


@pytest.mark.parametrize("line", [*READERS, ["pause"]], ids=" ".join)
def test_an_hx_home_that_cannot_be_made_is_an_error(machine, hx, line):
    result = hx(*line, env={"HX_HOME": "/proc/hx"})
    assert result.code == 8
    assert "/proc/hx" in error_output(result)


def test_a_search_works_on_a_read_only_disk(machine, hx, record):
    record("make all")
    hx("find")
    record("make test")
    before = spooled_bytes(machine)
    with read_only(machine.home):
        found = hx("find", "--json")
        refusals = [hx(*line) for line in (["pin"], ["pause"], ["forget", "make", "--yes"])]
    assert found.code in (0, 8)
    assert "Traceback" not in found.err
    assert found.err.startswith("hx: ")
    assert [result.code for result in refusals] == [8, 8, 8]
    for result in refusals:
        error_output(result)
    assert spooled_bytes(machine) == before
    assert hx("find", "--json").commands == ["make test", "make all"]


def fill_disk(path):
    with open(path, "wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(b"x" * 4_096)


def test_on_a_full_disk_the_spool_is_kept(tmp_path):
    machine = Machine(tmp_path)
    with small_disk(machine.home):
        for number in range(20):
            machine.record(f"make {number}")
        fill_disk(machine.home / "ballast")
        before = spooled_bytes(machine)
        result = machine.hx("find", "--json")
        assert result.code == 8
        error_output(result)
        assert spooled_bytes(machine) == before
        (machine.home / "ballast").unlink()
        assert len(machine.hx("find", "--json").commands) == 20


@AS_ROOT
@pytest.mark.parametrize("line", READERS, ids=" ".join)
@pytest.mark.parametrize("what", ["", "hx.db"])
def test_files_of_another_user_are_refused(machine, hx, record, line, what):
    record("make")
    hx("find")
    record("make test")
    os.chown(machine.home / what, 12345, -1)
    before = spooled_bytes(machine)
    result = hx(*line)
    assert result.code == 8
    assert "belongs to another user (uid 12345, you are 0)" in error_output(result)
    assert spooled_bytes(machine) == before


OLD_HISTORY = "#1700000000\nmake\n"
AT_HOME = [
    ["setup", "--yes"],
    ["setup", "--undo", "--yes"],
    ["import"],
    ["import", "{history}"],
]


@pytest.fixture
def home(machine):
    """A home folder with an rc file and a history, in which hx uses the default places."""
    made = HomeFolder(machine)
    made.bashrc.write_text("PS1=1\n")
    (made.path / ".bash_history").write_text(OLD_HISTORY)
    return made


@pytest.mark.parametrize("is_set_up", [False, True])
@pytest.mark.parametrize(
    "line", [*AT_HOME, ["setup"], ["setup", "--undo", "--purge", "--yes"]], ids=" ".join
)
def test_a_home_that_is_read_only_is_an_error_before_anything_is_shown(
    home, tmp_path, line, is_set_up
):
    history = tmp_path / "history"
    history.write_text(OLD_HISTORY)
    if is_set_up:
        home.setup()
    before = home.tree
    with read_only(home.path):
        result = home.hx(*(word.format(history=history) for word in line))
    if "--undo" in line and not is_set_up:
        assert (result.code, result.err) == (0, "")
    else:
        assert (result.code, result.out) == (8, "")
        assert str(home.data) in error_output(result)
    assert home.tree == before


def test_a_home_that_is_read_only_is_no_error_where_nothing_is_to_be_written(home):
    home.setup()
    with read_only(home.path):
        result = home.setup()
    assert (result.code, result.err) == (0, "")
    assert "nothing to change" in result.out


def as_user_without_home(*line, home=None, **variables):
    """Run hx as a user who has no home folder; `home` is what HOME says."""
    as_unknown_user = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*as_unknown_user, "true"], check=False).returncode
    ):
        pytest.skip("no user without a home can be had here")
    named = {} if home is None else {"HOME": home}
    return subprocess.run(
        [*as_unknown_user, HX, *line],
        env={"PATH": os.environ["PATH"]} | named | variables,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("home", [None, "", "not/absolute"])
@pytest.mark.parametrize("line", [["find"], *AT_HOME], ids=" ".join)
def test_without_a_home_folder_the_error_says_what_to_set(home, line):
    result = as_user_without_home(*line, home=home)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "hx: error: there is no home folder\nhx: hint: set HOME, or HX_HOME to a folder of yours\n"
    )


@pytest.mark.parametrize("line", [["setup", "--yes"], ["setup", "--undo", "--yes"]], ids=" ".join)
def test_where_hx_home_is_set_setup_still_needs_a_home_folder(line, tmp_path):
    result = as_user_without_home(*line, HX_HOME=str(tmp_path / "hx"))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "hx: error: HOME is not set, so hx does not know whose files are meant: nothing was"
        " changed\n"
        "hx: hint: set HOME to the home folder and run the command again\n"
    )


def test_where_hx_home_is_set_the_import_of_a_named_file_needs_no_home_folder(tmp_path):
    tmp_path.chmod(0o777)
    history = tmp_path / "history"
    history.write_text(OLD_HISTORY)
    variables = {"HX_HOME": str(tmp_path / "hx")}
    result = as_user_without_home("import", **variables)
    assert (result.returncode, result.stdout) == (2, "")
    assert "HOME is not set" in result.stderr
    result = as_user_without_home("import", str(history), **variables)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{history}: 1 new\n", "")


LOCALES = [
    {"LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "latin-1"},
]


@pytest.mark.parametrize("language", LOCALES, ids=["C", "ASCII", "latin-1"])
def test_commands_are_found_in_any_locale(hx, record, language):
    record("echo grüße 你好 😀")
    record(b"echo \xff\xfe")
    assert hx("find", "grüße", env=language).code == 0
    assert hx("find", "你好", env=language).code == 0
    assert hx("find", "--json", env=language).commands[1] == "echo grüße 你好 😀"
    assert "\\xff\\xfe" in hx("find", env=language).out
    assert hx("forget", "--match", b"\xff", "--yes", env=language).code == 0
    assert hx("forget", "--match", "你好", "--yes", env=language).code == 0
    assert hx("find").code == 1


def test_a_closed_pipe_is_no_error(machine, record):
    for number in range(3_000):
        record(f"make {'x' * 50} {number}")
    for line in ("find --all", "find --all --json", "status", "--help", "status --help"):
        result = machine.bash(f"{HX} {line} | true; echo ${{PIPESTATUS[0]}}")
        assert (result.out, result.err) == ("0\n", ""), line


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("line", ["find", "status", "--help", "config"])
def test_closed_streams_are_no_error(machine, record, closed, line):
    record("make")
    result = machine.bash(f"( {HX} {line} {closed} ); echo $?")
    assert (result.out, result.err) == ("0\n", "")


def test_a_full_disk_behind_stdout_is_an_error(machine, record):
    record("make")
    result = machine.bash(f"{HX} find >/dev/full; echo $?")
    assert result.out == "8\n"
    assert "no space left" in error_output(result)


def test_with_a_closed_stderr_the_exit_code_stays(machine):
    result = machine.bash(f"{HX} fnd 2>&-; echo $?; {HX} fnd 2>/dev/full; echo $?")
    assert (result.out, result.err) == ("2\n2\n", "")


def test_ctrl_c_exits_with_130_and_loses_nothing(machine, hx, record):
    record("make")
    environment = {"HX_HOME": str(machine.home), "PATH": os.environ["PATH"]}
    child = subprocess.Popen(
        [HX, "forget", "--match", "--yes"], env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until_reading_stdin(child.pid)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, "", "hx: interrupted\n")
    assert hx("find", "--json").commands == ["make"]


def wait_until_reading_stdin(pid):
    """Wait until the process reads from the pipe on its stdin."""
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


def with_unknown_setting(path):
    path.write_text("colour = 'auto'\n")


def with_unknown_choice(path):
    path.write_text("color = 'pink'\n")


def folder(path):
    path.mkdir()


def nested(path):
    path.write_text("[limit]\nn = 1\n")


BROKEN_SETTINGS = [
    not_toml,
    not_text,
    of_wrong_type,
    out_of_range,
    with_unknown_setting,
    with_unknown_choice,
    folder,
    nested,
]


@pytest.mark.parametrize("spoil", BROKEN_SETTINGS)
def test_a_broken_config_is_a_warning_and_commands_still_work(machine, hx, record, spoil):
    record("make")
    spoil(machine.home / "config.toml")
    for line in (["find", "--json"], ["config"], ["pause"], ["resume"], ["init", "bash"]):
        result = hx(*line)
        assert result.code == 0
        warnings = [line for line in result.err.splitlines() if line.startswith("hx: warning: ")]
        assert warnings
        assert all("config.toml" in line for line in warnings)
        assert str(machine.home / "config.toml") in result.err
        assert "Traceback" not in result.err
    assert hx("find", "--json").commands == ["make"]


def test_valid_settings_beside_a_wrong_one_are_used(machine, hx, record):
    for number in range(3):
        record(f"make {number}")
    (machine.home / "config.toml").write_text("limit = 2\ncase = 1\n")
    assert len(hx("find", "--json").commands) == 2


def test_unreadable_spool_files_are_counted_and_the_others_are_drained(machine, hx, record):
    record("make")
    (machine.spool / f"{'e' * 32}.0").write_bytes(os.urandom(5_000) + b"\0\0")
    (machine.spool / "not a spool file").write_bytes(b"x")
    (machine.spool / f"{'d' * 32}.0").symlink_to("/etc/passwd")
    assert hx("find", "--json").commands == ["make"]
    assert hx("status", "--json").json["lost"]
    assert (machine.spool / f"{SESSION}.0").exists()
