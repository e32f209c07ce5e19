"""Recovery words, codes and passphrases on a real terminal: shown, asked for, typed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hx.core.format.phrases import code_of, words_of
from shells.terminal import ENTER, Home

WORDS = words_of(bytes(range(16)))
CODE = code_of(bytes(range(16)))
HEX = bytes(range(16)).hex()


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.close()


def program(text):
    """Return the command line of a Python process that runs this text with the prompts of hx."""
    return [sys.executable, "-c", f"""
import sys
from hx.cli import keys as custody
from hx.cli import prompts as words
from hx.cli import explained
from hx.config import load
WORDS = {WORDS!r}
try:
    {text}
except Exception as error:
    print("ended:", *explained(error))
"""]  # fmt: skip


def screen_text(terminal):
    return "\n".join(terminal.screen())


def test_words_are_shown_with_their_numbers_then_erased_and_two_are_asked_for(home):
    terminal = home.start(program("words.show(WORDS, quiz=True); print('done')"))
    terminal.until(b"on paper: ")
    shown = screen_text(terminal)
    assert all(f"{number} {word}" in shown for number, word in enumerate(WORDS, 1))
    terminal.type(ENTER)
    numbers = []
    for _ in range(2):
        terminal.until(rb"word (\d+) of the sheet")
        numbers.append(int(terminal.child.match.group(1)))
        assert not any(word in screen_text(terminal).split() for word in WORDS)
        terminal.type(f" {WORDS[numbers[-1] - 1].upper()}".encode() + ENTER)
    terminal.until(b"done")
    assert numbers == sorted(set(numbers))
    assert screen_text(terminal).startswith("word ")
    assert not any(word in screen_text(terminal).lower().split() for word in WORDS)


def test_an_enter_before_the_question_does_not_answer_it(home):
    early = "import select; print('ready', flush=True); select.select([sys.stdin], [], [])"
    terminal = home.start(program(f"{early}; words.show(WORDS, quiz=True)"))
    terminal.until(b"ready")
    terminal.type(ENTER)
    terminal.until(b"on paper: ")
    assert f"12 {WORDS[11]}" in screen_text(terminal)
    terminal.type(ENTER)
    terminal.until(rb"word \d+ of the sheet")
    assert "this word is wrong" not in screen_text(terminal)


def test_a_wrong_word_may_be_corrected_and_the_third_is_an_error(home):
    terminal = home.start(program("words.ask_back(WORDS, [3, 7]); print('done')"))
    for answer in ("wrong", "", WORDS[3]):
        terminal.until(b"word 4 of")
        terminal.type(answer.encode() + ENTER)
    for _ in range(3):
        terminal.until(b"word 8 of")
        terminal.type(b"wrong" + ENTER)
    terminal.wait()
    assert "were not confirmed" in screen_text(terminal)
    assert "done" not in screen_text(terminal)


def test_without_a_quiz_the_words_stay_on_the_screen(home):
    terminal = home.start(program("words.show(WORDS, quiz=False); print('done')"))
    terminal.wait()
    assert "done" in screen_text(terminal)
    assert f"12 {WORDS[11]}" in screen_text(terminal)


@pytest.mark.parametrize("quiz", [True, False])
def test_words_are_never_written_into_a_pipe(quiz):
    result = subprocess.run(
        program(f"words.show(WORDS, quiz={quiz})"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "shown on a terminal only" in result.stdout
    assert not any(word in (result.stdout + result.stderr).split() for word in WORDS)


@pytest.mark.parametrize(("read", "text"), [("read_words", " ".join(WORDS)), ("read_code", CODE)])
def test_typed_words_are_not_shown_and_a_typo_may_be_corrected(home, read, text):
    terminal = home.start(program(f"print(words.{read}(None).hex())"))
    terminal.until(b"(not shown)")
    terminal.type(text[:-2].encode() + ENTER)
    terminal.until(b"(not shown)")
    terminal.type(text.encode() + ENTER)
    terminal.until(HEX.encode())
    assert text.encode() not in terminal.output
    assert text[:12].encode() not in terminal.output


def test_a_sheet_of_several_lines_is_pasted_at_once(home):
    terminal = home.start(program("print(words.read_words(None).hex())"))
    terminal.until(b"(not shown)")
    numbered = [f"{number:>4} {word:<10}" for number, word in enumerate(WORDS, 1)]
    sheet = "".join("".join(numbered[i : i + 4]).rstrip() + "\n" for i in range(0, 12, 4))
    terminal.type(sheet.encode() + b"echo what follows the sheet\n")
    terminal.until(HEX.encode())
    assert not any(word.encode() in terminal.output for word in WORDS if len(word) > 6)


def test_three_typos_are_an_error(home):
    terminal = home.start(program("words.read_words(None)"))
    for _ in range(3):
        terminal.until(b"(not shown)")
        terminal.type(b"abandon ability" + ENTER)
    terminal.wait()
    assert "ended: there must be 12 recovery words, and these are 2" in screen_text(terminal)


def run(text, stdin=b""):
    process = subprocess.run(program(text), input=stdin, capture_output=True, check=False)
    return process.stdout.decode()


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("read_words", " ".join(WORDS)),
        ("read_words", "\n".join(WORDS) + "\n"),
        ("read_words", "  ".join(WORDS).upper()),
        ("read_words", "\ufeff" + ", ".join(WORDS)),
        ("read_code", CODE),
        ("read_code", f"{CODE}\n\nvalid until tomorrow\n"),
    ],
)
def test_words_and_codes_come_from_a_file_or_from_stdin(tmp_path, read, text):
    (tmp_path / "file").write_text(text)
    assert run(f"print(words.{read}({str(tmp_path / 'file')!r}).hex())").strip() == HEX
    assert run(f"print(words.{read}('-').hex())", text.encode()).strip() == HEX


def test_words_come_from_a_file_of_a_windows_editor(tmp_path):
    (tmp_path / "file").write_text("\r\n".join(WORDS), encoding="utf-16")
    assert run(f"print(words.read_words({str(tmp_path / 'file')!r}).hex())").strip() == HEX


@pytest.mark.parametrize("read", ["read_words", "read_code"])
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"a" * 5000, "is longer than 4 KiB"),
        (b"\xff\xfe", "ended:"),
        (b"\0", "ended:"),
    ],
)
def test_any_other_file_is_an_error_of_one_line(tmp_path, read, data, what):
    (tmp_path / "file").write_bytes(data)
    output = run(f"words.{read}({str(tmp_path / 'file')!r})")
    assert what in output
    assert output.startswith("ended:")
    assert output.count("\n") == 1
    assert "unexpected" not in output


def test_an_unreadable_file_and_a_missing_terminal_are_errors(tmp_path):
    assert "no such file" in run(f"words.read_words({str(tmp_path / 'none')!r})")
    assert "cannot read" in run(f"words.read_code({str(tmp_path)!r})")
    assert "use --words-file FILE, or --words-file - for stdin" in run("words.read_words(None)")
    assert "use --code-file FILE" in run("words.read_code(None)")


ASK = "print(custody.asker(load())({new}))"


def test_a_new_passphrase_is_asked_for_twice_and_not_shown(home):
    terminal = home.start(program(ASK.format(new=True)))
    for _ in range(2):
        terminal.until(b": ")
        terminal.type(b"correct horse" + ENTER)
    terminal.until(b"b'correct horse'")
    assert terminal.output.count(b"horse") == 1


def test_two_passphrases_that_differ_are_an_error(home):
    terminal = home.start(program(ASK.format(new=True)))
    for text in (b"correct horse", b"correct house"):
        terminal.until(b": ")
        terminal.type(text + ENTER)
    terminal.wait()
    assert "ended: the two passphrases differ" in screen_text(terminal)


def test_a_passphrase_comes_from_the_command_that_the_environment_names():
    environment = os.environ | {"HX_PASSPHRASE_COMMAND": "echo correct horse"}
    for new in (True, False):
        process = subprocess.run(
            program(ASK.format(new=new)), env=environment, capture_output=True, check=False
        )
        assert process.stdout == b"b'correct horse'\n"


def test_a_person_is_asked_for_a_passphrase_once_a_run(home):
    twice = "{0}; {0}".format("print(custody.asker(load())(False))")
    terminal = home.start(program(twice))
    terminal.until(b": ")
    terminal.type(b"correct horse" + ENTER)
    terminal.wait()
    assert screen_text(terminal).count("b'correct horse'") == 2
    assert screen_text(terminal).count("passphrase of this") == 1


def test_without_a_terminal_the_error_says_which_variable_to_set():
    output = run(ASK.format(new=True), b"not the passphrase\n")
    assert "set HX_PASSPHRASE_COMMAND" in output
    assert "--custody file" in output
    assert "--custody file" not in run(ASK.format(new=False))


def test_control_d_at_a_question_is_an_error(home):
    terminal = home.start(program(ASK.format(new=False)))
    terminal.until(b": ")
    terminal.type(b"\x04")
    terminal.wait()
    assert "ended: no text was given" in screen_text(terminal)
