"""`hx forget` and the history files of shells: they are named, asked about and cleaned."""

import os

import pexpect
import pytest

from cli.machine import HX

CANARY = "CANARY-7qZx"
LINES = f"ls\necho {CANARY}\n{CANARY} again\ncd\n"


@pytest.fixture
def history(tmp_path):
    """Write a history file of bash that contains the text twice; return its path."""
    path = tmp_path / ".bash_history"
    path.write_text(LINES)
    return path


def forget(machine, *arguments):
    return machine.hx("forget", *arguments)


def test_clean_shell_history_removes_the_entries_without_asking(hx, record, machine, history):
    record(f"echo {CANARY}")
    result = forget(machine, "--match", CANARY, "--yes", "--clean-shell-history")
    assert result.code == 0
    assert f"{history}: removed 2 commands" in result.out
    assert "still holds" not in result.out
    assert "may still write the text" in result.out
    assert history.read_text() == "ls\ncd\n"


def test_a_history_that_only_an_rc_file_names_is_cleaned_as_that_of_its_shell(machine, tmp_path):
    (tmp_path / ".zshrc").write_text("HISTFILE=~/.mine\n")
    path = tmp_path / ".mine"
    (tmp_path / ".histfile").symlink_to(path)  # the same file is named once
    path.write_text(f"ls\nfor x in a\\\ndo {CANARY}\\\ndone\ncd\n")
    result = forget(machine, "--match", CANARY, "--yes")
    assert result.code == 1
    assert result.err.count("still holds the text (1 command)") == 1
    assert forget(machine, "--match", CANARY, "--yes", "--clean-shell-history").code == 0
    assert path.read_text() == "ls\ncd\n"


def test_forgetting_an_event_removes_only_entries_with_the_same_command(
    hx, record, machine, history
):
    record(f"echo {CANARY}")
    name = hx("find", "--json").json[0]["id"]
    assert forget(machine, name, "--yes", "--clean-shell-history").code == 0
    assert history.read_text() == f"ls\n{CANARY} again\ncd\n"


def test_the_entry_of_a_masked_command_is_found_with_its_secret(hx, record, machine, history):
    lines = f"ls\nexport API_TOKEN={CANARY}99\nexport API_TOKEN=$OTHER\n"
    history.write_text(lines)
    record(f"export API_TOKEN={CANARY}99")
    name = hx("find", "--json", "API_TOKEN").json[0]["id"]
    assert CANARY not in hx("find").out
    assert forget(machine, name, "--yes", "--clean-shell-history").code == 0
    assert history.read_text() == "ls\nexport API_TOKEN=$OTHER\n"


def test_json_reports_which_files_were_cleaned(record, machine, history):
    record(f"echo {CANARY}")
    report = forget(machine, "--match", CANARY, "--yes", "--json").json
    assert report["shell_histories"] == [str(history)]
    assert report["shell_histories_cleaned"] == []
    record(f"echo {CANARY}")
    report = forget(machine, "--match", CANARY, "--yes", "--json", "--clean-shell-history").json
    assert report["shell_histories"] == []
    assert report["shell_histories_cleaned"] == [{"path": str(history), "entries": 2}]


def test_an_entry_that_only_a_shell_history_has_is_named_and_can_be_cleaned(machine, history):
    result = forget(machine, "--match", CANARY, "--yes")
    assert result.code == 1
    assert f"{history} still holds the text (2 commands): --clean-shell-history" in result.err
    assert history.read_text() == LINES
    assert forget(machine, "--match", CANARY, "--yes", "--clean-shell-history").code == 0
    assert history.read_text() == "ls\ncd\n"


def test_a_file_that_cannot_be_cleaned_is_an_error_and_the_others_are_cleaned(
    hx, record, machine, history, tmp_path
):
    os.link(history, tmp_path / "second")
    (tmp_path / ".zsh_history").write_text(LINES)
    record(f"echo {CANARY}")
    result = forget(machine, "--match", CANARY, "--yes", "--clean-shell-history")
    assert result.code == 2
    assert f"hx: error: cannot clean {history}: it has more than one name" in result.err
    assert f"{history} still holds the text" in result.out
    assert (tmp_path / ".zsh_history").read_text() == "ls\ncd\n"
    assert history.read_text() == LINES
    assert hx("find").code == 1


def forget_on_terminal(machine, *arguments):
    environment = {"HX_HOME": str(machine.home), "HOME": str(machine.cwd), "TERM": "dumb"}
    child = pexpect.spawn(HX, ["forget", *arguments], env=environment, timeout=30)
    child.delaybeforesend = None
    return child


@pytest.mark.parametrize(
    ("answer", "remaining"), [("y", "ls\ncd\n"), ("n", LINES), ("\x04", LINES)]
)
def test_at_a_terminal_there_is_a_question_for_each_file(
    record, machine, history, answer, remaining
):
    record("make")
    record(f"echo {CANARY}")
    child = forget_on_terminal(machine, "--match", CANARY)
    child.expect_exact("Forget this? [y/N] ")
    child.sendline("y")
    child.expect_exact(f"Remove 2 commands with the same text from {history}? [y/N] ")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert history.read_text() == remaining


def test_yes_asks_for_nothing_and_cleans_nothing(record, machine, history):
    record(f"echo {CANARY}")
    child = forget_on_terminal(machine, "--match", CANARY, "--yes")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert b"[y/N]" not in child.before
    assert history.read_text() == LINES


def test_a_refused_forget_cleans_nothing(record, machine, history):
    record(f"echo {CANARY}")
    assert forget(machine, "--match", CANARY, "--clean-shell-history").code == 2
    assert history.read_text() == LINES
