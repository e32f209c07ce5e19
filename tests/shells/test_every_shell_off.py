"""`hx init SHELL --off` leaves the running shell as it was before the hook."""

import pytest

from shells.terminal import HX, family, has_list, hook

NO_HOOK = ":"

# Prints what the hook could have changed; lines that say nothing of hx may differ by themselves.
STATE = {
    "bash": r"""
state() {
  declare -F
  declare -p PS0 PROMPT_COMMAND HISTCONTROL HX_SESSION HX_LINE
  compgen -v | grep -i hx_ | grep -v hx_test
  trap -p
  for map in emacs-standard vi-insert vi-command; do
    # (before 5.3 a key stays the beginning of others when these are gone)
    bind -m $map -p | grep -v '^#' | sed 's/^"\\C-x\\000"/"\\C-x"/' | sort
    bind -m $map -s; bind -m $map -X
  done
}
""",
    "zsh": r"""
state() {
  print -l ${(ok)functions}
  typeset -p preexec_functions precmd_functions zshaddhistory_functions zshexit_functions HX_SESSION
  print -l ${(ok)parameters[(I)(__hx|HX)_*]}
  trap
  for map in emacs viins vicmd; do bindkey -M $map; done
  zle -la
}
""",
    "fish": r"""
function state
  functions --all --names
  set --names | string match -ei hx_ | string match -v 'hx_test*'
  bind --user
  functions --handlers
end
""",
}
OWN = {
    "bash": [
        "",
        "PROMPT_COMMAND='true mine'; HISTCONTROL=ignoreboth",
        "PROMPT_COMMAND=('true a' 'true b'); HISTCONTROL=erasedups:ignoredups; PS0=$'\\e[m'",
        "trap 'echo bye' EXIT; set -o vi",
        "trap 'true bye' EXIT; PROMPT_COMMAND='true mine'; set -k",
        r"""bind '"\C-r": "abc"'; bind -m vi-insert -x '"\C-r": "echo \"x\""'""",
        r"""bind '"\e[A": "up"'; bind -m vi-command '"\eOA": "\C-p"'""",
    ],
    "zsh": [
        "",
        "precmd_functions=(true); zshexit() { true }; bindkey -s '^R' 'abc^M'",
        "bindkey -v; zle -N mine true; bindkey '^R' mine; bindkey -M vicmd / mine",
    ],
    "fish": ["", "bind \\cr 'echo mine'; bind -M insert \\e\\[A 'echo up'"],
}
UNLOAD = {
    "bash": 'eval "$({} init bash --off)"',
    "zsh": 'eval "$({} init zsh --off)"',
    "fish": "{} init fish --off | source",
}


def state(home, terminal, name):
    terminal.run(f"state >{name} 2>&1")
    return (home.path / name).read_text().splitlines()


@pytest.mark.parametrize(
    ("shell", "own"),
    [(s, own) for s in ("bash", "bash 5.3", "zsh", "fish") for own in OWN[family(s)]],
)
def test_nothing_of_the_hook_is_left(home, shell, own):
    name = family(shell)
    terminal = home.open(shell, before=STATE[name] + own, load=NO_HOOK)
    before = state(home, terminal, "before")
    with_up = hook(shell, str(home.hx_home)).replace("in ctrl-r;", "in ctrl-r up;")
    (home.path / "hook").write_text(with_up.replace("contains up ctrl-r", "contains up up"))
    terminal.run("source ~/hook")
    terminal.run("true recorded")
    loaded = state(home, terminal, "loaded")
    assert any("hx_" in line for line in loaded)
    terminal.run(UNLOAD[name].format(HX))
    terminal.run("true unrecorded")
    after = state(home, terminal, "after")
    if not has_list(shell):
        # bash 5.0 keeps the commands of `bind -x` whose keys are gone, and without any command it
        # lists the macros in their place
        after = sorted({line for line in after if '": "__hx_pick' not in line})
        before = sorted(set(before))
    assert after == before
    assert home.commands()[:1] == ["true recorded"]
    assert "true unrecorded" not in home.commands()
    terminal.leave()
    assert [line for line in terminal.screen() if "hx_" in line and "~/hook" not in line] == []


def test_the_hook_can_be_loaded_again(home, shell):
    name = family(shell)
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.run(UNLOAD[name].format(HX))
    terminal.run("true between")
    (home.path / "hook").write_text(hook(shell, str(home.hx_home)))
    terminal.run("source ~/hook")
    terminal.run("true two")
    commands = home.commands()
    assert [line for line in commands if line.startswith("true")] == ["true one", "true two"]
    assert len({event["session_id"] for event in home.events()}) == 2


def test_where_no_hook_is_loaded_it_changes_nothing_and_is_silent(home, shell):
    name = family(shell)
    terminal = home.open(shell, before=STATE[name], load=NO_HOOK)
    before = state(home, terminal, "before")
    terminal.run(UNLOAD[name].format(HX))
    assert state(home, terminal, "after") == before
    assert len(terminal.screen()) == 4
