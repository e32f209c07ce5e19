"""Files of any size and number in a store: the memory of a sync stays bounded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from msgspec.msgpack import decode as unpack
from msgspec.msgpack import encode as pack

from cli.attacking_member import attacker
from cli.machine import HX
from cli.vaults import vault
from hx.core.format import body, envelope, object_names, segment, verdict
from hx.core.format.envelope import seal
from hx.core.merge import History
from hx.core.model import FINISHED, Event, EventKey

MORE_BYTES = 60 << 20  # than a sync that takes a full segment
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


def events(number, begin_us):
    device, session = b"\x07" * 16, b"\x05" * 16
    return [
        Event(EventKey(begin_us + n, device, session, n), b"echo %d" % n, b"/", flags=FINISHED)
        for n in range(1, number + 1)
    ]


def lay(evil, *payloads, level=3):
    for number, payload in enumerate(payloads, 1 + len(evil.listed)):
        evil.lay(number, evil.sealed(number, payload=payload, level=level))
    evil.sign(label="desktop")
    evil.device.database.close()


def test_hostile_objects_take_little_more_memory_than_a_full_segment(pair, monkeypatch):
    laptop, desktop = pair
    lay(
        attacker(desktop), segment.encode(History(frozenset(events(65_536, 1_790_000_000_000_000))))
    )
    code, normal_bytes = peak_memory(laptop)
    assert code == 0
    content = unpack(segment.encode(History(frozenset(events(16, 0)))))
    key = (1, b"\x07" * 16, b"\x05" * 16, b"\x06" * 16, None, 0)
    hashes = [
        ((n, *key[1:]), b"n", "k", 1, bytes(32), (), 0, (1, (0,) * 400, ())) for n in range(8_000)
    ]
    statuses = [(0,) * 60_000] * 16
    hostile = [
        {**content, "artifacts": hashes},
        {**content, "artifacts": hashes * 2},
        {**content, "pipestatus": [(0,) * 65_000 for _ in range(16)]},
        {**content, "artifacts": hashes, "pipestatus": statuses},
    ]
    lay(attacker(desktop), *map(pack, hostile), level=None)
    evil = attacker(desktop)
    with monkeypatch.context() as patch:
        patch.setattr(body, "_MAX_RATIO", 1 << 40)
        patch.setattr(envelope, "MAX_PAYLOAD_BYTES", 1 << 30)
        for seq in range(1_000, 1_020):
            name = object_names.Name(object_names.MANIFEST, evil.device.me, bytes(16), seq=seq)
            data = seal(name, bytes(64 << 20), vault_id=evil.vault_id, vmk=evil.vmk)
            assert len(data) < 8_192
            evil.held[object_names.spelled(name)] = data
    evil.device.database.close()
    code, peak_bytes = peak_memory(laptop)
    assert code in (3, 4)
    assert peak_bytes < normal_bytes + MORE_BYTES
