"""The hook offers the completions of hx: Tab after `hx` works, and others keep theirs."""

import os
import shutil

import pytest

from shells.terminal import HX, family, program

COMPINIT = "autoload -Uz compinit && compinit -u -D\n"
TAB = b"\t"
PATH_OF_HX = f"{os.path.dirname(HX)}:{os.environ['PATH']}"
OURS, NAMES = "--until", ("hx", "history-extended")


def tabbed(terminal, text):
    """Type the beginning of a word, Tab and Enter; return the line that the shell ran."""
    terminal.type(text.encode() + TAB)
    terminal.run("")
    lines = [line for line in terminal.screen() if line.startswith("<")]
    return lines[-2].partition("> ")[2]


def before(shell):
    return COMPINIT if shell == "zsh" else ""


@pytest.mark.parametrize("name", NAMES)
def test_tab_after_hx_completes(home, shell, name):
    terminal = home.open(shell, before=before(shell), env={"PATH": PATH_OF_HX})
    assert tabbed(terminal, f"{name} find --unt") == f"{name} find {OURS}"
    assert tabbed(terminal, f"{name} sync inv") == f"{name} sync invite"  # the second time too


@pytest.mark.parametrize("shell", ["zsh"])
def test_a_compinit_after_the_hook_finds_them(home, shell):
    terminal = home.open(shell, after=COMPINIT, env={"PATH": PATH_OF_HX})
    assert OURS in tabbed(terminal, "hx find --unt")
    terminal.run("print -rl -- $precmd_functions >out")
    assert out(home) == "__hx_precmd\n"  # what had to wait for the prompt is gone


@pytest.mark.parametrize("shell", ["zsh"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_compinit_sees_the_same_fpath_and_asks_nothing(home, shell, place):
    """Another fpath makes compinit write its dump anew; a folder of a group makes it ask."""
    plain = "print -rl -- $fpath >fpath; autoload -Uz compinit && compinit\n"
    terminal = home.open(shell, **{place: plain})
    terminal.run("print -rl -- $fpath >out")
    assert "hx/shells" not in (home.path / "fpath").read_text()
    assert "hx/shells" not in out(home)


def helix(home):
    """Put another program called hx first on PATH."""
    folder = home.path / "bin"
    folder.mkdir()
    (folder / "hx").write_text("#!/bin/sh\n")
    (folder / "hx").chmod(0o755)
    (folder / "history-extended").symlink_to(os.path.join(os.path.dirname(HX), "history-extended"))
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_another_program_called_hx_is_not_completed_as_ours(home, shell):
    terminal = home.open(shell, before=before(shell), env=helix(home))
    assert OURS not in tabbed(terminal, "hx find --unt")
    assert OURS in tabbed(terminal, "history-extended find --unt")
    assert OURS not in tabbed(terminal, "hx find --unt")


THEIRS = {
    "bash": "complete -W '--untheirs' hx\n",
    "zsh": COMPINIT + "_theirs() { compadd -- --untheirs }; compdef _theirs hx\n",
    "fish": "complete -c hx -f -l untheirs\n",
}


def test_completions_of_somebody_else_stay(home, shell):
    terminal = home.open(shell, before=THEIRS[family(shell)], env=helix(home))
    assert "--untheirs" in tabbed(terminal, "hx --unt")


@pytest.mark.parametrize("shell", ["bash", "bash 5.3"])
@pytest.mark.parametrize("is_helix", [True, False])
def test_bash_asks_the_loader_of_bash_completion_about_the_other_program(home, shell, is_helix):
    loader = "loader() { complete -W --untheirs hx; return 124; }; complete -D -F loader"
    env = helix(home) if is_helix else {"PATH": PATH_OF_HX}
    terminal = home.open(shell, before=loader, env=env)
    word = "--untheirs" if is_helix else "--until"
    for _ in range(2):
        assert tabbed(terminal, "hx find --unt") == f"hx find {word}"


@pytest.mark.parametrize("shell", ["fish"])
def test_a_file_for_hx_that_fish_finds_elsewhere_is_used_for_the_other_program(home, shell):
    folder = home.path / ".local/share/fish/vendor_completions.d"
    folder.mkdir(parents=True)
    (folder / "hx.fish").write_text("complete -c hx -f -l untheirs\n")
    terminal = home.open(shell, env=helix(home))
    assert "--untheirs" in tabbed(terminal, "hx --unt")


SHOW = {
    "bash": "complete -p hx history-extended; declare -F",
    "zsh": "print -rl -- ${_comps[hx]-} $fpath ${(k)functions}",
    "fish": "string join \\n $fish_complete_path; functions --all",
}


def test_off_takes_the_completions_back(home, shell):
    terminal = home.open(shell, before=before(shell), env={"PATH": PATH_OF_HX})
    show = f"{{ {SHOW[family(shell)]}; }} >out 2>/dev/null"
    if shell == "fish":
        show = f"begin; {SHOW['fish']}; end >out"
    terminal.run(show)
    ours = ("hx/shells/completions", "__hx_complete", "_history-extended")
    assert any(word in out(home) for word in ours)
    off = f"hx init {family(shell)} --off"
    terminal.run(f"{off} | source" if shell == "fish" else f'eval "$({off})"')
    terminal.run(show)
    assert "__hx" not in out(home)
    assert "history-extended" not in out(home)
    assert "hx/shells" not in out(home)


def out(home):
    return (home.path / "out").read_text()


def test_a_new_shell_does_not_read_them(home, shell):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = home.path / "trace"
    home.write_rc(shell, before=before(shell))
    words = ["strace", "-f", "-e", "trace=open,openat", "-o", str(trace), program(shell), "-i"]
    terminal = home.start(words, PATH=PATH_OF_HX)
    terminal.prompt()
    terminal.leave()
    opened = trace.read_text()
    assert "completions/hx." not in opened
    assert "_history-extended" not in opened
