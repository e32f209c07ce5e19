"""Beside the shell integration of terminals, and beside a second recorder.

The tools are small doubles of how the real ones hook into each shell, written for these tests. They
mark prompts and commands (OSC 133) and write the text and the status into the marks.
"""

import re

import pytest

from shells.terminal import HX, PID_IN_PROMPT, family, need_list
from shells.test_bash_neighbours import BASH_PREEXEC, BASHES, NO_HOOK, PLACES

IGNORE_BLANK = {
    "bash": "HISTCONTROL=ignorespace",
    "zsh": "setopt hist_ignore_space interactive_comments",
    "fish": "",
}
FAIL = "sh -c 'exit 3'"
# (command, status, pipestatus); the status is None where nothing runs
LINES = [
    ("true a", 0, [0]),
    ("", None, None),
    ("false b", 1, [1]),
    ("false | true", 0, [1, 0]),
    (FAIL, 3, [3]),
    (f"{FAIL} | true", 0, [3, 0]),
    ("cd /tmp", 0, [0]),
    ("sleep 0.1", 0, [0]),
    ("true a", 0, [0]),
    ("true a", 0, [0]),
    ("", None, None),
    ("", None, None),
    ("no-such-program", 127, [127]),
    ("true 'x;y' é", 0, [0]),
    ("echo two; false", 1, [1]),
]
RAN = [line for line in LINES if line[1] is not None]
PRIVATE = " true private"
MARK = re.compile(rb"\x1b\]133;([A-D])(?:;([^\x07]*))?\x07")

# kitty, Ghostty: the prompt is marked anew each time, and PS0 marks the command, which it takes
# from the history
MARKS_IN_PS0 = r"""
mark_prompt() {
  local status=$?
  [[ ! $mark_ps1 ]] || PS1=$mark_ps1
  printf '\e]133;D;%s\a' "$status"
  mark_ps1=$PS1 PS1='\[\e]133;A\a\]'$PS1'\[\e]133;B\a\]'
  [[ $PS0 == *mark_command* ]] || PS0+=$mark_ps0
}
mark_command() {
  local line
  line=$(HISTTIMEFORMAT= history 1)
  line=${line#*[0-9]  }
  printf '\e]133;C;%s\a' "$line"
}
mark_ps1= mark_ps0='$(mark_command >/dev/tty)'
((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 503)) || mark_ps0='${ mark_command; }'
PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}mark_prompt
"""

# JetBrains: the prompt sets the DEBUG trap when it is first drawn. What is an element or a line of
# PROMPT_COMMAND is no command of the user, and of the others the first one is.
MARKS_BY_A_LATE_TRAP = r"""
mark_prompt() {
  local status=$?
  [[ $mark_trapped ]] || trap mark_command DEBUG
  [[ ! $mark_trapped || ! $mark_ran ]] || printf '\e]133;D;%s\a' "$status"
  mark_trapped=1 mark_ran=
}
mark_command() {
  local IFS=$'\n;' each
  for each in ${PROMPT_COMMAND[*]}; do [[ $each != "$BASH_COMMAND" ]] || return 0; done
  [[ ! $mark_ran ]] || return 0
  mark_ran=1
  printf '\e]133;C;%s\a' "$BASH_COMMAND"
}
mark_trapped= mark_ran=1
if ((${#PROMPT_COMMAND[@]} > 1)); then
  PROMPT_COMMAND+=(mark_prompt)
else
  PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}mark_prompt
fi
"""

# iTerm2, WezTerm: the functions of bash-preexec mark prompt and command
PREEXEC = (
    BASH_PREEXEC[: BASH_PREEXEC.index("\nprecmd() ")]
    + r"""
precmd_functions+=(precmd) preexec_functions+=(preexec)
last_line() { LINE=$(HISTTIMEFORMAT= history 1) LINE=${LINE#*[0-9]  }; }
"""
)
MARKS_OF_PREEXEC = (
    PREEXEC
    + r"""
precmd() { printf '\e]133;D;%s\a\e]7;file://%s\a' "$?" "$PWD"; }
preexec() { last_line; printf '\e]133;C;%s\a' "$LINE"; }
"""
)

