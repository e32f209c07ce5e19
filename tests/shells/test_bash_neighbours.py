"""Beside tools that watch every command of bash: each sees what it sees without the hook.

The tools are small doubles of how the real ones hook into bash, written for these tests.
"""

import re

import pytest

from shells.spool_records import processes_of
from shells.terminal import PID_IN_PROMPT, SHELLS, has_list, hook, need_list, program

BASHES = [shell for shell in SHELLS if shell.startswith("bash")]
pytestmark = pytest.mark.parametrize("shell", BASHES)

NO_HOOK = "true"
PLACES = pytest.mark.parametrize("place", ["before", "after"])
HISTORY = "HISTCONTROL=ignorespace\n"

# twenty prompts and more: some tools repair PROMPT_COMMAND at each
LINES = [
    "true a",
    "",
    "false b",
    "false | true",
    "(exit 3)",
    "(exit 4) | true",
    " true private",
    "# note",
    "cd /tmp",
    "sleep 0.25",
    "echo $?",
    "false",
    'echo "$? ${PIPESTATUS[*]} $_"',
    *(f"true {number}" for number in range(6)),
    *(f"(exit {number}) | true" for number in range(5, 10)),
]
RECORDED = [line for line in LINES if line[:1] not in {"", " ", "#"}]


@pytest.fixture
def prompt_list(shell):
    """Skip the test where PROMPT_COMMAND is no list."""
    need_list(shell)


def drawn(home, shell, lines, **how):
    """The lines of the output from the first prompt on, without process ids."""
    terminal = home.open(shell, **how)
    for line in lines:
        terminal.run(line)
    output = PID_IN_PROMPT.sub(b"PID", terminal.output)
    terminal.leave()
    return output[output.index(b"<PID:1>") :].splitlines()


def assert_unseen(home, shell, lines=LINES, before="", after=""):
    """Expect that all that is drawn is the same with and without the hook."""
    how = {"before": HISTORY + before, "after": after}
    with_hook = drawn(home, shell, lines, **how)
    assert with_hook == drawn(home, shell, lines, load=NO_HOOK, **how)


def assert_records_are_right(home, *, with_pipes=True):
    """Expect each command with its outcome; `with_pipes` False: no pipestatus is known."""
    events = {event["command"]: event for event in home.events()}
    assert [command for command in home.commands() if command != "exit"] == RECORDED
    assert {command: events[command]["exit_status"] for command in RECORDED} == {
        command: 1 if command.startswith("false") and "|" not in command else
        3 if command == "(exit 3)" else 0
        for command in RECORDED
    }  # fmt: skip
    pipes = {c: events[c]["pipestatus"] for c in RECORDED if c.startswith("(exit") and "|" in c}
    assert pipes == {c: [int(c[6]), 0] if with_pipes else None for c in pipes}
    assert events["sleep 0.25"]["duration_us"] >= 250_000
    assert events["echo $?"]["cwd"] == "/tmp"


TITLE = 'trap \'printf "\\e]0;%s\\a" "$BASH_COMMAND"\' DEBUG\n'
IDLE = "PROMPT_COMMAND='printf \"\\e]0;idle\\a\"'\n"
TIMER = """
begin() { [[ $begun ]] || begun=$BASH_COMMAND; }
finish() { printf '{%s %s}' "$?" "$begun"; begun=; }
PROMPT_COMMAND=finish
trap begin DEBUG
"""
ARRAY = "PROMPT_COMMAND=('echo \"[$? ${PIPESTATUS[*]}]\"' 'echo \"[$? ${PIPESTATUS[*]}]\"')\n"
ERR = "set -E; trap 'echo \"ERR $BASH_COMMAND\"' ERR\n"


@pytest.mark.parametrize("trap", ["", TITLE, IDLE + TITLE, TIMER, ERR + TITLE, ERR + IDLE + TITLE])
def test_debug_traps_titles_and_timers_see_what_they_see_without_the_hook(home, shell, trap):
    assert_unseen(home, shell, before=trap)
    assert_records_are_right(home)


