"""The line of hx in an rc file: it can be added to any file, and its removal restores the bytes."""

import subprocess

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hx.core.shell_files import rc_file

LINE = rc_file.line(b'"${XDG_DATA_HOME:-$HOME/.local/share}/hx"', "bash", "BASH_VERSION")
OTHER = (
    b"[ ! -r '/elsewhere/hook.bash' ] || . '/elsewhere/hook.bash' " + rc_file.MARK
)  # an older hx

pieces = st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"# x", b"\xff", b"\0", LINE, OTHER])
texts = st.lists(pieces, max_size=8).map(b"".join) | st.binary(max_size=40)
own_texts = texts.filter(lambda text: not rc_file.has_line(text))


@given(own_texts)
def test_adding_and_removing_the_line_restores_the_bytes(text):
    assert rc_file.without_line(rc_file.with_line(text, LINE)) == text


@given(texts)
def test_adding_the_line_twice_adds_it_once_and_removing_it_leaves_none(text):
    once = rc_file.with_line(text, LINE)
    assert rc_file.with_line(once, LINE) == once
    assert rc_file.has_line(once)
    assert not rc_file.has_line(rc_file.without_line(once))
    assert OTHER not in [line.rstrip(b"\r\n") for line in once.split(b"\n")]


@given(own_texts, own_texts)
def test_text_written_after_the_line_stays_on_its_own_lines(text, later):
    if rc_file.has_line(text + later):  # only both together contain the line
        return
    # a last line that goes on in the next one: it is as if our line was moved there
    assume(not text.rstrip().endswith((b"\\", b"|", b"&&", b"(", b"{")))
    newline = b"\r\n" if b"\r\n" in rc_file.with_line(text, LINE).removeprefix(text) else b"\n"
    between = newline if text and later and not text.endswith(b"\n") else b""
    extended = rc_file.with_line(text, LINE) + later
    assert rc_file.without_line(extended) == text + between + later


@given(own_texts)
def test_the_line_is_a_whole_line(text):
    assert LINE in rc_file.with_line(text, LINE).replace(b"\r\n", b"\n").split(b"\n")


def test_the_line_has_the_line_endings_of_the_file():
    assert rc_file.with_line(b"a\r\n", LINE) == b"a\r\n\r\n" + LINE + b"\r\n"
    assert rc_file.with_line(b"a\r\nb\n", LINE) == b"a\r\nb\n\n" + LINE + b"\n"


def test_an_older_line_is_replaced_in_its_place():
    assert rc_file.with_line(b"a\n\n" + OTHER + b"\nb\n", LINE) == b"a\n\n" + LINE + b"\nb\n"


@pytest.mark.parametrize(
    "loading",
    [
        b'eval "$(hx init zsh)"',
        b'  eval "$(/opt/bin/history-extended init zsh --no-ctrl-r)"',
        b"source <(hx init zsh)",
        b"hx init zsh | source",
        b"source ~/.local/share/hx/hook.zsh",
        b"[[ -r /some/where/hook.zsh ]] && . /some/where/hook.zsh",
    ],
)
def test_a_line_that_loads_the_hook_is_found(loading):
    text = b"a\n" + loading + b"\nb\n"
    loader = rc_file.loader(text, "zsh", b"/some/where/hook.zsh")
    assert loader == rc_file.Loader(2, b"hook.zsh" in loading)
    assert rc_file.loader(b"# " + loading, "zsh", b"/some/where/hook.zsh") is None


@pytest.mark.parametrize("text", [b"", b"hx find x\n", b"git init zsh\n", b"# hx init zsh\n", LINE])
def test_other_lines_load_nothing(text):
    assert rc_file.loader(text, "zsh", b"/hook.zsh") is None


def test_other_tools_are_named_once_without_comments_the_last_one_last():
    text = b'eval "$(atuin init bash)"\n# mcfly\n. fzf.bash\natuin x\n'
    assert rc_file.rivals(text) == ["fzf", "atuin"]
    assert rc_file.mentions_bashrc(b"[ -r ~/.bashrc ] && . ~/.bashrc\n")
    assert not rc_file.mentions_bashrc(b"# . ~/.bashrc\n")


