"""`hx forget`: forgotten events are in no file and are not restored; all others are kept."""

import os
import random
import time

import pexpect
import pytest

import spooled
from cli.machine import DAY_US, HOUR_US, HX, OTHER_SESSION, SECOND_US, SESSION, foreign

CANARY = "CANARY-7qZx"


def now_us():
    return time.time_ns() // 1000


def files_with(machine, text):
    """Return the names of the files of hx that contain the text in any case."""
    needle = text.encode() if isinstance(text, str) else text
    files = [file for file in machine.home.rglob("*") if file.is_file()]
    return [file.name for file in files if needle.lower() in file.read_bytes().lower()]


def words_in_index(machine):
    """Return the trigrams in the full-text index."""
    with machine.database() as database:
        database.execute("CREATE VIRTUAL TABLE temp.word USING fts5vocab(main, command_text, row)")
        return {row[0] for row in database.execute("SELECT term FROM temp.word")}


def found_commands(hx, *words):
    return [event["command"] for event in hx("find", "--all", "--json", *words).json]


def event_id(hx, text):
    return hx("find", "--json", text).json[0]["id"]


def by_event(hx):
    return [event_id(hx, CANARY)]


FORMS = {
    "event": by_event,
    "match": lambda _: ["--match", CANARY],
    "session": lambda _: ["--session", OTHER_SESSION],
    "since": lambda _: ["--since", "10m"],
    "until": lambda _: ["--until", "2h"],
}
AGE_US = {"until": 3 * HOUR_US}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("drained", [True, False], ids=["drained", "spooled"])
def test_a_forgotten_command_is_in_no_file(machine, hx, record, form, drained):
    started_at_us = now_us() - AGE_US.get(form, 60 * SECOND_US)
    record("make all", at=now_us() - HOUR_US)
    record(f"rsync {CANARY}", at=started_at_us, session=OTHER_SESSION)
    if drained or form == "event":
        assert f"rsync {CANARY}" in found_commands(hx)
    result = hx("forget", *FORMS[form](hx), "--yes")
    assert result.code == 0, result.err
    assert files_with(machine, CANARY) == []
    assert not words_in_index(machine) & {"y-7", "-7q", "7qz", "qzx"}
    assert found_commands(hx) == ["make all"]


def test_a_long_forgotten_text_that_is_not_utf_8_is_in_no_file(machine, hx, record):
    record("echo " + "x" * 9_000)
    record(b"echo " + b"\xff\xfe" * 5_000 + CANARY.encode() + b"\xff" * 20_000)
    assert len(found_commands(hx)) == 2
    assert hx("forget", "--match", CANARY, "--yes").code == 0
    assert files_with(machine, CANARY) == files_with(machine, b"\xff\xfe" * 4) == []
    assert len(found_commands(hx)) == 1


def test_no_forgotten_text_stays_in_the_unused_space_of_a_page(machine, hx):
    # SQLite moves cells to other pages without overwriting their former place: without the measures
    # of hx about five of 2,000 deleted texts would still be in the file
    generator = random.Random(1)
    base_us = now_us() - HOUR_US
    for batch in range(10):
        machine.receive(
            *(
                foreign("make", base_us + n, n)._replace(cwd=directory(generator, n))
                for n in range(300 * batch + 1, 300 * batch + 301)
            )
        )
    assert hx("forget", "--match", CANARY, "--yes", "--json").json["forgotten"] == 2000
    assert files_with(machine, CANARY) == []


def directory(generator, number):
    tail = f"{CANARY}{number}" if number % 3 else ""
    return f"/srv/{generator.getrandbits(24):x}/{'y' * generator.randrange(200)}{tail}".encode()


def test_events_with_other_text_are_kept(machine, hx, record):
    for command in ("echo one", f"echo {CANARY}", "echo two"):
        record(command)
    hx("forget", "--match", CANARY, "--yes")
    assert found_commands(hx, "echo") == ["echo two", "echo one"]


def test_match_is_case_sensitive_and_has_no_wildcards(hx, record):
    for command in ("echo 100%", "echo 100x", "ECHO 100%", "echo a_b", "echo axb"):
        record(command)
    hx("forget", "--match", "echo 100%", "--yes")
    hx("forget", "--match", "a_b", "--yes")
    assert sorted(found_commands(hx)) == ["ECHO 100%", "echo 100x", "echo axb"]