@pytest.mark.parametrize("trap", ["", TITLE, ERR])
def test_each_element_of_a_list_sees_status_and_pipestatus(home, shell, prompt_list, trap):
    assert_unseen(home, shell, before=trap + ARRAY)
    assert_records_are_right(home)


@pytest.mark.parametrize("trap", ["", TITLE, ERR, ERR + TITLE])
def test_a_prompt_command_of_one_string_sees_the_status(home, shell, trap):
    assert_unseen(home, shell, before=trap + "PROMPT_COMMAND='echo \"[$?]\"'\n")
    assert_records_are_right(home)


def test_a_debug_trap_that_is_set_after_the_hook_does_not_see_it(home, shell):
    assert_unseen(home, shell, after=TITLE)
    assert_records_are_right(home)


@pytest.mark.parametrize("option", ["set -T", "shopt -s extdebug"])
def test_a_debug_trap_that_functions_inherit_is_no_trouble(home, shell, option):
    silent = 'trap \'printf "\\e]0;%s\\a" "$BASH_COMMAND" 2>/dev/null; true\' DEBUG\n'
    lines = [line for line in LINES if "|" not in line]  # (its output would go into the pipe)
    assert_unseen(home, shell, lines, before=f"{option}\n{silent}")
    recorded = [line for line in RECORDED if "|" not in line]
    assert [command for command in home.commands() if command != "exit"] == recorded


def test_a_debug_trap_costs_one_process_a_command_and_its_end_none(home, shell):
    terminal = home.open(shell, before=TITLE)
    terminal.run("true one")
    terminal.run("trap - DEBUG")
    terminal.run("true two")
    terminal.run("echo traced $__hx_traced")
    assert "traced 0" in terminal.screen()
    assert home.commands()[:3] == ["true one", "trap - DEBUG", "true two"]


# what the integration of an editor does: the prompt sets a flag, and the first command after it is
# taken for the line; what was in PROMPT_COMMAND runs within a function
EDITOR = r"""
editor_began() {
  [[ $editor_ready ]] || return 0
  editor_ready= editor_line=$BASH_COMMAND
  [[ $editor_line != editor_prompt* ]] || editor_line=
  printf '\e]633;E;%s\a' "$editor_line"
}
editor_status() { return "$1"; }
editor_prompt() {
  local status=$? each
  editor_status "$status"
  for each in "${editor_taken[@]}"; do eval "$each"; done
  printf '\e]633;D;%s\a' "${editor_line:+$status}"
  editor_line= editor_ready=1
}
editor_taken=${PROMPT_COMMAND-}
PROMPT_COMMAND=editor_prompt
trap editor_began DEBUG
"""


@PLACES
@pytest.mark.parametrize("prompt_command", ["", "PROMPT_COMMAND='printf idle'\n"])
def test_the_marks_of_an_editor_name_the_commands_of_the_user(home, shell, place, prompt_command):
    texts = {"before": "", "after": ""}
    texts[place] = EDITOR
    assert_unseen(home, shell, before=prompt_command + texts["before"], after=texts["after"])
    assert_records_are_right(home, with_pipes=place == "before" or has_list(shell))


def test_a_tool_that_runs_a_copy_of_the_whole_list_sees_no_more_than_without_the_hook(
    home, shell, prompt_list
):
    """bash runs the last place once more after it, because only the first one was replaced."""
    whole = EDITOR.replace("=${PROMPT_COMMAND-}", '=("${PROMPT_COMMAND[@]}")')
    assert_unseen(home, shell, after=whole)
    assert_records_are_right(home)


def test_an_element_of_the_system_beside_an_editor_is_seen_as_without_the_hook(
    home, shell, prompt_list
):
    """systemd adds an element in a profile; the editor takes the first element only."""
    system = (
        "PROMPT_COMMAND=('true one')\nsystem() { printf '[%s]' $?; }\nPROMPT_COMMAND+=(system)\n"
    )
    assert_unseen(home, shell, before=system, after=EDITOR)
    assert_records_are_right(home)


