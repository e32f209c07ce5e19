"""In every shell: the key that opens the picker, and the line that runs or is edited then."""

import shutil
import subprocess

import pytest

from shells.terminal import CTRL_C, ENTER, HX, MARKER, family, hook, program

CTRL_R, ESC, TAB = b"\x12", b"\x1b", b"\t"
OPEN = b"F1 help"
VI = {"bash": "set -o vi", "zsh": "bindkey -v", "fish": "fish_vi_key_bindings"}
# what a shell says of its terminal; `sh`, since each has a word of its own for a failing command
STTY = "stty -a"


@pytest.fixture
def shell_with_history(home, shell):
    """Return a function that starts a shell and runs two commands in it."""

    def start(before=""):
        terminal = home.open(shell, before=before)
        terminal.run("echo o''ne")
        terminal.run("echo t''wo")
        return terminal

    return start


def open_picker(terminal, keys=CTRL_R):
    terminal.type(keys)
    terminal.until(OPEN)


def close_picker(terminal, keys):
    """Press a key that closes the picker, and wait until the shell has drawn its line again."""
    terminal.type(keys)
    terminal.until(rb"\x1b\[J")
    terminal.until(MARKER)


def recorded_commands(home):
    """Return the recorded commands without those that only the tests need."""
    return [command for command in home.commands() if command != STTY]


@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_a_picked_command_runs_and_is_recorded_like_a_typed_one(
    shell_with_history, home, shell, mode
):
    terminal = shell_with_history(VI[family(shell)] if mode == "vi" else "")
    before = terminal.run(STTY)
    open_picker(terminal)
    terminal.type(b"ne")
    terminal.until(b"of 3")
    terminal.type(ENTER)
    assert "one" in terminal.prompt()
    assert same_terminal(terminal.run(STTY), before)
    assert recorded_commands(home) == ["echo o''ne", "echo t''wo", "echo o''ne"]


def same_terminal(after, before):
    """Return whether two outputs of stty, each followed by a prompt, are equal."""

    def facts(text):
        return text[text.index("speed") : text.index("echoke")]

    return facts(after) == facts(before)


def test_a_picked_command_may_be_edited_first(shell_with_history, home):
    terminal = shell_with_history()
    open_picker(terminal)
    close_picker(terminal, TAB)
    terminal.until(b"wo")
    terminal.type(b" three" + ENTER)
    assert "two three" in terminal.prompt()
    assert recorded_commands(home)[2:] == ["echo t''wo three"]


@pytest.mark.parametrize("leave", [ESC, CTRL_C])
def test_the_line_is_as_it_was_when_nothing_is_picked(shell_with_history, home, leave):
    terminal = shell_with_history()
    open_picker(terminal, b"echo a''b" + CTRL_R)
    close_picker(terminal, leave)
    terminal.until(b"b")
    terminal.type(b"c" + ENTER)
    assert "abc" in terminal.prompt()
    assert recorded_commands(home)[2:] == ["echo a''bc"]


def test_several_lines_are_picked_as_one_command(home, shell):
    terminal = home.open(shell)
    begin, end = ("", "end") if family(shell) == "fish" else ("; do", "done")
    terminal.run(f"for x in o p{begin}", 'echo "$x"y', end)
    open_picker(terminal)
    terminal.type(b"for" + ENTER)
    assert "oy" in terminal.prompt()
    first, again = home.commands()
    assert again.replace("; ", "\n").split() == first.replace("; ", "\n").split()


def test_the_next_command_sees_the_status_of_the_one_before(home, shell):
    terminal = home.open(shell)
    show = "echo status $status" if family(shell) == "fish" else "echo status $?"
    terminal.run(show)
    terminal.run('sh -c "exit 7"')
    open_picker(terminal)
    terminal.type(b"status" + ENTER)
    assert "status 7" in terminal.prompt()