def test_match_includes_the_directory_and_the_branch(machine, hx, record, tmp_path):
    git = tmp_path / "work" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(f"ref: refs/heads/{CANARY}\n")
    record("make", cwd=tmp_path / "work")
    record("ls", cwd=f"/srv/{CANARY}/x")
    record("true")
    assert len(found_commands(hx)) == 3
    hx("forget", "--match", CANARY, "--yes")
    assert files_with(machine, CANARY) == []
    assert found_commands(hx) == ["true"]


def test_match_includes_partial_records_in_the_spool(machine, hx, record):
    record("make all")
    path = machine.spool / f"{SESSION}.0"
    partial_record = spooled.start(2, f"echo {CANARY}", at=now_us())[:-2]
    with path.open("ab") as file:
        file.write(partial_record)
    assert hx("find").code == 0
    assert files_with(machine, CANARY) == [path.name]
    assert hx("forget", "--match", CANARY, "--yes").code == 0
    assert files_with(machine, CANARY) == []
    assert path.stat().st_size > len(partial_record)


def test_overwriting_a_text_in_a_header_keeps_the_other_fields(machine, hx, record):
    record("make all", host="box")
    path = machine.spool / f"{SESSION}.0"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"d/home/ann\0", f"d/{CANARY}\0".encode(), 1))
    hx("forget", "--match", CANARY, "--yes")
    assert files_with(machine, CANARY) == []
    record("make test")
    assert [event["host"] for event in hx("find", "--json").json] == ["box", "box"]


def test_the_text_files_of_the_forgotten_session_are_overwritten(machine, hx, record, tmp_path):
    runtime = tmp_path / "run"
    runtime.mkdir()
    record(f"echo {CANARY}")
    files = [machine.spool / f"{SESSION}.t", runtime / f"{SESSION}.t"]
    for file in files:
        file.write_text(f"\t echo {CANARY}\n\0")
    other_file = runtime / f"{OTHER_SESSION}.t"
    other_file.write_text("\t make\n\0")
    environment = {"XDG_RUNTIME_DIR": str(runtime)}
    name = event_id(hx, CANARY)
    for file in files:
        file.write_text(f"\t echo {CANARY}\n\0")
    assert hx("forget", name, "--yes", env=environment).code == 0
    assert [file.read_text().strip() for file in files if file.exists()] in ([""], ["", ""])
    assert other_file.read_text() == "\t make\n\0"


@pytest.mark.parametrize("form", ["event", "match", "session", "since"])
def test_a_forgotten_event_that_arrives_again_is_dropped(machine, hx, form):
    started_at_us = now_us() - 60 * SECOND_US
    event = foreign(f"echo {CANARY}", started_at_us)
    machine.receive(event)
    hx("forget", *FORMS[form](hx), "--yes")
    machine.receive(event)
    assert found_commands(hx) == []


@pytest.mark.parametrize("form", ["session", "since"])
def test_an_event_of_a_forgotten_time_that_is_drained_later_is_dropped(hx, record, form):
    started_at_us = now_us() - 60 * SECOND_US
    record("make", at=started_at_us, session=OTHER_SESSION)
    hx("forget", *FORMS[form](hx), "--yes")
    record(f"echo {CANARY}", at=started_at_us + 5, session=OTHER_SESSION)
    assert found_commands(hx) == []


def test_a_shell_that_forgets_its_session_records_later_commands(hx, record):
    here = {"HX_SESSION": OTHER_SESSION}
    record(f"echo {CANARY}", session=OTHER_SESSION)
    assert hx("forget", "--session", "--yes", env=here).code == 0
    record("make", session=OTHER_SESSION, at=now_us())
    assert found_commands(hx) == ["make"]


def test_another_shell_whose_session_is_forgotten_goes_on_recording(hx, record):
    record(f"echo {CANARY}", session=OTHER_SESSION)
    assert hx("forget", "--session", OTHER_SESSION, "--yes").code == 0
    record("make", session=OTHER_SESSION, at=now_us())
    assert found_commands(hx) == ["make"]


def test_a_window_without_events_drops_events_that_arrive_later(machine, hx):
    started_at_us = now_us() - 60 * SECOND_US
    assert hx("forget", "--since", "10m", "--yes").code == 0
    machine.receive(foreign("make", started_at_us), foreign("ls", started_at_us - HOUR_US, seq=2))
    assert found_commands(hx) == ["ls"]


def test_the_same_command_run_again_is_recorded_again(hx, record):
    record("make", at=now_us() - SECOND_US)
    hx("forget", "--match", "make", "--yes")
    record("make", at=now_us())
    assert found_commands(hx) == ["make"]


