"""The line of hx in an rc file: it can be added to any file, and its removal restores the bytes."""

import shutil
import subprocess

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hx.core.shell_files import rc_file

LINE = rc_file.line(b'"${XDG_DATA_HOME:-$HOME/.local/share}/hx"', "bash", "BASH_VERSION")
OTHER = (
    b"[ ! -r '/elsewhere/hook.bash' ] || . '/elsewhere/hook.bash' " + rc_file.MARK
)  # an older hx

pieces = st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"\\", b"# x", b"\xff", b"\0", LINE, OTHER])
texts = st.lists(pieces, max_size=8).map(b"".join) | st.binary(max_size=40)
own_texts = texts.filter(lambda text: not rc_file.has_line(text))


def ends_open(text):
    """Return whether a text ends with an odd number of backslashes."""
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1


def goes_on(text):
    """Return whether the last line goes on in the next one: as if our line was moved there."""
    last = text.rstrip()
    if b"#" in last.rpartition(b"\n")[2]:  # before a comment too
        last = last.rpartition(b"#")[0].rstrip()
    return last.endswith((b"|", b"|&", b"&&", b"(", b"{", b"!"))


@given(own_texts)
def test_adding_and_removing_the_line_restores_the_bytes(text):
    assume(not goes_on(text))
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
    assume(not goes_on(text))
    newline = b"\r\n" if b"\r\n" in rc_file.with_line(text, LINE).removeprefix(text) else b"\n"
    between = newline if text and later and not text.endswith(b"\n") else b""
    if ends_open(text):  # or the later text would belong to the last line before
        between *= 2
    extended = rc_file.with_line(text, LINE) + later
    assert rc_file.without_line(extended) == text + between + later


@given(own_texts)
def test_the_line_is_a_whole_line(text):
    lines = rc_file.with_line(text, LINE).replace(b"\r\n", b"\n").split(b"\n")
    assert (b" " if ends_open(text) else b"") + LINE in lines


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "end", ["true x\\", "echo \\\\\\", "# c \\", "echo a \\\n", "true x\\\n\n", "\\"]
)
def test_a_last_line_that_ends_with_a_backslash_does_not_swallow_the_line(shell, end, tmp_path):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / f"hook.{shell}").write_text("echo loaded\n")
    added = rc_file.line(b"'%b'" % bytes(tmp_path), shell, posix=shell != "fish")
    text = rc_file.with_line(end.encode(), added)
    assert rc_file.without_line(text) == end.encode()
    assert rc_file.with_line(text, added) == text
    (tmp_path / "rc").write_bytes(text + b"echo later\n")
    run = subprocess.run([program, tmp_path / "rc"], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[-2:] == ["loaded", "later"]


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
    "a branch with a comment at its head": b"if [[ $- == *i* ]]; then # only # here\n%b\nfi\n",
    "a function with a comment": b"f() { # c's\n%b\n}\n",
    "a condition": b"if\n%b\nthen\n a\nelif # or\n%b\nthen a\nfi\n",
    "the condition of a loop": b"while\n%b\ndo\nbreak; done\nuntil # c\n%b\ndo a; done\n",
    "a negated condition": b"if !\n%b\nthen a; fi\n",
    "a block in a list": b"a &&{ # c\n%b\n}\na|(\n%b\n)\n",
    "what a test with a comment decides": b"[ -t 0 ] && # c\n\n# more\n%b\na\n",
    "what a last test decides": b'[ -n "$PS1" ] &&\n\n%b\n',
    "what a last test with a comment decides": b'[ -n "$PS1" ] || # c\n%b\n',
    "the end of a pipe": b"a |& # c\n%b\n",
    "a hash in quotes": b'if [ \'#\' = "\\" #" ] && [ $# -eq 0 ] && b=${a# }; then # c\n%b\nfi\n',
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


NOT_NEEDED = {
    "a word in quotes": b"echo 'if true; then'\n%b\n}\n",
    "an escaped pipe": b"echo a \\|\n%b\na\n",
    "a comment": b"a # && if\n%b\nfi\n# then\n%b\nfi\n",
    "an escaped backslash": b"a \\\\\n%b\nb\n",
    "a comment with a backslash": b"a # \\\n%b\nb\n",
}


@pytest.mark.parametrize("shape", NOT_NEEDED)
def test_where_no_command_is_needed_the_line_leaves_nothing(shape):
    assert b":" not in rc_file.without_line(NOT_NEEDED[shape].replace(b"%b", LINE))


COMMENTS = st.sampled_from(["", " # c", " # it's", "\n", " # then\n\n# fi"])


def block(inner):
    """Return blocks of bash that hold these commands."""

    def joined(drawn):
        shape, words, comments, bodies = drawn
        text = shape.format(*bodies)
        for comment in comments:
            text = text.replace("@", comment, 1)
        return text.replace("~", words)

    shapes = [
        "if ~; then@\n{}\nelse@\n{}\nfi",
        "if@\n{}\nthen@\n{}\nfi",
        "while@\n{}\ndo@\n{}\ndone",
        "f() {{@\n{}\n}}\n~ || (@\n{}\n)",
        "~ &&@\n{}\n{}",
        "{}\n! ~ |@\n{}",
        "case ~ in@\n*) {}\n;;\nb)@\n{}\nesac",
    ]
    return st.tuples(
        st.sampled_from(shapes),
        st.sampled_from(["a", '[ "#" = $# ]', "echo '# then' \\#"]),
        st.lists(COMMENTS, min_size=2, max_size=2),
        st.lists(inner, min_size=2, max_size=2),
    ).map(joined)


commands = st.recursive(st.sampled_from(["OURS", "OURS", "a", "OURS\nOURS"]), block, max_leaves=6)


def is_accepted(text):
    return not subprocess.run(
        ["bash", "-n"], input=text, capture_output=True, check=False
    ).returncode


@given(commands)
@settings(max_examples=60)
def test_what_bash_accepts_with_the_line_it_accepts_without(text):
    with_lines = text.replace("@", "").replace("OURS", LINE.decode()).encode()
    assume(is_accepted(with_lines))
    assert is_accepted(rc_file.without_line(with_lines))


ZSH_LINE = rc_file.line(b'"$HOME/.local/share/hx"', "zsh", "ZSH_VERSION")


@given(own_texts)
def test_a_file_of_two_shells_has_a_line_for_each_and_removing_both_restores_it(text):
    assume(not goes_on(text))
    both = rc_file.with_line(rc_file.with_line(text, LINE), ZSH_LINE)
    assert rc_file.with_line(rc_file.with_line(both, ZSH_LINE), LINE) == both
    assert rc_file.has_line(both, "bash")
    assert rc_file.has_line(both, "zsh")
    assert not rc_file.has_line(rc_file.with_line(text, LINE), "zsh")
    assert rc_file.without_line(both) == text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_of_a_line_does_not_depend_on_the_name_of_its_folder(shell):
    added = rc_file.line(b"'/home/ann/hook.d/hook.zsh'", shell, posix=shell != "fish")
    text = rc_file.with_line(b"a\n", added)
    assert [name for name in ("bash", "zsh", "fish", "d") if rc_file.has_line(text, name)] == [
        shell
    ]
    assert rc_file.with_line(text, added) == text


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