def test_text_beyond_ascii_is_not_changed(home, shell):
    terminal = home.open(shell)
    terminal.run("echo naïve 日本")
    open_picker(terminal, "echo ï".encode() + CTRL_R)
    close_picker(terminal, TAB)
    terminal.until("日本".encode())
    terminal.type(b" end" + ENTER)
    terminal.prompt()
    assert home.commands() == ["echo naïve 日本", "echo naïve 日本 end"]


def test_without_hx_the_key_has_its_function_of_the_shell(home, shell):
    load = hook(shell, str(home.hx_home)).replace(HX, "/nowhere/hx")
    terminal = home.open(shell, load=load)
    terminal.run("echo o''ne")
    terminal.type(CTRL_R)
    terminal.until(rb"search[:)]")


def test_without_the_python_of_hx_the_key_has_its_function_of_the_shell(home, shell):
    script = home.path / "hx-of-old"
    script.write_text("#!/nowhere/python3\n")
    script.chmod(0o755)
    load = hook(shell, str(home.hx_home)).replace(HX, str(script))
    terminal = home.open(shell, load=load)
    terminal.run("echo o''ne")
    terminal.type(CTRL_R)
    terminal.until(rb"search[:)]")


def test_an_error_of_hx_is_printed_and_the_key_has_its_function_of_the_shell(home, shell):
    home.hx_home.mkdir(mode=0o700)
    (home.hx_home / "hx.db").write_text("this is not a database")
    terminal = home.open(shell)
    terminal.run("echo o''ne")
    terminal.type(CTRL_R)
    terminal.until(b"is not a file of SQLite")
    terminal.until(rb"search[:)]")


@pytest.mark.parametrize(("option", "keys"), [("--no-ctrl-r", ""), ("--up-arrow", "ctrl-r up")])
def test_the_bound_keys_are_those_of_the_options_of_init(home, shell, option, keys):
    words = [HX, "init", family(shell), option]
    text = subprocess.run(words, env=home.environment(), capture_output=True, text=True,
                          check=True).stdout  # fmt: skip
    assert ("__hx_pick" in text) == bool(keys)
    terminal = home.open(shell, load=text)
    terminal.run("echo o''ne")
    if not keys:
        terminal.type(CTRL_R)
        terminal.until(b"search")
        return
    terminal.type(b"\x1b[A")
    terminal.until(b"this session")
    terminal.type(ENTER)
    assert "one" in terminal.prompt()


def test_no_key_is_bound_on_a_dumb_terminal(home, shell):
    terminal = home.open(shell, env={"TERM": "dumb"})
    terminal.run("echo o''ne")
    assert "hx search" not in terminal.run("true")
    terminal.type(CTRL_R)
    terminal.type(b"\x07" if family(shell) != "fish" else b"\x1b")
    assert OPEN not in terminal.output


def test_in_tmux_the_picker_opens_and_restores_the_pane(home):
    tmux = program("tmux")
    home.write_rc("bash")
    name = ["-L", f"hx-{home.path.parent.name}-{home.path.name}"]

    def ask(*words):
        return subprocess.run([tmux, *name, *words], env=home.environment(TERM="screen"),
                              capture_output=True, text=True, check=False).stdout  # fmt: skip

    ask(
        "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", f"{shutil.which('bash')} -i"
    )
    try:
        until(ask, "<")
        ask("send-keys", "echo t''mux", "Enter")
        until(ask, "\ntmux\n<")  # before its prompt the terminal itself takes Ctrl-R, to reprint
        ask("send-keys", "C-r")
        until(ask, "F1 help")
        ask("resize-window", "-x", "60", "-y", "20")
        until(ask, "F1 help")
        ask("send-keys", "Enter")
        until(ask, "tmux\n<")
        assert ask("capture-pane", "-p", "-S", "-").count("\ntmux") == 2
        assert "F1 help" not in ask("capture-pane", "-p")
    finally:
        ask("kill-server")
    assert home.commands() == ["echo t''mux", "echo t''mux"]


def until(ask, text):
    for _ in range(1000):
        if text in ask("capture-pane", "-p"):
            return
    raise AssertionError(ask("capture-pane", "-p"))
