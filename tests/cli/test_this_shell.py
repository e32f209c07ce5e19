"""`hx doctor` and `hx status` say that a shell is recorded only when its running line proves it."""

import os
import subprocess
import sys
import time

import pytest

import spooled
from cli.machine import HX, OTHER_SESSION, SESSION
from hx.shells.hook import version

RECORDED = "this shell is recorded"


def of_hook(hx, **env):
    """The findings on the hook: level and sentence."""
    answer = hx("doctor", "--json", env={"HX_SESSION": SESSION} | env)
    return [
        (finding["level"], finding["sentence"])
        for finding in answer.json
        if finding["check"] == "hook"
    ]


@pytest.fixture
def shell(machine):
    """Writes what the hook of a shell with the process id of this test writes."""

    def write(data=b"", **facts):
        known = {"s": SESSION, "P": os.getpid(), "S": "zsh", "v": version("zsh"), "h": "box"}
        machine.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = machine.spool / f"{SESSION}.0"
        path.touch(mode=0o600)
        path.write_bytes(path.read_bytes() or spooled.header(**(known | facts)))
        path.write_bytes(path.read_bytes() + data)

    return write


def now_us():
    return time.time_ns() // 1000


def test_the_running_line_proves_it(hx, shell):
    shell(spooled.start(1, "hx doctor"))
    assert of_hook(hx) == [("ok", RECORDED)]


def test_it_does_so_when_another_hx_has_drained_it(hx, shell):
    shell(spooled.start(1, "hx doctor"))
    hx("find")
    assert of_hook(hx) == [("ok", RECORDED)]
    shell(spooled.end(1) + spooled.start(2, "hx status"))
    hx("find")
    assert hx("status", env={"HX_SESSION": SESSION}).out.startswith("capture   on\n")


def test_a_shell_below_one_that_is_not_recorded_is_judged_by_itself(hx, shell):
    shell(spooled.start(1, "hx doctor"))
    assert of_hook(hx, HX_UNRECORDED="restricted") == [("ok", RECORDED)]
    [(_, sentence)] = of_hook(hx, HX_UNRECORDED="restricted", HX_SESSION="")
    assert sentence == "this shell is not recorded: a restricted shell may write no file"


def test_an_alias_is_known_by_its_time(hx, shell):
    shell(spooled.start(1, "check-all", at=now_us()))
    assert of_hook(hx) == [("ok", RECORDED)]


@pytest.mark.parametrize(
    "data",
    [
        spooled.start(1, "hx doctor") + spooled.end(1),  # this line has no record
        spooled.start(1, "precmd_functions=()"),  # since long ago
    ],
)
def test_a_line_without_a_record_is_not_recorded(hx, shell, data):
    shell(data)
    [(level, sentence)] = of_hook(hx)
    assert level == "warning"
    assert "this line is not recorded" in sentence
    status = hx("status", "--json", env={"HX_SESSION": SESSION}).json
    assert (status["recording"], status["reason"]) == (False, sentence)


def test_without_the_hook_it_is_not_recorded(hx):
    [(level, sentence)] = of_hook(hx, HX_SESSION="")
    assert (level, "has not loaded the hook" in sentence) == ("warning", True)
    assert hx("status").out.startswith("capture   off: this shell has not loaded the hook")


def test_a_session_that_has_written_nothing_is_told(hx, shell):
    shell(spooled.start(1, "hx doctor"))
    [(_, sentence)] = of_hook(hx, HX_SESSION=OTHER_SESSION)
    assert "has written nothing" in sentence


def test_a_child_without_the_hook_is_told_from_its_parent(machine, shell):
    """HX_SESSION is inherited, and the line that started the child is still running."""
    shell(spooled.start(1, "bash --norc", at=now_us()))
    code = f"import os, subprocess\nos.setpgid(0, 0)\nsubprocess.run(['{HX}', 'doctor', '--json'])"
    environment = {"HX_HOME": str(machine.home), "HOME": str(machine.cwd), "HX_SESSION": SESSION}
    environment["PATH"] = os.environ["PATH"]
    inside = f"import os\nos.setpgid(0, 0)\nos.execv('{HX}', ['{HX}', 'doctor'])"
    child = code.replace(f"['{HX}', 'doctor', '--json']", f"['{sys.executable}', '-c', {inside!r}]")
    done = subprocess.run(
        [sys.executable, "-c", child], env=environment, capture_output=True, text=True, check=False
    )
    assert RECORDED not in done.stdout
    assert f"HX_SESSION comes from the zsh with process id {os.getpid()}" in done.stdout


