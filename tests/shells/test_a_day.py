"""A working day of three persons: every screen is as without the hook, and every event is right.

They have the plugins, prompts and settings that are often found together: the real plugins where
Debian has them, else small doubles of how the real ones hook into the shell.
"""

import difflib
import os
import re
import shutil

import pyte
import pytest

from shells.terminal import (
    COLUMNS,
    CTRL_C,
    CTRL_D,
    CTRL_U,
    CTRL_Z,
    ENTER,
    PID_IN_PROMPT,
    ROWS,
    need_list,
    program,
)
from shells.test_zsh_plugins import plugin

NO_HOOK = "true"
PLACES = pytest.mark.parametrize("place", ["before", "after"])
BASHES = pytest.mark.parametrize("shell", ["bash", "bash 5.3"])
CTRL_R, TAB = b"\x12", b"\t"
HISTORIES = (".zsh_history", ".bash_history", ".local/share/fish/fish_history")


CONTINUATION = object()


class Keys:
    """Keys that take several steps: each with the text or prompt that the screen then shows."""

    def __init__(self, *steps):
        self.steps = steps

    def __repr__(self):
        return repr(self.steps)

    def type(self, day):
        for keys, awaited in self.steps:
            day.terminal.type(keys)
            if awaited is CONTINUATION:
                day.until_continued()
            elif awaited is not None:
                day.until_shown(awaited)


def line(text, *later):
    """Type a line, or the lines of one command, each with Enter."""
    *first, last = [each.encode() + ENTER for each in (text, *later)]
    return Keys(*((keys, CONTINUATION) for keys in first), (last, None))


def running(text, *keys):
    """Run a program that says `ready`, and give it keys."""
    return Keys((text.encode() + ENTER, "ready"), *((key, None) for key in keys))


# (what draws in zsh and fish may take Ctrl-C for its own end)
HALF = Keys((b"echo half a line", "half a line"), (CTRL_U + ENTER, None))
HALF_IN_BASH = Keys((b"echo half a line", "half a line"), (CTRL_C, None))
AGAIN = line("cat file.txt")
COMPLETED = Keys((b"cat fi", "cat fi"), (TAB, "cat file.txt"), (ENTER, None))
LOOP = line("for each in 1 2", "do echo $each", "done")

SLEPT = [("sleep 0.3", 0)]

