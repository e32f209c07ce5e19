"""Damaged, mixed and converted histories: hx reads the commands that the shell itself reads."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hx.importers import CONFLICT, CUT
from importers.import_target import entries
from shells.terminal import BASH53

TIME_US = 1_700_000_000_000_000
NULS = b"\0" * 37
BASHES = ["bash", BASH53]
LIST_BASH = (
    b"history -c; history -r h; n=$(history | tail -n 1 | { read -r n rest; echo ${n:-0}; })\n"
    b'for ((i = 1; i <= n; i++)); do history -p "!$i"; printf "\\1"; done\n'
)
# $history does not have the newest entry
LIST_ZSH = b"""
fc -p; HISTSIZE=999; fc -R h; print -s newest
for key in ${(onk)history}; do print -rn -- "${history[$key]}"$'\\1'; done
"""


def run(program, folder, arguments, **variables):
    path = shutil.which(program)
    if not path:
        pytest.skip(f"{program} is not installed (tests/shells/install.sh)")
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    done = subprocess.run(
        [path, *arguments],
        env=environment | variables,
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.stdout


def in_bash(data, folder, *, times, program="bash"):
    """Return the commands that bash loads, with or without HISTTIMEFORMAT."""
    (folder / "h").write_bytes(data)
    # an interactive bash knows stamps by the third of the histchars
    start = b"HISTSIZE=999; histchars='!^#'; " + (b"HISTTIMEFORMAT=%s; " if times else b"")
    out = run(program, folder, ["--norc", "-c", start + LIST_BASH])
    return [command.rstrip(b"\n") for command in out.split(b"\1")[:-1]]


def in_zsh(data, folder):
    (folder / "h").write_bytes(data)
    (folder / "list").write_bytes(LIST_ZSH)
    return run("zsh", folder, ["-f", "-i", "list"]).split(b"\1")[:-1]


def in_fish(data, folder):
    path = folder / "data/fish/fish_history"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    listing = "history search --null --reverse --show-time='%s|'"
    out = run(
        "fish",
        folder,
        ["--no-config", "-i", "-c", listing],
        XDG_DATA_HOME=str(folder / "data"),
        fish_history="fish",
        TERM="dumb",
    )
    pairs = [item.partition(b"|") for item in out.split(b"\0")[:-1]]
    return [(int(seconds) * 1_000_000 or None, command) for seconds, _, command in pairs]


def ours(data, kind, folder):
    return [entry.command for entry in entries(data, kind, folder)[0]]


def timed(data, kind, folder):
    return [(entry.at_us, entry.command) for entry in entries(data, kind, folder)[0]]


def without_blank(commands):
    return [command for command in commands if command.strip()]


# ---- the shells themselves ----

BASH_FILES = {
    "CR LF": b"#1700000000\r\nls -la\r\n#1700000001\r\nmake\r\n",
    "a CR of its own": b"a\rb\r\r\nls\n",
    "two stamps": b"#1700000000\n#1700000001\nls\n",
    "a stamp at the end": b"#1700000000\nls\n#1700000001\n",
    "a torn stamp": b"#1700000000\nls\n#17",
    "a torn beginning": b"00000\nls\n#1700000001\nmake\n",
    "comments": b"# one\nls\n#!two\nmake\n# 1700000000\nx\n",
    "a document": b"#1700000000\ncat <<E\nfor\nE\n\n#1700000001\nls\n",
    "a quoted line": b"#1700000000\necho 'a\nb'\n#1700000001\nls\n",
    "a loop": b"#1700000000\nfor x in y\ndo\nls\ndone\n#1700000001\nls\n",
}
UNSTAMPED_AFTER = {
    "old lines, stamps, a session without": (
        b"ls\npwd\n#1700000000\ngit status\n#1700000050\nmake\ncd /a\nvim x\n#1700000100\necho\n"
    ),
    "stamps, a session without": b"#1700000000\nls\n#1700000001\nmake\ncd /a\nvim x\n",
    "a stamp inside": b"ls\n#1700000000\nmake\nx\n#1700000001\ny\nz\n",
}


@pytest.mark.parametrize("program", BASHES, ids=["bash", "bash 5.3"])
@pytest.mark.parametrize("name", BASH_FILES)
def test_bash_with_times_reads_the_same_commands(name, program, tmp_path):
    data = BASH_FILES[name]
    assert ours(data, "bash", tmp_path) == in_bash(data, tmp_path, times=True, program=program)


@pytest.mark.parametrize("program", BASHES, ids=["bash", "bash 5.3"])
@pytest.mark.parametrize("name", UNSTAMPED_AFTER)
def test_bash_without_times_reads_the_same_lines_of_a_session_without_stamps(
    name, program, tmp_path
):
    data = UNSTAMPED_AFTER[name]
    assert ours(data, "bash", tmp_path) == in_bash(data, tmp_path, times=False, program=program)


bash_lines = st.one_of(
    st.integers(1_600_000_000, 1_700_000_000).map(lambda at: b"#%d" % at),
    st.text("ab #x/=-", min_size=1, max_size=6).map(str.encode),
).filter(lambda line: line.strip())


@settings(max_examples=15)
@given(lines=st.lists(bash_lines, max_size=8), end=st.sampled_from([b"\n", b"\r\n"]))
def test_bash_without_times_reads_the_same_commands_of_one_line(lines, end, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    data = b"".join(line + end for line in lines)
    assert ours(data, "bash", folder) == in_bash(data, folder, times=False)


ZSH_FILES = {
    "the clock went back": b": 1700000100:-3;make\n: 1700000000:0;ls\n",
    "other forms of stamps": b":1700000000:0;a\n:  1700000000:1;b\n: 1700000000:1.5;c\n: -5:0;d\n",
    "stamps of a converter": b": :0:;git log\n: 0:0;make\n::;ls\n: 17:;a\n:  5 : 0 ;b\n",
    "backslashes at the end": (
        b": 1700000000:0;a \\\\\nb\n: 1700000001:0;c \\ \n: 1700000002:0;d\\\\ \n"
        b": 1700000002:0;e\\\\\\\nf\n: 17:0;g\\  \nh\\\n\\\ni\n"
    ),
    "stamps and plain lines": b"ls\n: 1700000000:0;  make \nplain\n\\: x\n\\y\n\nlast\n",
    "a torn beginning": b"00050:0;x\n: 1700000001:0;make\n",
    "two lines in one": b"ls: 1700000050:0;git status\n: 1700000051:0;make\n",
    "a continuation before a stamp": b"two\\\n: 1700000009:0;k\n: 1700000010:0;ls\n",
    "no newline at the end": b": 1700000000:0;ls\n: 1700000001:0;make",
    "a backslash at the very end": b": 1700000000:0;ls\nmake",
    "a stamp without a command": b": 1700000000:0;ls\n: 1700000001:0;\n: 1700000002:0\nmake\n",
    "escapes": b"voil\xc3\x83\x80 \x83\xa3\n: 1700000000:0;x\x83\x20y\n",
}
zsh_lines = st.tuples(
    st.sampled_from([b"", b": 1700000000:5;", b": 1700000000:-3;", b":1:0;"]),
    st.lists(
        st.sampled_from([b"a", b"b", b"\\", b"\\\\", b" ", b";", b"\x83\xa3", b"\xc3\xa9", b"#"]),
        min_size=1,
        max_size=5,
    ).map(b"".join),
).map(b"".join)


@pytest.mark.parametrize("name", ZSH_FILES)
def test_zsh_reads_the_same_commands(name, tmp_path):
    data = ZSH_FILES[name]
    assert ours(data, "zsh", tmp_path) == without_blank(in_zsh(data, tmp_path))


@settings(max_examples=25)
@given(lines=st.lists(zsh_lines, max_size=8))
def test_zsh_reads_the_same_commands_of_any_lines(lines, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    data = b"".join(line + b"\n" for line in [*lines, b"end"])
    assert ours(data, "zsh", folder) == without_blank(in_zsh(data, folder))


FISH_FILES = {
    "no time": b"- cmd: a\n- cmd: b\n  when: 1700000001\n",
    "another order": (
        b"- cmd: a\n  paths:\n    - x\n  when: 1700000001\n- cmd: b\n  when: 1700000002\n"
    ),
    "an item twice in a line": b"- cmd: - cmd: - cmd: q\n  when: 1700000001\n",
    "escapes": b"- cmd: a\\nb\\\\c\\\\n\\d\\\n  when: 1700000001\n",
    "other indents": b"- cmd: a\n    when: 1700000001\n- cmd:   b\n when: 1700000002\n",
    "a part of a second": b"- cmd: a\n  when: 1700000000.5\n",
    "two times": b"- cmd: a\n  when: 1\n  when: 1700000005\n",
    "a time that is none": b"- cmd: a\n  when: x17\n- cmd: b\n  when: 1700000002\n",
    "a torn beginning": b"cmd: a\n  when: 1700000000\n- cmd: b\n  when: 1700000001\n",
    "a torn end": b"- cmd: b\n  when: 1700000001\n- cmd: c",
}


@pytest.mark.parametrize("name", FISH_FILES)
def test_fish_reads_the_same_commands_and_times(name, tmp_path):
    data = FISH_FILES[name]
    assert timed(data, "fish", tmp_path) == in_fish(data, tmp_path)


# ---- where hx reads more than the shell ----


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("bash", b"#1700000000\nreboot\n%b#1700000005\nmake\n"),
        ("bash", b"#1700000000\nreboot\n#170%b#1700000005\nmake\n"),
        ("zsh", b": 1700000000:0;reboot\n%b: 1700000005:0;make\n"),
        ("zsh", b": 1700000000:0;reboot\n: 17000%b\n: 1700000005:0;make\n"),
        ("zsh", b"%b: 1700000000:0;reboot\n: 1700000005:0;make\n%b"),
        ("fish", b"- cmd: reboot\n  when: 1700000000\n%b- cmd: make\n  when: 1700000005\n"),
        ("fish", b"- cmd: reboot\n  when: 1700000000\n- cm%b- cmd: make\n  when: 1700000005\n"),
    ],
)
def test_nuls_that_a_crash_left_cost_no_command_and_no_time(kind, data, tmp_path):
    data = data.replace(b"%b", NULS)
    assert timed(data, kind, tmp_path) == [(TIME_US, b"reboot"), (TIME_US + 5_000_000, b"make")]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("bash", b"#1700000000\nls\n#1700000005\nmake"),
        ("fish", b"- cmd: ls\n  when: 1700000000\n=======\n- cmd: make\n  when: 1700000005\n"),
    ],
)
def test_commands_that_the_shell_leaves_out_are_read(kind, data, tmp_path):
    assert timed(data, kind, tmp_path) == [(TIME_US, b"ls"), (TIME_US + 5_000_000, b"make")]


def test_nuls_inside_a_line_end_the_command_before_them(tmp_path):
    assert timed(b"#1700000000\ngit co" + NULS + b"ls\n", "bash", tmp_path) == [
        (TIME_US, b"git co"),
        (None, b"ls"),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("bash", [b"#1700000000", b"echo 'a", b"b'", b"#1700000005", b"make"]),
        ("zsh", [b": 1700000000:0;echo 'a\\", b"b'", b": 1700000005:0;make"]),
        ("fish", [b"- cmd: echo 'a\\nb'", b"  when: 1700000000", b"- cmd: make",
                  b"  when: 1700000005"]),
    ],
)  # fmt: skip
def test_a_file_that_another_system_converted_is_read_as_it_was(kind, lines, mark, end, tmp_path):
    data = mark + b"".join(line + end for line in lines)
    expected = [(TIME_US, b"echo 'a\nb'"), (TIME_US + 5_000_000, b"make")]
    assert timed(data, kind, tmp_path) == expected


def test_only_the_first_line_decides_whether_zsh_and_fish_keep_a_carriage_return(tmp_path):
    assert ours(b"ls\nmake\r\n", "zsh", tmp_path) == [b"ls", b"make\r"]
    assert ours(b"ls\r\nmake\n", "zsh", tmp_path) == [b"ls", b"make"]
    assert ours(NULS + b"ls\r\nmake\r", "zsh", tmp_path) == [b"ls", b"make"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("bash", b"#1700000000\nls\n<<<<<<< HEAD\n#1700000005\nmake\n=======\n>>>>>>> b\n"),
        ("zsh", b": 1700000000:0;ls\n<<<<<<< HEAD\n: 1700000005:0;make\n=======\n>>>>>>> b\n"),
    ],
)
def test_the_marks_of_a_merge_conflict_are_no_commands(kind, data, tmp_path):
    read, faults = entries(data, kind, tmp_path)
    assert [(entry.at_us, entry.command) for entry in read] == [
        (TIME_US, b"ls"),
        (TIME_US + 5_000_000, b"make"),
    ]
    assert faults == {CONFLICT: 3}


def test_a_line_of_equal_signs_in_a_command_is_no_mark_of_a_conflict(tmp_path):
    data = b"#1700000000\ngit commit -m 'title\n=======\ntext'\n"
    assert ours(data, "bash", tmp_path) == [b"git commit -m 'title\n=======\ntext'"]


@pytest.mark.parametrize("kind", ["bash", "zsh"])
def test_a_file_that_bash_and_zsh_share_keeps_the_times_of_both(kind, tmp_path):
    data = b"#1700000000\nls\n: 1700000005:0;make\nplain\n#1700000009\nexit\n"
    assert timed(data, kind, tmp_path) == [
        (TIME_US, b"ls"),
        (TIME_US + 5_000_000, b"make"),
        (None, b"plain"),
        (TIME_US + 9_000_000, b"exit"),
    ]


def test_a_time_after_a_line_that_fish_did_not_write_is_not_that_of_the_command_before(tmp_path):
    data = b"- cmd: ls\n=======\n  when: 1700000000\n- cmd: make\n  when: 1700000005\n"
    assert timed(data, "fish", tmp_path) == [(None, b"ls"), (TIME_US + 5_000_000, b"make")]


@pytest.mark.parametrize(
    ("kind", "form"),
    [("bash", b"#%d\nls\n"), ("zsh", b": %d:0;ls\n"), ("fish", b"- cmd: ls\n  when: %d\n")],
)
@pytest.mark.parametrize("at", [0, 17, 1_700_000_000_000, 10**14])
def test_a_time_that_no_shell_writes_is_unknown(kind, form, at, tmp_path):
    assert timed(form % at, kind, tmp_path) == [(None, b"ls")]


def test_a_zsh_stamp_that_was_torn_at_the_end_is_counted_as_cut(tmp_path):
    assert entries(b": 1700000000:0;ls\n: 1700", "zsh", tmp_path)[1] == {CUT: 1}
