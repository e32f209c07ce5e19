"""A history of any tool, its texts of any bytes, comes through a vault to a second device."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from cli.vaults import Member, vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT_S = 1_700_000_000
ODD = {
    "text": b"caf\xc3\xa9",
    "not UTF-8": b"x\xff\xfe",
    "half a pair": b"x\xed\xa0\x80",
    "escapes": b"x\x1b[31m\x07\r\tx",
    "a colon": b"a:b:c",
    "long": b"x" * 5_000,
}
IN_A_ROW = ODD | {"a NUL": b"x\0x", "lines": b"x\ny"}  # no text file can say these as they are
VALUES = [*IN_A_ROW.values(), "text", "", b"", None, 7, 2.5, -1]


def commands() -> list[bytes]:
    return [b"echo " + text for text in ODD.values()]


def bash(home: Path) -> Path:
    path = home / ".bash_history"
    lines = (b"#%d\n%s\n" % (AT_S + at * 60, text) for at, text in enumerate(commands()))
    path.write_bytes(b"".join(lines))
    return path


def zsh(home: Path) -> Path:
    path = home / ".zsh_history"
    lines = (b": %d:0;%s\n" % (AT_S + at * 60, text) for at, text in enumerate(commands()))
    path.write_bytes(b"".join(lines))
    return path


def fish(home: Path) -> Path:
    path = home / "fish_history"
    stamped = enumerate(commands())
    lines = (b"- cmd: %s\n  when: %d\n" % (text, AT_S + at * 60) for at, text in stamped)
    path.write_bytes(b"".join(lines))
    return path


def atuin(home: Path) -> Path:
    """Rows in which every text is odd in the same way, of each type that SQLite has."""
    path = home / "history.db"
    with apsw.Connection(str(path)) as connection:
        connection.execute(
            "CREATE TABLE history (id TEXT, timestamp INTEGER, duration INTEGER, exit INTEGER,"
            " command, cwd, session, hostname, deleted_at INTEGER, shell)"
        )
        for at, value in enumerate(VALUES):
            row = (str(at), (AT_S + at * 60) * 10**9, 5_000, 0)
            texts = (value or f"echo {at}", *(value,) * 3)
            connection.execute(
                "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
                (*row, *texts, value),
            )
    return path


SOURCES: dict[str, Callable[[Path], Path]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
    "atuin": atuin,
}


def shown(member: Member) -> dict[str, Any]:
    """What each command prints as JSON, and that none fails."""
    lines = (
        ("find", "--all", "--json"),
        ("find", "echo", "--json"),
        ("search", "x", "--json"),
        ("stats", "--json"),
        ("status", "--json"),
        ("sync", "status", "--json"),
        ("sync", "devices", "--json"),
        ("find", "--all"),
        ("stats",),
        ("sync", "status"),
    )
    results = {line: member.hx(*line) for line in lines}
    assert {line: result.code for line, result in results.items() if result.code} == {}
    return {" ".join(line): one.json for line, one in results.items() if "--json" in line}


@pytest.mark.parametrize("source", SOURCES)
def test_what_one_device_imports_the_other_has_whatever_bytes_it_is_of(tmp_path, source):
    a, b = vault(tmp_path, "a", "b")
    path = SOURCES[source](tmp_path / "a")
    imported = a.hx("import", str(path), "--from", source, "--json")
    assert imported.code == 0, imported
    a.sync()
    pulled = b.sync()["pulled"]
    assert pulled["events"] == len(a.history) >= len(ODD)
    here, there = shown(a), shown(b)
    assert [facts(one) for one in here["find --all --json"]] == [
        facts(one) for one in there["find --all --json"]
    ]
    late = Member(tmp_path / "late", a.folder, "late")
    joined = late.join(a.invite())
    assert joined.code == 0, joined
    assert joined.json["events"] == len(a.history)


def facts(event: dict[str, Any]) -> dict[str, Any]:
    """An event without the name of the device that has it from a file, which is each its own."""
    return event | {"device": None}


@pytest.mark.parametrize("host", [b"box\xff", b"\xff", b"b\xc3\xa9"])
def test_a_session_of_a_host_of_any_bytes_is_synced(tmp_path, host):
    a, b = vault(tmp_path, "a", "b")
    for at, text in enumerate(IN_A_ROW.values()):
        a.record(
            b"echo " + text.replace(b"\0", b""),
            cwd=b"/" + text.replace(b"\0", b""),
            session=f"{at:032x}",
            host=host,
        )
    a.sync()
    assert b.sync()["pulled"]["events"] == len(IN_A_ROW)
    assert [facts(one) for one in shown(a)["find --all --json"]] == [
        facts(one) for one in shown(b)["find --all --json"]
    ]


@pytest.mark.parametrize(
    "line",
    [
        ("sync", "init", "--store", b"folder:{}/st\xff", "--custody", "file"),
        ("sync", "init", "--store", b"folder:{}/st", "--custody", "file", "--name", b"a\xff"),
        ("sync", "init", "--store", b"folder:{}/st", "--custody", "file", "--vault-name", b"\xff"),
        ("sync", "rename", b"a\xff"),
    ],
)
def test_a_name_that_is_not_utf8_is_refused_before_anything_is_written(tmp_path, line):
    folder = tmp_path / "m"
    one = Member(folder, tmp_path, "m")
    for name in (b"st", b"st\xff"):
        os.mkdir(os.path.join(os.fsencode(folder), name))
    filled = [
        part.replace(b"{}", os.fsencode(folder)) if isinstance(part, bytes) else part
        for part in line
    ]
    refused = one.hx(*filled)
    assert (refused.code, "is not UTF-8" in refused.err) == (2, True), refused
    assert all(
        os.listdir(os.path.join(os.fsencode(folder), name)) == [] for name in (b"st", b"st\xff")
    )
