"""The hook together with other tools that hook into the shell, loaded before or after it."""

import pytest

from shells.terminal import family, has_list, need_list, program

BASHES = pytest.mark.parametrize("shell", ["bash", "bash 5.3"])
PLACES = pytest.mark.parametrize("place", ["before", "after"])


def init(tool, words, shell):
    """Return the line of an rc file that loads the tool."""
    command = f"{program(tool)} {words} {family(shell)}"
    return f"{command} | source" if family(shell) == "fish" else f'eval "$({command})"'


@PLACES
def test_zoxide_still_records_folders(home, shell, place):
    terminal = home.open(shell, **{place: init("zoxide", "init", shell)})
    terminal.run("cd /usr")
    terminal.run("false")
    terminal.run(f"zoxide query -l > {home.path}/folders")
    assert "/usr" in (home.path / "folders").read_text()
    assert [status for _, status in home.statuses()] == [0, 1, 0]


@PLACES
def test_direnv_still_loads_its_files(home, shell, place):
    terminal = home.open(shell, **{place: init("direnv", "hook", shell)})
    (home.path / "project").mkdir()
    (home.path / "project/.envrc").write_text("export LOADED=by-direnv\n")
    terminal.run("direnv allow project")
    terminal.run("cd project")
    terminal.run("echo $LOADED > seen")
    assert (home.path / "project/seen").read_text() == "by-direnv\n"
    assert home.commands() == ["direnv allow project", "cd project", "echo $LOADED > seen"]


# bash-preexec in short: it installs itself at the first prompt, from the first (or only) element of
# PROMPT_COMMAND; what a DEBUG trap sees first after __bp_interactive_mode is the line of the user
BASH_PREEXEC = r"""
__bp_imported=defined
__bp_interactive_mode() { bp_mode=on; }
__bp_precmd_invoke_cmd() {
  bp_last=$? BP_PIPESTATUS=("${PIPESTATUS[@]}")
  bp_status="$bp_last ${BP_PIPESTATUS[*]}"
  for bp_each in "${precmd_functions[@]}"; do (exit "$bp_last"); "$bp_each"; done
}
__bp_debug() {
  [[ $bp_mode ]] || return 0
  bp_mode=
  [[ $'\n'$PROMPT_COMMAND$'\n' == *$'\n'"$BASH_COMMAND"$'\n'* ]] || seen+=" $BASH_COMMAND,"
}
bp_string=$'trap - DEBUG\n__bp_install'
__bp_install() {
  [[ $PROMPT_COMMAND != *__bp_precmd_invoke_cmd* ]] || return 1
  trap __bp_debug DEBUG
  PROMPT_COMMAND=$'__bp_precmd_invoke_cmd\n'${PROMPT_COMMAND//"$bp_string"}
  if [[ '%s' ]]; then PROMPT_COMMAND+=(__bp_interactive_mode)
  else PROMPT_COMMAND+=$'\n__bp_interactive_mode'; fi
  __bp_precmd_invoke_cmd
  __bp_interactive_mode
}
PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}$bp_string
"""


@BASHES
@PLACES
@pytest.mark.parametrize("as_a_list", ["", "1"])
def test_bash_preexec_still_sees_every_line(home, shell, place, as_a_list):
    if as_a_list:
        need_list(shell)
    terminal = home.open(shell, **{place: BASH_PREEXEC % as_a_list})
    for line in ["true first", "false two | true", "true three", "", "true four"]:
        terminal.run(line)
    terminal.run('echo "saw:$seen status:$bp_status"')
    saw = next(line for line in terminal.screen() if line.startswith("saw:"))
    assert "false two, true three, true four, echo" in saw
    assert saw.endswith("status:0 0")
    assert home.statuses()[:3] == [("true first", 0), ("false two | true", 0), ("true three", 0)]
    assert home.events()[1]["pipestatus"] == [1, 0]


# starship has had two ways: to add itself to the first element, and to take what it finds along
STARSHIP = [
    'PROMPT_COMMAND="${PROMPT_COMMAND%;};prompt_of_tool;"; PROMPT_COMMAND=${PROMPT_COMMAND#;}',
    "TAKEN=$PROMPT_COMMAND; PROMPT_COMMAND=prompt_of_tool; PS0='${TOOL:$((TOOL=1,0)):0}'${PS0-}",
]


@BASHES
@PLACES
@pytest.mark.parametrize("way", STARSHIP)
def test_the_prompt_of_another_tool_still_gets_status_and_pipestatus(home, shell, place, way):
    function = """
        status_is() { return "$1"; }
        prompt_of_tool() { told="$? ${PIPESTATUS[*]}"; status_is "${told%% *}"; eval "${TAKEN-}"; }
        TOOL=1
    """
    terminal = home.open(shell, **{place: function + way})
    terminal.run("true zero")
    terminal.run("(exit 3) | (exit 4)")
    terminal.run('echo "told: $told"')
    assert home.statuses()[:2] == [("true zero", 0), ("(exit 3) | (exit 4)", 4)]
    if has_list(shell):
        assert "told: 4 3 4" in terminal.screen()
        assert home.events()[1]["pipestatus"] == [3, 4]
    else:  # in one string with the commands of others, either they or the hook see it
        assert {"told: 4 4", "told: 4 3 4"} & set(terminal.screen())
        assert home.events()[1]["pipestatus"] in [None, [3, 4]]