# kitty, Ghostty: the functions come into the lists at the first prompt; one insists on the last
# place, and the prompt is marked until the command begins
ZSH_MARKS = r"""
mark_begin() {
  precmd_functions=(${precmd_functions:#mark_begin} mark_prompt)
  preexec_functions+=(mark_command)
  mark_prompt
}
mark_prompt() {
  local mark_status=$?
  [[ $precmd_functions[-1] == mark_prompt ]] ||
    precmd_functions=(${precmd_functions:#mark_prompt} mark_prompt)
  print -n "\e]133;D;$mark_status\a"
  [[ -n $mark_ps1 ]] || { mark_ps1=$PS1; PS1=$'%{\e]133;A\a%}'$PS1$'%{\e]133;B\a%}' }
}
mark_command() {
  PS1=$mark_ps1 mark_ps1=
  print -rn $'\e]133;C;'"$1"$'\a'
}
typeset -g mark_ps1=
precmd_functions+=(mark_begin)
"""

# VS Code: the functions are there from the start, and know by a flag whether a command ran
ZSH_MARKS_BY_FLAG = r"""
autoload -Uz add-zsh-hook
mark_prompt() {
  print -n "\e]133;D;$?\a"
  [[ -z $mark_ran ]] || { mark_ps1=$PS1 PS1=$'%{\e]133;A\a%}'$PS1$'%{\e]133;B\a%}' }
  mark_ran=
}
mark_command() { mark_ran=1 PS1=$mark_ps1; print -rn $'\e]133;C;'"$1"$'\a'; }
mark_ran=1
add-zsh-hook precmd mark_prompt
add-zsh-hook preexec mark_command
"""

FISH_MARKS = r"""
function mark_begin --on-event fish_prompt
    functions --erase mark_begin
    functions --copy fish_prompt mark_inner
    function fish_prompt
        printf '\e]133;A\a'
        mark_inner
        printf '\e]133;B\a'
    end
    function mark_command --on-event fish_preexec
        printf '\e]133;C;%s\a' "$argv"
    end
    function mark_end --on-event fish_postexec
        printf '\e]133;D;%s\a' $status
    end
end
"""

MARKS = [
    *(pytest.param(shell, MARKS_IN_PS0, id=f"{shell}-PS0") for shell in BASHES),
    *(pytest.param(shell, MARKS_BY_A_LATE_TRAP, id=f"{shell}-late trap") for shell in BASHES),
    pytest.param("bash", MARKS_OF_PREEXEC, id="bash-bash-preexec"),
    pytest.param("zsh", ZSH_MARKS, id="zsh-last place"),
    pytest.param("zsh", ZSH_MARKS_BY_FLAG, id="zsh-flag"),
    pytest.param("fish", FISH_MARKS, id="fish"),
]


def drawn(home, shell, lines, place, tool, **how):
    """Type the lines; return the output from the first prompt on, without process ids."""
    texts = {"before": IGNORE_BLANK[family(shell)] + "\n", "after": ""}
    texts[place] += tool
    terminal = home.open(shell, **texts, **how)
    for line in lines:
        terminal.run(line)
    output = PID_IN_PROMPT.sub(b"PID", terminal.output)
    terminal.leave()
    return output[output.index(b"<PID:1>") :]


def marks(output):
    """Return the marks that name a command or a status."""
    found = [(kind.decode(), text.decode()) for kind, text in MARK.findall(output)]
    return [(kind, text) for kind, text in found if kind in "CD"]


def assert_records_are_right(home, terminal, typed=LINES):
    events = [event for event in home.events() if event["command"] != "exit"]
    assert [(e["command"], e["exit_status"]) for e in events] == [line[:2] for line in RAN]
    assert [e["pipestatus"] or [e["exit_status"]] for e in events] == [line[2] for line in RAN]
    folders = [str(home.path)] * 6 + ["/tmp"] * (len(RAN) - 6)
    assert [e["cwd"] for e in events] == folders
    assert all(e["duration_us"] >= 100_000 for e in events if e["command"] == "sleep 0.1")
    waits_us = terminal.waits_us[-len(typed) :]
    most_us = [wait for line, wait in zip(typed, waits_us, strict=True) if line in RAN]
    assert all(e["duration_us"] <= most for e, most in zip(events, most_us, strict=True))


@PLACES
@pytest.mark.parametrize(("shell", "tool"), MARKS)
def test_the_marks_of_a_terminal_name_the_commands_and_statuses_of_the_user(
    home, shell, tool, place
):
    if tool == MARKS_OF_PREEXEC:
        need_list(shell)
    lines = [line for line, *_ in LINES]
    with_hook = drawn(home, shell, [*lines, PRIVATE], place, tool)
    without = drawn(home, shell, [*lines, PRIVATE], place, tool, load=NO_HOOK)
    if shell == "fish":  # (it draws a line again and again while it is typed)
        assert marks(with_hook) == marks(without)
    else:
        assert with_hook.splitlines() == without.splitlines()
    assert_records_are_right(home, home.terminals[0], [*LINES, (PRIVATE, None, None)])
    named = [text for kind, text in marks(with_hook) if kind == "C"]
    if tool != MARKS_BY_A_LATE_TRAP:  # (which names one command of a pipeline)
        assert named[: len(RAN)] == [command for command, *_ in RAN]