def test_beside_an_editor_that_runs_the_hook_a_repeated_command_is_recorded(
    home, shell, prompt_list
):
    terminal = home.open(shell, before="HISTCONTROL=ignoreboth", after=EDITOR)
    for line in ["true a", "true b", "true c", "true c", "true c"]:
        terminal.run(line)
    assert home.commands() == ["true a", "true b", "true c", "true c", "true c"]


# a prompt that takes the place of PROMPT_COMMAND, and runs what was there: with a DEBUG trap for
# its timer as it was once, and with PS0 as it is now
PROMPT_TOOL = r"""
tool_ready=1
tool_start() { [[ ! $tool_ready ]] || { tool_ready= tool_begun=1; }; }
tool_prompt() {
  local status=$?
  local pipe=("${PIPESTATUS[@]}")
  (exit "$status")
  eval "${tool_taken-}"
  printf '{%s %s %s}' "$status" "${pipe[*]}" "${tool_begun-}"
  tool_begun= tool_ready=1
}
tool_taken=${PROMPT_COMMAND-}
PROMPT_COMMAND=tool_prompt
"""
OLD, NEW = "trap tool_start DEBUG\n", "PS0='${tool_begun:$((tool_begun=1,0)):0}'${PS0-}\n"


@PLACES
@pytest.mark.parametrize("clock", [OLD, NEW])
@pytest.mark.parametrize("prompt_command", ["", "PROMPT_COMMAND='echo \"[$?]\"'\n"])
def test_a_prompt_tool_gets_status_pipestatus_and_time(home, shell, place, clock, prompt_command):
    texts = {"before": "", "after": ""}
    texts[place] = PROMPT_TOOL + clock
    assert_unseen(home, shell, before=prompt_command + texts["before"], after=texts["after"])
    assert_records_are_right(home, with_pipes=place == "before" or has_list(shell))


# how often the hook looks after its places, and how often it does its work
COUNTERS = r"""
for each in __hx_mend __hx_await_line; do
  eval "$(declare -f "$each" | sed '1s/^/counted/')"
  eval "$each() { ((n$each += 1)); counted$each; }"
done
"""


def counted(terminal):
    """Return the numbers of calls of __hx_mend and __hx_await_line at five prompts."""
    show = "echo at $((n__hx_mend)) $((n__hx_await_line))"
    terminal.run("true 1")
    before = re.findall(r"at (\d+) (\d+)", terminal.run(show))[-1]
    for number in range(2, 6):
        terminal.run(f"true {number}")
    after = re.findall(r"at (\d+) (\d+)", terminal.run(show))[-1]
    return tuple(int(end) - int(start) for start, end in zip(before, after, strict=True))


@PLACES
def test_beside_a_prompt_tool_the_hook_works_once_a_prompt(home, shell, prompt_list, place):
    texts = {"before": "", "after": ""}
    texts[place] = PROMPT_TOOL + NEW
    terminal = home.open(shell, before=texts["before"], after=texts["after"] + COUNTERS)
    assert counted(terminal) == (0, 5)


# liquidprompt: the last element of PROMPT_COMMAND is its own, and so tells that a prompt begins
LIQUIDPROMPT = r"""
__lp_set_prompt() { printf '{%s %s}' "$?" "${lp_timed-}"; lp_timed=; }
lp_before() {
  if [[ ${PROMPT_COMMAND[-1]} == *"$BASH_COMMAND" ]]; then lp_at_prompt=1; return; fi
  [[ $lp_at_prompt ]] || return 0
  lp_at_prompt=
  [[ $PROMPT_COMMAND == "$BASH_COMMAND"* ]] || lp_timed+=$BASH_COMMAND
}
PROMPT_COMMAND+=(__lp_set_prompt)
trap lp_before DEBUG
"""


@PLACES
def test_liquidprompt_times_each_command_once(home, shell, prompt_list, place):
    assert_unseen(home, shell, **{place: LIQUIDPROMPT})
    assert_records_are_right(home)