def test_a_window_without_until_ends_now(hx, record):
    record("before", at=now_us() - SECOND_US)
    hx("forget", "--since", "1h", "--yes")
    record("after", at=now_us())
    assert found_commands(hx) == ["after"]


def test_an_event_with_a_time_ahead_is_forgotten_by_its_key(machine, hx):
    machine.receive(foreign("ahead", now_us() + HOUR_US))
    hx("forget", "--since", "1h", "--yes")
    assert found_commands(hx) == []
    machine.receive(foreign("ahead", now_us() + 2 * HOUR_US, seq=3))
    assert found_commands(hx) == ["ahead"]


def test_this_device_keeps_the_events_of_other_devices(machine, hx, record):
    started_at_us = now_us() - 60 * SECOND_US
    record("here", at=started_at_us)
    machine.receive(foreign("there", started_at_us))
    hx("forget", "--since", "1h", "--this-device", "--yes")
    machine.receive(foreign("there too", started_at_us + 1, seq=2))
    record("here too", at=started_at_us + 1)
    assert sorted(found_commands(hx)) == ["there", "there too"]


def test_until_keeps_later_events(hx, record):
    record("old", at=now_us() - 3 * HOUR_US)
    record("new", at=now_us() - HOUR_US)
    hx("forget", "--until", "2h", "--yes")
    assert found_commands(hx) == ["new"]


def test_json_reports_what_was_forgotten(hx, record, machine):
    started_at_us = now_us() - 60 * SECOND_US
    record("make", at=started_at_us)
    machine.receive(foreign("make", started_at_us))
    report = hx("forget", "--since", "1h", "--yes", "--json").json
    assert report["forgotten"] == 2
    assert report["clean"] is True
    assert {d["device"]: d["events"] for d in report["devices"]} == {
        os.uname().nodename: 1,
        "laptop": 1,
    }
    assert report["window"]["device_id"] is None
    assert report["shell_histories"] == []


def test_without_a_terminal_and_yes_it_shows_the_events_and_refuses(hx, record):
    record("make all")
    result = hx("forget", "--match", "make")
    assert result.code == 2
    assert "1 event to forget" in result.out
    assert "make all" in result.out
    assert "hx: hint: use --yes" in result.err
    assert found_commands(hx) == ["make all"]


def test_an_unknown_event_exits_with_1_and_forgets_nothing(hx, record):
    record("make")
    assert hx("forget", "--match", CANARY, "--yes").code == 1
    assert hx("forget", "--session", "f" * 32, "--yes").code == 1
    result = hx("forget", event_id(hx, "make"), "zzzzzzzz", "--yes")
    assert result.code == 1
    assert "zzzzzzzz" in result.err
    assert found_commands(hx) == ["make"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--match", "x", "--since", "1h"],
        ["--session", "--since", "1h"],
        ["7k3q9x2m", "--match", "x"],
        ["--since", "soon"],
        ["--session", "12"],
        ["--since", "1h", "--until", "2h"],
        ["--this-device", "--all-devices", "--since", "1h"],
    ],
)
def test_a_wrong_line_forgets_nothing(hx, record, arguments):
    record("make x")
    result = hx("forget", *arguments, "--yes")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("hx: error: ")
    assert found_commands(hx) == ["make x"]


def test_the_text_is_read_from_stdin_when_the_line_does_not_name_it(machine, hx, record):
    record(f"echo {CANARY}")
    assert hx("forget", "--match", "--yes", stdin=f"{CANARY}\n").code == 0
    assert files_with(machine, CANARY) == []
    empty = hx("forget", "--match", "--yes", stdin="")
    assert (empty.code, "no text was given" in empty.err) == (2, True)


def test_a_concurrent_reader_is_reported_and_the_next_status_scrubs_the_database(
    machine, hx, record
):
    record(f"echo {CANARY}")
    assert found_commands(hx) == [f"echo {CANARY}"]
    with machine.database() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM event").fetchall()
        result = hx("forget", "--match", CANARY, "--yes")
        assert result.code == 3
        assert "another process" in result.err
        assert found_commands(hx) == []
    assert hx("status").code == 0
    assert files_with(machine, CANARY) == []


