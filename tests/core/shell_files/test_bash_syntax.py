"""Where a command of several lines ends: as bash itself says for the same lines."""

from __future__ import annotations

import subprocess

import pytest

from hx.core.shell_files.bash_syntax import OpenCommand

COMMANDS = [
    b"ls",
    b"for i in 1\ndo :\n\ndone",
    b"if a; then\nb\nelse\nc\nfi",
    b"while read x; do\n echo $x\ndone < y",
    b"until false; do\nfor x in y\ndo\nz\ndone\ndone",
    b"select x in a b; do\nbreak\ndone",
    b"for ((i=0;i<3;i++))\ndo\n:\ndone",
    b"time for i in 1; do\n:\ndone",
    b"case $x in\na) b;;\n(c) d;;\nesac",
    b"case x in a) echo 1 ;;\nesac",
    b"x=$(case y in\na) b;;\nesac)",
    b"f()\n{\na\n}",
    b"f() {\n a\n}",
    b"function f {\nx\n}",
    b"coproc { a\n}",
    b"{ a\nb\n}",
    b"(cd x\nls)",
    b"a=(\n1\n2\n)",
    b"a |\nb",
    b"a | # c\nb",
    b"a &&\nb",
    b"a \\\n -b",
    b"x=$(aws | \\\n jq)",
    b"echo 'a\nb'",
    b'echo "a $(b\nc) \\" d\ne"',
    b"echo $'it\\'s\nx'",
    b"echo `a\nb`",
    b"echo ${a:-\nb}",
    b"a <<< 'x\ny'",
    b"awk '{\nprint $1}' x",
    b'git commit -m "a\n\nb (x\n"',
    b"cat <<E\nx\n'\nE",
    b"cat <<-'E F' > x\n\tx\n\tE F",
    b"cat <<A <<B\n1\nA\n2\nB",
    b"python - <<EOF | cat\nprint('''\nEOF",
    b"(( a <<\n 2 ))",
    b"echo $((1<<2))",
    b"# it's a comment",
    b"echo a#'b\nc'",
    b"echo done; if [ x ]; then echo fi\nfi",
    b"echo if then",
    b"echo \\'x",
    b"echo ${#a} $#",
    b'x="`echo \\"a\\"`"',
]


def may_end_in_bash(text):
    """Return whether bash takes these lines for whole commands."""
    done = subprocess.run(["bash", "-n"], input=text + b"\n", capture_output=True, check=False)
    reasons = (b"unexpected end of file", b"unexpected EOF", b"delimited by end-of-file")
    return not text.endswith(b"\\") and not any(reason in done.stderr for reason in reasons)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_line_is_an_end_exactly_where_bash_says_so(command):
    lines = command.split(b"\n")
    fed = OpenCommand()
    ends = [fed.feed(line) for line in lines]
    assert ends == [
        may_end_in_bash(b"\n".join(lines[:count])) for count in range(1, len(lines) + 1)
    ]
    assert ends.index(True) == len(lines) - 1


def test_a_condition_in_brackets_ends_at_its_brackets():
    fed = OpenCommand()
    assert [fed.feed(line) for line in (b"[[ a &&", b"b ]]")] == [False, True]


@pytest.mark.parametrize("text", [b"(", b"$(", b"`(", b'"$(', b"${", b"<<a "])
def test_a_command_that_is_nested_too_deeply_is_never_complete(text):
    fed = OpenCommand()
    assert not fed.feed(text * 3_000)
    assert not fed.feed(b")" * 3_000)
