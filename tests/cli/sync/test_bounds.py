"""What lies in a store may be of any size and number: a sync stays small, and says what it saw."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cli.machine import HX
from cli.vaults import vault
from hx.core.format import verdict

HUGE = 300 << 20
MOST_BYTES = 200 << 20
FOREIGN = 100_000


@pytest.fixture
def pair(tmp_path):
    one, other = vault(tmp_path, "one", "two")
    one.record("make")
    one.sync()
    return one, other


def memory(member, *part):
    """The exit code of `hx sync` and the most memory it had, in bytes."""
    environment = {
        "HOME": str(member.cwd),
        "HX_HOME": str(member.home),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, HX, "sync", *part],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
    code, peak_kib = done.stdout.split()[-2:]
    return int(code), int(peak_kib) * 1024


# From a small process: a child's peak begins with what its parent had when it was forked.
_MEASURE = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def huge(path):
    """A file with a hole, which costs no disk."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(HUGE)


def reasons(member):
    rows = member.hx("sync", "status", "--json").json["reasons"]
    return [(row["status"], row["reason"], row["objects"]) for row in rows]


def test_a_huge_file_under_the_name_of_a_listed_segment_is_not_read_whole(pair):
    one, other = pair
    [path] = (one.folder / "o").rglob("*.hx")
    good = path.read_bytes()
    huge(path)
    code, peak_bytes = memory(other)
    assert code == 3
    assert peak_bytes < MOST_BYTES
    key = str(path.relative_to(one.folder))
    assert reasons(other) == [("pending", verdict.INCOMPLETE, [key])]
    path.write_bytes(good)
    other.sync()
    assert other.commands == ["make"]


def test_a_huge_file_under_the_name_of_a_manifest_is_not_read_whole(pair):
    one, other = pair
    newest = max((one.folder / "m").glob(f"{one.sync('devices')[0]['device_id']}-*.hx"))
    later = newest.with_name(newest.name.replace("-0000", "-0001", 1))
    huge(later)
    code, peak_bytes = memory(other)
    assert code == 3
    assert peak_bytes < MOST_BYTES
    [(status, reason, keys)] = reasons(other)
    assert (status, keys) == ("pending", [f"m/{later.name}"])
    assert reason == verdict.INCOMPLETE
    assert other.commands == ["make"]


@pytest.mark.parametrize("what", ["hx-vault.hx", "j", "k"])
def test_a_huge_file_in_place_of_what_a_joiner_reads_is_refused(pair, tmp_path, what):
    one, _ = pair
    code = one.invite()
    late = type(one)(tmp_path / "late", one.folder, "late")
    path = one.folder / what
    [path, *_] = sorted(path.rglob("*.hx")) if path.is_dir() else [path]
    huge(path)
    (tmp_path / "code").write_text(code)
    given = (*late.at, "--code-file", str(tmp_path / "code"))
    ended, peak_bytes = memory(late, "join", *given)
    assert ended == {"hx-vault.hx": 6, "j": 2, "k": 0}[what]
    assert peak_bytes < MOST_BYTES


def test_very_many_files_of_others_cost_little_memory(pair):
    one, other = pair
    for at in range(FOREIGN):
        os.close(os.open(one.folder / "m" / f"photo {at}.jpg", os.O_CREAT | os.O_WRONLY, 0o600))
    code, peak_bytes = memory(other)
    assert code == 0
    assert peak_bytes < MOST_BYTES
    assert other.commands == ["make"]
    for options in [(), ("--json",), ("--verbose",)]:
        code, peak_bytes = memory(other, "status", "--check", *options)
        assert code == 0
        assert peak_bytes < MOST_BYTES
    [row] = other.sync("status", "--check", "--verbose")["foreign"]
    assert (row["count"], len(row["names"])) == (FOREIGN, FOREIGN)