def test_a_script_of_a_recorded_shell_is_its_line(machine, shell):
    shell(spooled.start(1, "sh check", at=now_us()))
    done = machine.run(["sh", "-c", f"true; {HX} doctor; true"], env={"HX_SESSION": SESSION})
    assert RECORDED in done.out


def test_a_shell_in_place_of_the_recorded_one_is_another(machine, shell):
    """After `exec` the process id is the same; the environment it began with is not."""
    code = f"import subprocess; print(subprocess.run(['{HX}', 'doctor'], capture_output=True))"
    child = subprocess.Popen(
        [sys.executable, "-c", f"input(); {code}"],
        env={"HX_HOME": str(machine.home), "HOME": str(machine.cwd), "HX_SESSION": SESSION,
             "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    shell(spooled.start(1, "exec bash --norc", at=now_us()), P=child.pid)
    out, _ = child.communicate("\n")
    assert RECORDED not in out
    assert "HX_SESSION comes from" in out


BASH = {"S": "bash", "V": "5.2.15(1)-release", "v": version("bash")}


@pytest.mark.parametrize(
    ("line", "level", "word"),
    [
        ("1795982800964222", "ok", RECORDED),
        ("-1", "warning", "bash did not remember this line"),
        ("-2", "warning", "HX_PRIVATE is set"),
        ("-3", "warning", "PROMPT_COMMAND does not call the hook"),
        ("-4", "warning", "could not read the text of the line"),
        ("-5", "warning", "could not write"),
        ("0", "warning", "PS0 does not call the hook"),
        ("", "warning", "PS0 does not call the hook"),
        ("many", "warning", "PS0 does not call the hook"),
    ],
)
def test_bash_says_itself_whether_its_line_is_recorded(hx, shell, line, level, word):
    shell(**BASH)
    [(found, sentence)] = of_hook(hx, HX_LINE=line)
    assert (found, word in sentence) == (level, True)


def test_a_shell_that_is_not_bash_does_not_believe_the_line_of_its_parent(hx, shell):
    shell(spooled.start(1, "true") + spooled.end(1))
    [(level, _)] = of_hook(hx, HX_LINE="1795982800964222")
    assert level == "warning"


def test_private_is_told_where_it_is_known(hx, shell):
    shell(spooled.start(1, "true") + spooled.end(1))
    [(_, sentence)] = of_hook(hx, HX_PRIVATE="1")
    assert sentence == "HX_PRIVATE is set, so this shell is not recorded"


def test_while_recording_is_paused_the_pause_is_the_reason(hx, shell):
    shell(spooled.start(1, "true") + spooled.end(1))
    hx("pause")
    assert of_hook(hx) == []
    assert hx("status", env={"HX_SESSION": SESSION}).out.startswith("capture   off: paused until")


@pytest.mark.parametrize("loaded", ["0badcafe", ""])
def test_the_hook_of_another_version_is_told_with_the_way_to_the_new_one(hx, shell, loaded):
    shell(spooled.start(1, "hx doctor"), v=loaded or None)
    proof, other = of_hook(hx)
    assert proof == ("ok", RECORDED)
    assert other == ("warning", "this shell has loaded the hook of another version of hx")
    shell(spooled.end(1) + spooled.start(2, "hx status"))
    told = hx("status", env={"HX_SESSION": SESSION}).out.splitlines()
    assert told[0] == "capture   on"
    assert told[1] == "hook      this shell has loaded the hook of another version of hx"
    assert 'eval "$(hx init zsh --off)"; eval "$(hx init zsh)"' in told[2]


def test_no_words_of_ours_and_no_import_among_the_devices(machine, hx, record, tmp_path):
    history = tmp_path / "old"
    history.write_text("#1700000000\nmake\n")
    hx("import", "--from", "bash", str(history))
    record("make")
    with machine.database() as database:  # as atuin names a machine that has no hx
        database.execute("UPDATE device SET name = 'elsewhere' WHERE device_id >= x'80'")
    told = hx("status").out
    assert "1 device\n" in told
    assert "journal" not in told
    assert "ingest" not in told