# keys, and the events that come of them: text, exit status, pipestatus
MORNING = [
    (line("mkdir project"), [("mkdir project", 0)]),
    (line("cd project"), [("cd project", 0)]),
    (line(""), []),
    (line("git init -q ."), [("git init -q .", 0)]),
    (line("echo one >file.txt"), [("echo one >file.txt", 0)]),
    (line("git add file.txt"), [("git add file.txt", 0)]),
    (line("git commit -qm 'the first one'"), [("git commit -qm 'the first one'", 0)]),
    (line("git log --format=%s | cat"), [("git log --format=%s | cat", 0, [0, 0])]),
    (line("grep -q absent file.txt"), [("grep -q absent file.txt", 1)]),
    (line("false | true"), [("false | true", 0, [1, 0])]),
    (line("sh -c 'exit 7'"), [("sh -c 'exit 7'", 7)]),
    (line(" echo private"), []),
    (line("no-such-program --now"), [("no-such-program --now", 127)]),
    (line("echo 'é ü 漢字 🎉'"), [("echo 'é ü 漢字 🎉'", 0)]),
    (HALF, []),
    (running("waiting", CTRL_C), [("waiting", 130)]),
    (running("waiting; true two", CTRL_D), [("waiting; true two", 0)]),
    (line("cat file.txt"), [("cat file.txt", 0)]),
    (AGAIN, [("cat file.txt", 0)]),
    (COMPLETED, [("cat file.txt ", 0)]),
    (line("echo ne''edle"), [("echo ne''edle", 0)]),
]  # fmt: skip
FISH_AFTERNOON = [
    (line("# a note for later"), []),
    (line("for each in 1 2", "echo $each", "end"), [("for each in 1 2\necho $each\nend", 0)]),
    (line("sh -c 'exit 4' | sh -c 'exit 5' | true"),
     [("sh -c 'exit 4' | sh -c 'exit 5' | true", 0, [4, 5, 0])]),
    (line('echo "$status"'), [('echo "$status"', 0)]),
    (line("set x (false)"), [("set x (false)", 1)]),
    (line("set x 1"), [("set x 1", 0)]),
    (running("stoppable", CTRL_Z), [("stoppable", None)]),
    (line("fg"), [("fg", 0)]),
    (line("cd .. && pushd /usr && popd"), [("cd .. && pushd /usr && popd", 0)]),
    (line("sleep 0.3"), SLEPT),
]  # fmt: skip
POSIX_AFTERNOON = [
    (line("true | (exit 3)"), [("true | (exit 3)", 3, [0, 3])]),
    (line("# a note for later"), []),
    (LOOP, [("for each in 1 2\ndo echo $each\ndone", 0)]),
    (line("cat <<END | tr a-z A-Z", "some text", "END"),
     [("cat <<END | tr a-z A-Z\nsome text\nEND", 0, [0, 0])]),
    (line("(exit 4) | (exit 5) | true"), [("(exit 4) | (exit 5) | true", 0, [4, 5, 0])]),
    (line('echo "$?"'), [('echo "$?"', 0)]),
    (line("x=$(false)"), [("x=$(false)", 1)]),
    (running("stoppable", CTRL_Z), [("stoppable", 148)]),
    (line("fg"), [("fg", 5)]),
    (line("cd .. && pushd /usr && popd"), [("cd .. && pushd /usr && popd", 0)]),
    (line("sleep 0.3"), SLEPT),
    (line("echo $((6 * 7)) `echo back`"), [("echo $((6 * 7)) `echo back`", 0)]),
]  # fmt: skip

# Ctrl-R of fzf, where it is loaded after the hook. The list of fzf, which it clears line by line,
# shows the command too, so it stands on the command line only where it follows the prompt.
PICKED = re.compile(r"<PID:\d+> echo ne''edle")
FOUND = [
    (Keys((CTRL_R, "find:"), (b"ne''edle", "  1/"), (ENTER, PICKED), (ENTER, None)),
     [("echo ne''edle", 0)]),
]  # fmt: skip

WAITING = "#!/bin/sh\necho ready; exec cat\n"
STOPPABLE = """#!/bin/bash
trap 'echo again; exit 5' CONT
echo ready
while :; do read -r -t 9 _; done
"""
PROGRAMS = {"waiting": WAITING, "stoppable": STOPPABLE}

ZSH = """
HISTFILE=~/.zsh_history HISTSIZE=5000 SAVEHIST=5000
setopt extended_history hist_expire_dups_first hist_ignore_dups hist_ignore_space hist_verify
setopt share_history auto_cd auto_pushd pushd_ignore_dups interactive_comments complete_in_word
autoload -Uz add-zsh-hook colors compinit
colors
compinit -u -d ~/.zcompdump
bindkey -v
KEYTIMEOUT=10
title_of_command() { print -n "\\e]0;$1\\a" }
title_of_prompt() { print -n "\\e]0;$? $pipestatus\\a" }
add-zsh-hook preexec title_of_command
add-zsh-hook precmd title_of_prompt
zle-keymap-select() { print -n "\\e[${${KEYMAP/vicmd/2}/(main|viins)/6} q" }
zle -N zle-keymap-select
alias ..='cd ..' g=git
"""
BASH = r"""
HISTCONTROL=ignoreboth:erasedups HISTSIZE=5000
shopt -s histappend checkwinsize
PROMPT_COMMAND='history -a'

tool_ready=1
tool_prompt() {
  local status=$?
  local pipe=("${PIPESTATUS[@]}")
  tool_status "$status"
  for each in "${tool_taken[@]}"; do eval "$each"; done
  printf '{%s %s %s}' "$status" "${pipe[*]}" "${tool_begun-}"
  tool_begun=
}
tool_status() { return "$1"; }
tool_taken=("${PROMPT_COMMAND[@]}")
PROMPT_COMMAND=tool_prompt
PS0='${tool_begun:$((tool_begun=1,0)):0}'${PS0-}

timer_start() { [[ $timer_of ]] || timer_of=$BASH_COMMAND; }
trap timer_start DEBUG

marks_before() {
  timer_start
  [[ $marks_ready ]] || return 0
  marks_ready= marks_line=$BASH_COMMAND
  [[ $marks_line != marks_prompt* ]] || marks_line=
  printf '\e]633;E;%s\a\e]633;C\a' "$marks_line"
}
marks_prompt() {
  local status=$?
  tool_status "$status"
  for each in "${marks_taken[@]}"; do eval "$each"; done
  printf '\e]633;D;%s\a{%s}' "${marks_line:+$status}" "$timer_of"
  marks_line= marks_ready=1 timer_of=
}
marks_taken=("${PROMPT_COMMAND[@]}")
PROMPT_COMMAND=marks_prompt
trap marks_before DEBUG
"""