def test_an_empty_line_of_the_user_stays():
    assert rc_file.without_line(b"\n" + LINE + b"\n") == b"\n"


def test_a_line_that_the_user_commented_out_stays():
    assert not rc_file.has_line(b"# " + LINE)
    assert rc_file.without_line(b"# " + LINE) == b"# " + LINE


@pytest.mark.parametrize("moved", [b"  %b\n", b"\t%b\r\n", b"%b  \n", b"%b\t", b"%b\n%b\n"])
def test_a_line_that_the_user_indented_or_doubled_is_still_ours(moved):
    text = b"a\n\n" + moved.replace(b"%b", LINE)
    assert rc_file.has_line(text)
    assert rc_file.without_line(text) == (b"a\n\n" if text.endswith(b"\r\n") else b"a\n")
    assert rc_file.with_line(text, LINE).count(LINE) == moved.count(b"%b")
    assert rc_file.with_line(b"a\n  " + OTHER + b"\nb\n", LINE) == b"a\n  " + LINE + b"\nb\n"


NEEDED = {
    "a branch": b"if true; then\n    %b\nfi\n",
    "a branch with a comment": b"if true; then\n    # hx\n    %b\n\nelse\n    a\nfi\n",
    "the last branch": b"if true; then\n    a\nelse\n%b\nfi\n",
    "a loop": b"for a in b\ndo\n\t%b\ndone\n",
    "a function": b"load() {\n%b\n}\nload\n",
    "a subshell": b"(\n%b\n)\n",
    "what a test decides": b"[[ $- == *i* ]] &&\n%b\na\n",
    "what another test decides": b"[ -z 1 ] || \\\n  %b\na\n",
}


@pytest.mark.parametrize("shape", NEEDED)
def test_a_line_that_was_moved_into_a_block_leaves_a_command_that_does_nothing(shape):
    """Without it the rc file were a syntax error, or a line of the user would be conditional."""
    left = rc_file.without_line(NEEDED[shape].replace(b"%b", LINE))
    assert left == NEEDED[shape].replace(b"%b", b":")
    assert subprocess.run(["bash", "-n"], input=left, check=False).returncode == 0


def test_a_line_beside_other_commands_of_a_block_is_removed():
    text = b"if true; then\n    a\n    %b\nfi\nb=$(\nc\n)\n%b\n"
    assert b":" not in rc_file.without_line(text.replace(b"%b", LINE))


ZSH_LINE = rc_file.line(b'"$HOME/.local/share/hx"', "zsh", "ZSH_VERSION")


@given(own_texts)
def test_a_file_of_two_shells_has_a_line_for_each_and_removing_both_restores_it(text):
    both = rc_file.with_line(rc_file.with_line(text, LINE), ZSH_LINE)
    assert rc_file.with_line(rc_file.with_line(both, ZSH_LINE), LINE) == both
    assert rc_file.has_line(both, "bash")
    assert rc_file.has_line(both, "zsh")
    assert not rc_file.has_line(rc_file.with_line(text, LINE), "zsh")
    assert rc_file.without_line(both) == text


def test_hx_init_for_another_shell_loads_nothing():
    for spelled in (b'eval "$(hx init bash)"', b"source <(hx init bash)"):
        assert rc_file.loader(spelled, "zsh", b"/x/hook.zsh") is None
    assert rc_file.loader(b'eval "$(hx init "$shell")"', "zsh", b"/x/hook.zsh") is not None


@pytest.mark.parametrize(
    "changed",
    [
        LINE.replace(rc_file.MARK, b""),
        LINE.replace(b"# hx:", b"# my hx:"),
        b"[[ $- == *i* ]] && { " + LINE.replace(rc_file.MARK, b"") + b"; }",
        b'if [ -r "$__hx_data/hook.bash" ]; then . "$__hx_data/hook.bash"; fi',  # by a formatter
    ],
)
def test_our_line_without_its_mark_is_one_of_the_user_that_loads_the_hook(changed):
    assert not rc_file.has_line(changed)
    assert rc_file.loader(b"a\n" + changed, "bash", b"/x/hook.bash") == rc_file.Loader(2, True)