# bash-preexec as it is now: it installs itself at the first prompt, and at each prompt it puts its
# own back to the first and the last place
BASH_PREEXEC = r"""
__bp_imported=defined bash_preexec_imported=defined bp_first='__bp_precmd_invoke_cmd "$_"'
__bp_interactive_mode() { ((${#FUNCNAME[*]} > 1)) && [[ ${1-} != force ]] || bp_ready=1; }
__bp_debug() {
  [[ $bp_ready ]] || return 0
  bp_ready=
  local each IFS=$'\n;'
  for each in ${PROMPT_COMMAND[*]}; do [[ $each != "$BASH_COMMAND" ]] || return 0; done
  for each in "${preexec_functions[@]}"; do "$each" "$BASH_COMMAND"; done
}
__bp_place() {
  local IFS=$'\n' each kept=()
  local all="${PROMPT_COMMAND[*]}"
  [[ $all != "$bp_first"$'\n'* || $all != *$'\n__bp_interactive_mode' ]] || return 1
  for each in "${PROMPT_COMMAND[@]}"; do
    each=${each//"$bp_first"/} each=${each//__bp_interactive_mode/}
    each=${each//'__bp_install "$_"'/}
    while [[ $each == $'\n'* ]]; do each=${each:1}; done
    [[ ! $each ]] || kept+=("$each")
  done
  PROMPT_COMMAND=("$bp_first${kept:+$'\n'$kept}" "${kept[@]:1}" __bp_interactive_mode)
}
__bp_status() { return "$1"; }
__bp_precmd_invoke_cmd() {
  bp_status=$? BP_PIPESTATUS=("${PIPESTATUS[@]}")
  __bp_place || ((${#FUNCNAME[*]} == 1)) || [[ ${1-} == force ]] || return 0
  __bp_invoke_precmd_functions
  __bp_status "$bp_status"
}
__bp_invoke_precmd_functions() {
  local each
  for each in "${precmd_functions[@]}"; do __bp_status "$bp_status"; "$each"; done
}
__bp_install() {
  trap __bp_debug DEBUG
  __bp_precmd_invoke_cmd force
  __bp_interactive_mode force
}
PROMPT_COMMAND+=('__bp_install "$_"')
precmd() { printf '{%s %s}' "$?" "${BP_PIPESTATUS[*]}"; [[ $bp_line != *more ]] || sleep 0.1; }
preexec() { bp_line=$1; printf '{%s}' "$1"; }
precmd_functions+=(precmd) preexec_functions+=(preexec)
"""


@PLACES
@pytest.mark.parametrize("prompt_command", ["", "PROMPT_COMMAND=true\n", "PROMPT_COMMAND=\n"])
def test_bash_preexec_has_its_places_and_the_hook_is_the_first_of_its_functions(
    home, shell, prompt_list, place, prompt_command
):
    texts = {"before": "", "after": ""}
    texts[place] = BASH_PREEXEC
    lines = LINES + [f"true {number} more" for number in range(8)]
    assert_unseen(home, shell, lines, prompt_command + texts["before"], texts["after"])
    events = [event for event in home.events() if event["command"] != "exit"]
    assert [event["command"] for event in events[: len(RECORDED)]] == RECORDED
    pipes = [(e["command"], e["pipestatus"]) for e in events if e["command"].startswith("(exit 9")]
    assert pipes == [("(exit 9) | true", [9, 0])]
    short = [event["duration_us"] for event in events if event["command"].endswith("more")]
    assert len(short) == 8
    assert sorted(short)[4] < 100_000  # (precmd takes longer than that here)


@PLACES
def test_beside_bash_preexec_the_hook_looks_at_its_places_only_when_they_change(
    home, shell, prompt_list, place
):
    texts = {"before": "", "after": ""}
    texts[place] = BASH_PREEXEC
    terminal = home.open(shell, before=texts["before"], after=texts["after"] + COUNTERS)
    assert counted(terminal) == (0, 5)
    terminal.run("precmd_functions=(precmd)")
    terminal.run("true new list")
    terminal.run("PROMPT_COMMAND+=(true)")
    terminal.run("true longer")
    terminal.run("false")
    assert counted(terminal) == (0, 5)
    assert home.statuses()[-9:-6] == [("true longer", 0), ("false", 1), ("true 1", 0)]


