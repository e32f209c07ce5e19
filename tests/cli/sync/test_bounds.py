"""Files of any size and number in a store: the memory of a sync stays bounded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cli.machine import HX
from cli.vaults import vault
from hx.core.format import verdict

HUGE_BYTES = 300 << 20
MAX_MEMORY_BYTES = 200 << 20
FOREIGN = 100_000


@pytest.fixture
def pair(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    laptop.record("make")
    laptop.sync()
    return laptop, desktop


def peak_memory(member, *part):
    """Run `hx sync`; return its exit code and its peak memory in bytes."""
    environment = {
        "HOME": str(member.cwd),
        "HX_HOME": str(member.home),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }
    process = subprocess.run(
        [sys.executable, "-c", _MEASURE, HX, "sync", *part],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in process.stderr
    code, peak_kib = process.stdout.split()[-2:]
    return int(code), int(peak_kib) * 1024


# Started from a small process, since a child's peak includes the memory of its parent at the fork
_MEASURE = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def make_huge(path):
    """Make the file huge without using disk space (a sparse file)."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(HUGE_BYTES)


def reasons(member):
    rows = member.hx("sync", "status", "--json").json["reasons"]
    return [(row["status"], row["reason"], row["objects"]) for row in rows]


def test_a_huge_file_under_the_name_of_a_listed_segment_is_not_read_whole(pair):
    laptop, desktop = pair
    [path] = (laptop.folder / "o").rglob("*.hx")
    good = path.read_bytes()
    make_huge(path)
    code, peak_bytes = peak_memory(desktop)
    assert code == 3
    assert peak_bytes < MAX_MEMORY_BYTES
    key = str(path.relative_to(laptop.folder))
    assert reasons(desktop) == [("pending", verdict.INCOMPLETE, [key])]
    path.write_bytes(good)
    desktop.sync()
    assert desktop.commands == ["make"]


def test_a_huge_file_under_the_name_of_a_manifest_is_not_read_whole(pair):
    laptop, desktop = pair
    newest = max((laptop.folder / "m").glob(f"{laptop.sync('devices')[0]['device_id']}-*.hx"))
    later = newest.with_name(newest.name.replace("-0000", "-0001", 1))
    make_huge(later)
    code, peak_bytes = peak_memory(desktop)
    assert code == 3
    assert peak_bytes < MAX_MEMORY_BYTES
    [(status, reason, keys)] = reasons(desktop)
    assert (status, keys) == ("pending", [f"m/{later.name}"])
    assert reason == verdict.INCOMPLETE
    assert desktop.commands == ["make"]


@pytest.mark.parametrize("what", ["hx-vault.hx", "j", "k"])
def test_a_huge_file_in_place_of_an_object_that_a_new_device_reads_is_refused(pair, tmp_path, what):
    laptop, _ = pair
    code = laptop.invite()
    late = type(laptop)(tmp_path / "late", laptop.folder, "late")
    path = laptop.folder / what
    [path, *_] = sorted(path.rglob("*.hx")) if path.is_dir() else [path]
    make_huge(path)
    (tmp_path / "code").write_text(code)
    options = (*late.at, "--code-file", str(tmp_path / "code"))
    exit_code, peak_bytes = peak_memory(late, "join", *options)
    assert exit_code == {"hx-vault.hx": 6, "j": 2, "k": 0}[what]
    assert peak_bytes < MAX_MEMORY_BYTES


def test_very_many_foreign_files_take_little_memory(pair):
    laptop, desktop = pair
    for number in range(FOREIGN):
        os.close(
            os.open(laptop.folder / "m" / f"photo {number}.jpg", os.O_CREAT | os.O_WRONLY, 0o600)
        )
    code, peak_bytes = peak_memory(desktop)
    assert code == 0
    assert peak_bytes < MAX_MEMORY_BYTES
    assert desktop.commands == ["make"]
    for options in [(), ("--json",), ("--verbose",)]:
        code, peak_bytes = peak_memory(desktop, "status", "--check", *options)
        assert code == 0
        assert peak_bytes < MAX_MEMORY_BYTES
    [row] = desktop.sync("status", "--check", "--verbose")["foreign"]
    assert (row["count"], len(row["names"])) == (FOREIGN, FOREIGN)