@pytest.mark.parametrize("shell", BASHES)
def test_a_trap_that_is_set_at_the_first_prompt_does_not_change_the_history(home, shell):
    need_list(shell)  # (without one it sees the hook once)
    lines = ["", "true a", "true a", "true b", "true b", "true b", "true c", "true c", "history"]
    tool = "HISTCONTROL=ignoreboth\n" + MARKS_BY_A_LATE_TRAP
    with_hook = drawn(home, shell, lines, "after", tool)
    (home.path / ".bash_history").unlink()
    without = drawn(home, shell, lines, "after", tool, load=NO_HOOK)
    assert with_hook.splitlines() == without.splitlines()


# atuin: a program is told each start and each end, in bash by bash-preexec; there the key is a
# macro that types the keys of a shell command
ATUIN = {
    "bash": PREEXEC
    + r"""
preexec() { last_line; other_id=$(other start "$LINE"); }
precmd() { local status=$?; [[ ! $other_id ]] || other end "$other_id" "$status"; other_id=; }
their_search() { :; }
bind -x '"\C-x\C-_T1\a": their_search'
bind '"\C-r": "\C-x\C-_T1\a\C-x\C-_T0\a"'
""",
    "zsh": r"""
autoload -Uz add-zsh-hook
other_start() { other_id=$(other start "$1"); }
other_end() { local code=$?; [[ -z $other_id ]] || other end $other_id $code; other_id=; }
add-zsh-hook preexec other_start
add-zsh-hook precmd other_end
their_search() { : }
zle -N their_search
bindkey '^R' their_search
""",
    "fish": r"""
function other_start --on-event fish_preexec; set -g other_id (other start "$argv[1]"); end
function other_end --on-event fish_postexec
    set -l code $status
    test -n "$other_id"; and other end $other_id $code
    set -e other_id
end
function their_search; end
bind \cr their_search
""",
}
OTHER = r"""#!/bin/sh
if [ "$1" = start ]; then
  echo "$2" >>"$HOME/starts"
  wc -l <"$HOME/starts" | tr -d ' '
else
  echo "$2 $3" >>"$HOME/ends"
fi
"""


@PLACES
def test_two_recorders_both_record_and_the_one_that_is_loaded_last_has_ctrl_r(home, shell, place):
    need_list(shell)
    program = home.path / "other"
    program.write_text(OTHER)
    program.chmod(0o700)
    path = {"fish": f"set -p PATH {home.path}\n"}.get(shell, f"PATH={home.path}:$PATH\n")
    texts = {"before": f"{IGNORE_BLANK[family(shell)]}\n{path}", "after": ""}
    texts[place] += ATUIN[family(shell)]
    terminal = home.open(shell, **texts)
    for line, *_ in LINES:
        terminal.run(line)
    told = terminal.run(f"{HX} doctor")
    terminal.leave()
    assert ("Ctrl-R calls their_search" in told) == (place == "after")
    starts = (home.path / "starts").read_text().splitlines()
    ends = dict(line.split() for line in (home.path / "ends").read_text().splitlines())
    theirs = [(text, int(ends[f"{number}"])) for number, text in enumerate(starts[:-2], 1)]
    assert theirs == [line[:2] for line in RAN]
    ours = [status for status in home.statuses() if status[0] not in {"exit", f"{HX} doctor"}]
    assert ours == theirs


# the subshell of Midnight Commander: it types lines of its own, which begin with a blank, and at
# each prompt the shell tells the folder
COMMANDER = {
    "bash": " PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\\n'}'pwd >>folders; true'",
    "zsh": " commander() { pwd >>~/folders }; precmd_functions+=(commander)",
    "fish": " function commander --on-event fish_prompt; pwd >>~/folders; end",
}


def test_the_lines_that_midnight_commander_types_are_not_recorded(home, shell):
    terminal = home.open(shell, before=IGNORE_BLANK[family(shell)])
    terminal.run(COMMANDER[family(shell)].replace(">>folders", ">>~/folders"))
    for line, *_ in LINES:
        terminal.run(line)
    terminal.leave()
    assert_records_are_right(home, terminal)
    folders = (home.path / "folders").read_text().splitlines()
    assert folders[-1] == "/tmp"
    assert len(folders) in {len(LINES), len(LINES) + 1}