# ble.sh reads and runs the lines itself, and tells before and after each
BLE = r"""
BLE_VERSION=0.4.0 _ble_version=400
blehook() { local name=${1%%!=*}; declare -ga "ble_$name+=(${1#*!=})"; }
ble_hooks() { local each; for each in "${@:2}"; do ble_status "$ble_code"; "$each" "$1"; done; }
ble_status() { return "$1"; }
ble-attach() {
  BLE_ATTACHED=1
  local line prompt
  while :; do
    for prompt in "${PROMPT_COMMAND[@]}"; do eval "$prompt"; done
    printf '<%07d:%s> ' "$$" "$((hx_test_n = ${hx_test_n-0} + 1))"
    IFS= read -re line || exit
    [[ $line ]] || continue
    history -s -- "$line"
    ble_hooks "$line" "${ble_PREEXEC[@]}"
    : "${PS0@P}"
    ble_code=${ble_code-0}
    eval "$line"
    ble_code=$? BLE_PIPESTATUS=("${PIPESTATUS[@]}")
    ble_hooks "$line" "${ble_POSTEXEC[@]}"
  done
}
"""


@PLACES
def test_under_ble_sh_its_own_hooks_tell_the_lines(home, shell, place):
    texts = {"before": "", "after": ""}
    texts[place] = BLE
    texts["after"] += "ble-attach"
    terminal = home.open(shell, before=texts["before"], after=texts["after"])
    for line in ["true a", "true a", "false b", "(exit 3) | true", " true private", "cd /tmp"]:
        terminal.run(line)
    terminal.run("sleep 0.2")
    terminal.leave()
    events = [event for event in home.events() if event["command"] != "exit"]
    assert [(event["command"], event["exit_status"]) for event in events] == [
        ("true a", 0),
        ("true a", 0),
        ("false b", 1),
        ("(exit 3) | true", 0),
        ("cd /tmp", 0),
        ("sleep 0.2", 0),
    ]
    assert events[-1]["cwd"] == "/tmp"
    assert events[-1]["duration_us"] >= 200_000


def test_an_old_ble_sh_is_not_recorded_and_doctor_and_status_say_so(home, shell):
    old = BLE.replace("_ble_version=400", "_ble_version=399") + "ble-attach"
    terminal = home.open(shell, after=old)
    terminal.run("true a")
    terminal.run("true b")
    words = home.hx("doctor").args[0]
    terminal.run(f"{words} doctor")
    terminal.run(f"{words} status")
    said = "its ble.sh is too old to hand over the lines"
    assert any(line.endswith(f"this shell is not recorded: {said}") for line in terminal.screen())
    assert f"capture   off: this shell is not recorded: {said}" in terminal.screen()
    assert home.commands() == []


@pytest.mark.parametrize("when", ["from the start", "later"])
def test_a_restricted_shell_is_silent(home, shell, when):
    lines = ["true a", "set -r", "true b", "true c"]
    if when == "from the start":
        terminal = home.open(shell, "-r", env={"HX_SESSION": "outer"})
    else:
        terminal = home.open(shell)
    for line in lines:
        terminal.run(line)
    terminal.leave("exit 5")
    screen = [line for line in terminal.screen() if not line.startswith("<")]
    assert screen == ["exit"]
    assert terminal.child.exitstatus == 5
    # (from 5.3 on the start of a line is recorded, before it runs)
    assert home.commands() in ([[]] if "start" in when else [["true a"], ["true a", "set -r"]])


def test_without_its_functions_the_hook_is_silent(home, shell):
    terminal = home.open(shell)
    for line in ["true a", "unset -f $(compgen -A function)", "true b", "", "false"]:
        terminal.run(line)
    terminal.leave("exit 5")
    assert [line for line in terminal.screen() if not line.startswith("<")] == ["exit"]
    assert terminal.child.exitstatus == 5