FISH = """
set -g fish_features no-query-term
function title_of_command --on-event fish_preexec; printf '\\e]0;%s\\a' "$argv[1]"; end
function title_of_prompt --on-event fish_prompt; printf '\\e]0;at the prompt\\a'; end
"""


class Day:
    """What a person sees in a day: the screen at each prompt, and all the bytes."""

    def __init__(self, home, shell, load="", **texts):
        for history in HISTORIES:
            (home.path / history).unlink(missing_ok=True)
        shutil.rmtree(home.path / "project", ignore_errors=True)
        env = {
            "PATH": f"{home.path}/bin:{os.environ['PATH']}",
            "FZF_DEFAULT_OPTS": "--prompt=find:",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Ann"),
            **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "ann@example.org"),
        }
        self.shell = shell
        self.terminal = home.open(shell, load=load, env=env, **texts)
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._screen.write_process_input = self.terminal.type  # (fzf asks where the cursor is)
        self._stream = pyte.ByteStream(self._screen)
        self._seen = 0
        self.screens = [self.look()]

    def look(self):
        self._stream.feed(self.terminal.output[self._seen :])
        self._seen = len(self.terminal.output)
        lines = [line.rstrip() for line in self._screen.display if line.strip()]
        return [PID_IN_PROMPT.sub(b"PID", line.encode()).decode() for line in lines]

    def until_shown(self, text):
        """Read until one of the last two lines on the screen matches the text or the pattern."""
        pattern = re.compile(re.escape(text)) if isinstance(text, str) else text
        while not any(pattern.search(line) for line in self.look()[-2:]):
            self.terminal.until(re.compile(rb"(?s).+"))

    def until_continued(self):
        """Wait for the prompt of the next line of a command, where the shell has one."""
        if self.shell != "fish":
            self.terminal.continuation()

    def go(self, steps):
        for keys, _ in steps:
            keys.type(self)
            self.terminal.prompt()
            self.screens.append(self.look())

    def drawn(self):
        return PID_IN_PROMPT.sub(b"PID", self.terminal.output).splitlines()


@pytest.fixture(autouse=True)
def programs(home):
    (home.path / "bin").mkdir()
    for name, text in PROGRAMS.items():
        (home.path / "bin" / name).write_text(text)
        (home.path / "bin" / name).chmod(0o700)


def fzf(shell):
    """The lines of an rc file that load the keys of fzf."""
    program("fzf")
    path = f"/usr/share/doc/fzf/examples/key-bindings.{shell}"
    if not os.path.exists(path):
        pytest.skip("the keys of fzf are not where Debian has them")
    return f". {path}" if shell == "zsh" else f"source {path}; fzf_key_bindings"


def history(day):
    """The commands of the history files; without order, because fish removes repeats by chance."""
    text = b"".join(day.histories.values())
    return set(re.findall(rb"^(?:- cmd: |: \d+:\d+;)(.*)", text, re.MULTILINE))