HISTORIES = {
    ".bash_history": f"ls\necho {CANARY} à\n".encode(),
    ".zsh_history": f": 1700000000:0;ls\n: 1700000000:0;echo {CANARY} ".encode()
    + b"\xc3\x83\x80\n",
    ".local/share/fish/fish_history": f"- cmd: echo {CANARY} à\n  when: 1\n".encode(),
}


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("form", ["event", "match"])
def test_shell_histories_with_the_text_are_named_and_not_changed(hx, record, tmp_path, name, form):
    for file_name, text in HISTORIES.items():
        (tmp_path / file_name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file_name).write_bytes(text if file_name == name else b"ls\n")
    record(f"echo {CANARY} à")
    result = hx("forget", *FORMS[form](hx), "--yes")
    lines_about_files = [line for line in result.out.splitlines() if "still holds the text" in line]
    assert [line.split(" ")[0] for line in lines_about_files] == [str(tmp_path / name)]
    assert CANARY not in result.out + result.err
    assert (tmp_path / name).read_bytes() == HISTORIES[name]


class ForgetOnTerminal:
    """`hx forget …` on a terminal, where the test answers its questions."""

    def __init__(self, machine, *arguments, **variables):
        environment = {"HX_HOME": str(machine.home), "HOME": str(machine.cwd), "TERM": "dumb"}
        environment |= variables
        self.child = pexpect.spawn(HX, ["forget", *arguments], env=environment, timeout=30)
        self.child.delaybeforesend = None

    def answer(self, question, line):
        self.child.expect_exact(question)
        self.shown = self.child.before
        self.child.sendline(line)

    def end(self):
        self.child.expect(pexpect.EOF)
        self.shown += self.child.before
        self.child.close()
        return self.child.exitstatus


@pytest.mark.parametrize("line", ["n", "", "yess", "\x04"])
def test_without_a_yes_nothing_is_changed(machine, hx, record, line):
    record("make all")
    terminal = ForgetOnTerminal(machine, "--match", "make")
    terminal.answer("Forget this? [y/N] ", line)
    assert terminal.end() == 2
    assert b"make all" in terminal.shown
    assert b"nothing was changed" in terminal.shown
    assert found_commands(hx) == ["make all"]


def test_a_yes_at_the_terminal_forgets(machine, hx, record):
    record("make all")
    terminal = ForgetOnTerminal(machine, "--since", "2h")
    terminal.answer("Forget this? [y/N] ", "y")
    assert terminal.end() == 0
    assert found_commands(hx) == []


def test_the_text_that_is_asked_for_is_not_shown(machine, hx, record):
    record("ls")
    terminal = ForgetOnTerminal(machine, "--match")
    terminal.answer("text to forget: ", CANARY)
    assert terminal.end() == 1
    assert CANARY.encode() not in terminal.shown


def test_ctrl_c_at_the_question_changes_nothing(machine, hx, record):
    record("make all")
    terminal = ForgetOnTerminal(machine, "--match", "make")
    terminal.answer("Forget this? [y/N] ", "\x03")
    assert terminal.end() == 130
    assert found_commands(hx) == ["make all"]


@pytest.mark.parametrize("age_days", [2, -2], ids=["ahead", "behind"])
def test_forgetting_by_time_asks_once_more_when_the_clock_is_far_from_all_events(
    machine, record, hx, age_days
):
    record("make", at=now_us() - age_days * DAY_US)
    terminal = ForgetOnTerminal(machine, "--since", "1h")
    terminal.answer("Forget this? [y/N] ", "y")
    terminal.answer("Is the clock right? [y/N] ", "n")
    assert terminal.end() == 2
    assert b"nothing was changed" in terminal.shown
    assert found_commands(hx) == ["make"]


def test_what_the_calling_shell_and_imports_have_dated_does_not_prove_the_clock(
    machine, record, hx, tmp_path
):
    """The start of this very command is recorded by the clock that is in question."""
    record("make", at=now_us() - 3 * DAY_US)
    record("hx forget --since 1h", at=now_us(), session="ab" * 16, finished=False)
    (tmp_path / "history").write_text(f": {now_us() // 1_000_000}:0;later\n")
    hx("import", str(tmp_path / "history"))
    terminal = ForgetOnTerminal(machine, "--since", "1h", HX_SESSION="ab" * 16)
    terminal.answer("Forget this? [y/N] ", "y")
    terminal.answer("Is the clock right? [y/N] ", "n")
    assert terminal.end() == 2


def test_forgetting_by_time_asks_once_when_an_event_is_of_today(machine, record, hx):
    record("make", at=now_us() - HOUR_US)
    terminal = ForgetOnTerminal(machine, "--since", "2h")
    terminal.answer("Forget this? [y/N] ", "y")
    assert terminal.end() == 0
    assert b"Is the clock" not in terminal.shown
    assert found_commands(hx) == []