def test_while_the_rc_file_is_read_there_is_no_exit_trap(home, shell):
    terminal = home.open(shell, after='[[ ! $(trap -p EXIT) ]] && trap "echo theirs" EXIT')
    terminal.run("true a")
    terminal.leave()
    assert "theirs" in terminal.screen()
    assert home.commands() == ["true a", "exit"]


def test_an_exit_trap_sees_the_status_of_the_shell(home, shell):
    for trap in ("", TITLE):
        terminal = home.open(shell, before=trap + "trap 'echo status $?' EXIT")
        terminal.run("true a")
        terminal.leave("exit 7")
        assert "status 7" in terminal.screen()


@pytest.mark.parametrize("option", ["-i", "-ui"])
@pytest.mark.parametrize("child", BASHES)
def test_what_is_exported_is_silent_in_a_shell_without_the_hook(home, shell, child, option):
    terminal = home.open(shell, before="export PS0='[ps0]' PROMPT_COMMAND='printf [pc]'")
    marker = "<$(printf %07d $$):$((hx_test_n=${hx_test_n-0}+1))> "
    terminal.type(f"PS1='{marker}' {program(child)} --norc {option}\r")
    terminal.prompt()
    terminal.run("true x")
    terminal.run("true y")
    noise = [line for line in terminal.screen() if "hx" in line and "hx_test_n" not in line]
    assert noise == []
    assert not [line for line in terminal.screen() if "bash:" in line or "bash-5" in line[:8]]


@pytest.mark.parametrize("child", BASHES)
def test_what_is_exported_is_replaced_in_a_shell_with_the_hook(home, shell, child):
    terminal = home.open(shell, before="export PS0='[ps0]'")
    terminal.run("true outer")
    terminal.run(f"{program(child)} -i")
    terminal.run("true inner")
    commands = [command for command in home.commands() if not command.endswith(" -i")]
    assert commands == ["true outer", "true inner"]
    assert not [line for line in terminal.screen() if "bad substitution" in line]


EDITED = ["true one", "false two", "for i in 1 2; do true $i; done"]


@pytest.mark.parametrize("setting", ["", TITLE, "PROMPT_COMMAND='history -a; history -n'"])
def test_lines_written_in_an_editor_are_recorded_with_unknown_outcome(home, shell, setting):
    if setting == TITLE and not has_list(shell):
        pytest.skip("a limit of bash 5.0: the last place does not run beside a DEBUG trap")
    editor = home.path / "editor"
    editor.write_text("#!/bin/sh\ncat >$1 <<'E'\n" + "\n".join(EDITED) + "\nE\n")
    editor.chmod(0o755)
    terminal = home.open(shell, before=setting, env={"EDITOR": str(editor), "VISUAL": ""})
    terminal.run("true before")
    for after in ("", "true after"):
        terminal.type(b"\x18\x05")
        terminal.until(b"done\r\n")
        terminal.until(b"<")
        terminal.run(after)
    terminal.run(")")
    terminal.run("# note")
    unknown = [(line, None) for line in EDITED]
    assert home.statuses() == [("true before", 0), *unknown, *unknown, ("true after", 0)]


@pytest.mark.parametrize("key", [b"\r", b"\t"])
def test_a_picked_text_runs_as_it_is_shown(home, shell, key):
    terminal = home.open(shell)
    for line in ["set +H", "echo 'do''ne!!'", "set -H", "echo a''b"]:
        terminal.run(line)
    terminal.type(b"\x12")
    terminal.until(b"F1 help")
    terminal.type(b"ne!")
    terminal.until(b"of 4")
    terminal.type(key)
    if key == b"\t":
        terminal.until(rb"\x1b\[J")
        terminal.type(b"\r")
    assert "\ndone!!" in terminal.prompt().replace("\r", "\n")
    assert home.commands()[-1] == "echo 'do''ne!!'"
    assert "echo a''b" in terminal.run("echo !-2")  # it is on again


