"""Recovery words and codes on a real terminal: shown once, asked back, typed unseen."""

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
    """A command line of hx that does only this."""
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


def seen(terminal):
    return "\n".join(terminal.screen())


def test_words_are_shown_with_their_numbers_then_wiped_and_two_asked_back(home):
    terminal = home.start(program("words.show(WORDS, quiz=True); print('done')"))
    terminal.until(b"on paper: ")
    shown = seen(terminal)
    assert all(f"{number} {word}" in shown for number, word in enumerate(WORDS, 1))
    terminal.type(ENTER)
    asked = []
    for _ in range(2):
        terminal.until(rb"word (\d+) of the sheet")
        asked.append(int(terminal.child.match.group(1)))
        assert not any(word in seen(terminal).split() for word in WORDS)
        terminal.type(f" {WORDS[asked[-1] - 1].upper()}".encode() + ENTER)
    terminal.until(b"done")
    assert asked == sorted(set(asked))
    assert seen(terminal).startswith("word ")
    assert not any(word in seen(terminal).lower().split() for word in WORDS)


def test_an_enter_before_the_question_does_not_answer_it(home):
    early = "import select; print('ready', flush=True); select.select([sys.stdin], [], [])"
    terminal = home.start(program(f"{early}; words.show(WORDS, quiz=True)"))
    terminal.until(b"ready")
    terminal.type(ENTER)
    terminal.until(b"on paper: ")
    assert f"12 {WORDS[11]}" in seen(terminal)
    terminal.type(ENTER)
    terminal.until(rb"word \d+ of the sheet")
    assert "this word is wrong" not in seen(terminal)


def test_a_wrong_answer_may_be_mended_and_the_third_ends_it(home):
    terminal = home.start(program("words.ask_back(WORDS, [3, 7]); print('done')"))
    for answer in ("wrong", "", WORDS[3]):
        terminal.until(b"word 4 of")
        terminal.type(answer.encode() + ENTER)
    for _ in range(3):
        terminal.until(b"word 8 of")
        terminal.type(b"wrong" + ENTER)
    terminal.wait()
    assert "were not confirmed" in seen(terminal)
    assert "done" not in seen(terminal)


def test_without_a_quiz_the_words_stay_on_the_screen(home):
    terminal = home.start(program("words.show(WORDS, quiz=False); print('done')"))
    terminal.wait()
    assert "done" in seen(terminal)
    assert f"12 {WORDS[11]}" in seen(terminal)


@pytest.mark.parametrize("quiz", [True, False])
def test_words_are_never_written_into_a_pipe(quiz):
    answer = subprocess.run(
        program(f"words.show(WORDS, quiz={quiz})"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "shown on a terminal only" in answer.stdout
    assert not any(word in (answer.stdout + answer.stderr).split() for word in WORDS)


@pytest.mark.parametrize(("read", "text"), [("read_words", " ".join(WORDS)), ("read_code", CODE)])
def test_what_is_typed_is_not_seen_and_a_typo_may_be_mended(home, read, text):
    terminal = home.start(program(f"print(words.{read}(None).hex())"))
    terminal.until(b"(not shown)")
    terminal.type(text[:-2].encode() + ENTER)
    terminal.until(b"(not shown)")
    terminal.type(text.encode() + ENTER)
    terminal.until(HEX.encode())
    assert text.encode() not in terminal.output
    assert text[:12].encode() not in terminal.output


def test_three_typos_end_it_with_a_sentence(home):
    terminal = home.start(program("words.read_words(None)"))
    for _ in range(3):
        terminal.until(b"(not shown)")
        terminal.type(b"abandon ability" + ENTER)
    terminal.wait()
    assert "ended: there must be 12 recovery words, and these are 2" in seen(terminal)


def run(text, stdin=b""):
    done = subprocess.run(program(text), input=stdin, capture_output=True, check=False)
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("read_words", " ".join(WORDS)),
        ("read_words", "\n".join(WORDS) + "\n"),
        ("read_words", "  ".join(WORDS).upper()),
        ("read_code", CODE),
        ("read_code", f"{CODE}\n\nvalid until tomorrow\n"),
    ],
)
def test_words_and_codes_come_from_a_file_or_from_stdin(tmp_path, read, text):
    (tmp_path / "file").write_text(text)
    assert run(f"print(words.{read}({str(tmp_path / 'file')!r}).hex())").strip() == HEX
    assert run(f"print(words.{read}('-').hex())", text.encode()).strip() == HEX


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
def test_other_files_are_one_sentence(tmp_path, read, data, what):
    (tmp_path / "file").write_bytes(data)
    answer = run(f"words.{read}({str(tmp_path / 'file')!r})")
    assert what in answer
    assert answer.startswith("ended:")
    assert answer.count("\n") == 1
    assert "unexpected" not in answer


def test_a_file_that_cannot_be_read_and_a_lack_of_a_terminal_are_told(tmp_path):
    assert "no such file" in run(f"words.read_words({str(tmp_path / 'none')!r})")
    assert "cannot read" in run(f"words.read_code({str(tmp_path)!r})")
    assert "use --words-file FILE, or --words-file - for stdin" in run("words.read_words(None)")
    assert "use --code-file FILE" in run("words.read_code(None)")


ASK = "print(custody.asker(load())({new}))"


def test_a_new_passphrase_is_asked_for_twice_and_not_seen(home):
    terminal = home.start(program(ASK.format(new=True)))
    for _ in range(2):
        terminal.until(b": ")
        terminal.type(b"correct horse" + ENTER)
    terminal.until(b"b'correct horse'")
    assert terminal.output.count(b"horse") == 1


def test_two_passphrases_that_differ_are_none(home):
    terminal = home.start(program(ASK.format(new=True)))
    for text in (b"correct horse", b"correct house"):
        terminal.until(b": ")
        terminal.type(text + ENTER)
    terminal.wait()
    assert "ended: the two passphrases differ" in seen(terminal)


def test_a_passphrase_comes_from_the_command_that_the_environment_names():
    environment = os.environ | {"HX_PASSPHRASE_COMMAND": "echo correct horse"}
    for new in (True, False):
        done = subprocess.run(
            program(ASK.format(new=new)), env=environment, capture_output=True, check=False
        )
        assert done.stdout == b"b'correct horse'\n"


def test_a_person_is_asked_for_a_passphrase_once_a_run(home):
    twice = "{0}; {0}".format("print(custody.asker(load())(False))")
    terminal = home.start(program(twice))
    terminal.until(b": ")
    terminal.type(b"correct horse" + ENTER)
    terminal.wait()
    assert seen(terminal).count("b'correct horse'") == 2
    assert seen(terminal).count("passphrase of this") == 1


def test_with_nobody_to_ask_for_a_passphrase_it_says_what_to_set():
    answer = run(ASK.format(new=True), b"not the passphrase\n")
    assert "set HX_PASSPHRASE_COMMAND" in answer
    assert "--custody file" in answer
    assert "--custody file" not in run(ASK.format(new=False))


def test_control_d_at_a_question_is_no_answer(home):
    terminal = home.start(program(ASK.format(new=False)))
    terminal.until(b": ")
    terminal.type(b"\x04")
    terminal.wait()
    assert "ended: no text was given" in seen(terminal)