def days(home, shell, steps, **texts):
    """Live the same day without the hook, then with it; return both."""
    found = []
    for load in (NO_HOOK, ""):
        day = Day(home, shell, load, **texts)
        day.go(steps)
        found.append(day)
        day.terminal.leave()
        day.histories = {
            name: (home.path / name).read_bytes()
            for name in HISTORIES
            if (home.path / name).exists()
        }
    return found


def assert_same_screens(steps, without, with_hook):
    """Fail with the number and the keys of the first step whose screens differ, and how they do."""
    keys = ["(the first prompt)", *(keys for keys, _ in steps)]
    screens = zip(keys, without.screens, with_hook.screens, strict=True)
    for number, (typed, expected, shown) in enumerate(screens):
        difference = difflib.unified_diff(expected, shown, "without", "with the hook", lineterm="")
        assert shown == expected, "\n".join((f"screen {number}, {typed}:", *difference))


def assert_every_event_is_right(home, steps, with_hook):
    expected = [event for _, events in steps for event in events]
    events = [event for event in home.events() if event["command"] != "exit"]
    assert [event["command"] for event in events] == [event[0] for event in expected]
    known = [(event["command"], event["exit_status"]) for event in events]
    assert known == [event[:2] for event in expected]
    pipes = [event["pipestatus"] for event in events]
    assert pipes == [event[2] if len(event) > 2 else None for event in expected]
    assert {event["cwd"] for event in events[2:18]} == {str(home.path / "project")}
    waits_us = with_hook.terminal.waits_us[1:]
    [waited_us] = [wait for (_, ran), wait in zip(steps, waits_us, strict=True) if ran == SLEPT]
    [duration_us] = [event["duration_us"] for event in events if event["command"] == SLEPT[0][0]]
    assert 300_000 <= duration_us <= waited_us


def replaced(steps, others):
    """Return the steps with other keys or events in the place of some."""
    return [others.get(keys, (keys, events)) for keys, events in steps]


@PLACES
@BASHES
def test_bash_behaves_the_same_with_a_prompt_marks_a_timer_and_erasedups(home, shell, place):
    if place == "after":  # (a tool assigns PROMPT_COMMAND)
        need_list(shell)
    others = {
        HALF: (HALF_IN_BASH, []),
        # the history keeps no line twice, and bash does not tell that one was repeated
        AGAIN: (AGAIN, []),
        LOOP: (LOOP, [("for each in 1 2; do echo $each; done", 0)]),
    }
    steps = replaced(MORNING + POSIX_AFTERNOON, others)
    without, with_hook = days(home, shell, steps, **{place: BASH})
    assert_same_screens(steps, without, with_hook)
    assert without.drawn() == with_hook.drawn()
    assert without.histories == with_hook.histories
    assert_every_event_is_right(home, steps, with_hook)


@PLACES
def test_zsh_behaves_the_same_with_suggestions_colours_vi_keys_and_fzf(home, place):
    # (zsh takes away the blank that it added itself)
    others = {COMPLETED: (COMPLETED, [("cat file.txt", 0)])}
    steps = replaced(MORNING + POSIX_AFTERNOON, others)
    tools = [ZSH, plugin("zsh-autosuggestions"), plugin("zsh-syntax-highlighting")]
    if place == "after":
        tools.insert(1, fzf("zsh"))
        steps += FOUND
    without, with_hook = days(home, "zsh", steps, **{place: "\n".join(tools)})
    assert_same_screens(steps, without, with_hook)
    assert history(without) == history(with_hook)
    assert_every_event_is_right(home, steps, with_hook)


@PLACES
def test_fish_behaves_the_same_with_fzf(home, place):
    steps = MORNING + FISH_AFTERNOON
    tools = FISH
    if place == "after":
        tools += fzf("fish")
        steps += FOUND
    without, with_hook = days(home, "fish", steps, **{place: tools})
    assert_same_screens(steps, without, with_hook)
    assert history(without) == history(with_hook)
    assert_every_event_is_right(home, steps, with_hook)