CONTROLS = ["ignoredups:erasedups", "ignoreboth:erasedups", "erasedups"]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    "prompt_command",
    ["", "history -a", "history -a; history -n", "history -a; history -c; history -r"],
)
def test_the_history_file_is_what_it_would_be_without_the_hook(
    home, shell, control, prompt_command
):
    history = home.path / ".bash_history"
    before = f"HISTCONTROL={control}\nPROMPT_COMMAND='{prompt_command}'"
    files = []
    for load in (hook(shell, str(home.hx_home)), NO_HOOK):
        history.write_text("".join(f"old {number}\n" for number in range(8)))
        terminal = home.open(shell, before=before, load=load)
        for line in ["true a", "true a", "true b", " true p", "true a", "true a", "old 1"]:
            terminal.run(line)
        terminal.leave()
        files.append(history.read_text())
    assert files[0] == files[1]
    assert {"true a", "true b"} <= set(home.commands())


def test_exit_is_ended_by_the_end_of_the_session(home, shell):
    terminal = home.open(shell)
    terminal.run("true a")
    terminal.leave("exit 3")
    last = home.hx("find", "exit 3").stdout
    assert "exit 3" in last
    assert "…" not in last


def test_whoever_runs_prompt_command_himself_sees_the_status(home, shell, prompt_list):
    terminal = home.open(shell)
    terminal.run("true a")
    terminal.run(
        '(exit 6); for each in "${PROMPT_COMMAND[0]}"; do eval "$each"; done; echo "is $?"'
    )
    assert "is 6" in terminal.screen()


@pytest.mark.parametrize("trap", ["", TITLE])
def test_prompt_command_that_runs_in_a_subshell_records_nothing(home, shell, trap):
    terminal = home.open(shell, before=trap)
    lines = ['(for each in "${PROMPT_COMMAND[@]}"; do eval "$each"; done; exit 6)', "true b"]
    for line in lines:
        terminal.run(line)
    terminal.leave()
    assert home.statuses()[:2] == [(lines[0], 6), (lines[1], 0)]


def test_prompt_command_that_runs_in_a_subshell_does_not_run_the_exit_trap_of_the_shell(
    home, shell
):
    own = 'echo $(for each in "${PROMPT_COMMAND[@]}"; do eval "$each"; done)'
    terminal = home.open(shell, before="trap 'echo \"{$$ $BASHPID}\"' EXIT", after=own)
    terminal.leave()
    assert [line for line in terminal.screen() if "{" in line] == [
        f"{{{terminal.pid} {terminal.pid}}}"
    ]


def test_a_tool_that_adds_to_the_last_element_of_prompt_command_by_its_number_is_no_trouble(
    home, shell, prompt_list
):
    adds = "PROMPT_COMMAND[${#PROMPT_COMMAND[@]}-1]+='; echo after'"
    terminal = home.open(shell, before="PROMPT_COMMAND='echo before'", after=adds)
    terminal.run("true a")
    shown = [line for line in terminal.screen() if "<" not in line]
    assert shown == ["before", "after"] * 2
    assert home.commands() == ["true a"]


def test_a_line_that_assigns_prompt_command_is_recorded_and_so_is_the_next(
    home, shell, prompt_list
):
    terminal = home.open(shell)
    lines = ["true a", "PROMPT_COMMAND=true", "true | (exit 3)", "true c"]
    for line in lines:
        terminal.run(line)
    assert home.statuses() == list(zip(lines, [0, 0, 3, 0], strict=True))
    assert home.events()[2]["pipestatus"] == [0, 3]


def test_an_alias_that_is_a_keyword_is_no_trouble(home, shell):
    terminal = home.open(shell, before="alias for=false do=false done=false")
    terminal.run("true a")
    terminal.run("(exit 3) | true")
    assert len(terminal.screen()) == 3
    assert home.statuses() == [("true a", 0), ("(exit 3) | true", 0)]


def test_a_line_that_may_set_a_debug_trap_costs_a_process_at_each_look(home, shell):
    with processes_of(home, shell) as count:
        for line in ["true one", "eval true", "true two", "true three"]:
            count.terminal.run(line)
    # (from 5.3 on the hook sees the line before it runs, and looks again at the next line)
    assert count.processes == (2 if shell == "bash 5.3" else 1)
