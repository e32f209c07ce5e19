"""Imported histories of every tool, with any bytes, are synced to a second device."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from cli.vaults import Member, vault
from hx.importers.registry import importers
from importers.foreign_databases import Hishtory, Histdb, Mcfly

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S = 1_700_000_000
UNUSUAL_TEXTS = {
    "text": b"caf\xc3\xa9",
    "not UTF-8": b"x\xff\xfe",
    "half a pair": b"x\xed\xa0\x80",
    "escapes": b"x\x1b[31m\x07\r\tx",
    "a colon": b"a:b:c",
    "long": b"x" * 5_000,
}
UNUSUAL_DATABASE_TEXTS = UNUSUAL_TEXTS | {
    "a NUL": b"x\0x",
    "lines": b"x\ny",
}  # no history file can contain these
VALUES = [*UNUSUAL_DATABASE_TEXTS.values(), "text", "", b"", None, 7, 2.5, -1]


def commands() -> list[bytes]:
    return [b"echo " + text for text in UNUSUAL_TEXTS.values()]


def bash(home: Path) -> Path:
    path = home / ".bash_history"
    lines = (b"#%d\n%s\n" % (FIRST_S + index * 60, text) for index, text in enumerate(commands()))
    path.write_bytes(b"".join(lines))
    return path


def zsh(home: Path) -> Path:
    path = home / ".zsh_history"
    lines = (b": %d:0;%s\n" % (FIRST_S + index * 60, text) for index, text in enumerate(commands()))
    path.write_bytes(b"".join(lines))
    return path


def fish(home: Path) -> Path:
    path = home / "fish_history"
    numbered = enumerate(commands())
    lines = (b"- cmd: %s\n  when: %d\n" % (text, FIRST_S + index * 60) for index, text in numbered)
    path.write_bytes(b"".join(lines))
    return path


def atuin(home: Path) -> Path:
    """Write one row for each value, with the value in all columns of text."""
    path = home / "history.db"
    with apsw.Connection(str(path)) as connection:
        connection.execute(
            "CREATE TABLE history (id TEXT, timestamp INTEGER, duration INTEGER, exit INTEGER,"
            " command, cwd, session, hostname, deleted_at INTEGER, shell)"
        )
        for index, value in enumerate(VALUES):
            row = (str(index), (FIRST_S + index * 60) * 10**9, 5_000, 0)
            texts = (value or f"echo {index}", *(value,) * 3)
            connection.execute(
                "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
                (*row, *texts, value),
            )
    return path


def hishtory(home: Path) -> Path:
    """Write one row for each value, with the value in all columns of text."""
    database = Hishtory(home / ".hishtory.db")
    for index, value in enumerate(VALUES):
        names = ("current_working_directory", "hostname", "local_username", "device_id")
        database.add(value or f"echo {index}", index * 60, **dict.fromkeys(names, value))
    database.add_copy([f"echo {text!r}" for text in UNUSUAL_TEXTS], 9_000, hostname=b"x\xff")
    database.connection.close()
    return Path(database.path)


def mcfly(home: Path) -> Path:
    database = Mcfly(home / "history.db")
    for index, value in enumerate(VALUES):
        names = ("session_id", "dir")
        texts = dict.fromkeys(names, "" if value is None else value)
        database.add(value or f"echo {index}", index * 60, **texts)
    database.add_copy([b"echo " + text for text in UNUSUAL_TEXTS.values()])
    database.connection.close()
    return Path(database.path)


def histdb(home: Path) -> Path:
    database = Histdb(home / "zsh-history.db")
    for index, value in enumerate(VALUES):
        names = ("session", "host", "dir")
        database.add(value or f"echo {index}", index * 60, **dict.fromkeys(names, value))
    database.connection.close()
    return Path(database.path)


SOURCES: dict[str, Callable[[Path], Path]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
    "atuin": atuin,
    "hishtory": hishtory,
    "mcfly": mcfly,
    "zsh-histdb": histdb,
}


def test_each_tool_has_a_source_here():
    assert {tool.KIND.decode() for tool in importers()} == SOURCES.keys()


def json_of_every_command(member: Member) -> dict[str, Any]:
    """Check that no command fails; return what each prints as JSON."""
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
    return {" ".join(line): result.json for line, result in results.items() if "--json" in line}


@pytest.mark.parametrize("source", SOURCES)
def test_imported_commands_of_any_bytes_are_synced(tmp_path, source):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    path = SOURCES[source](tmp_path / "laptop")
    imported = laptop.hx("import", str(path), "--from", source, "--json")
    assert imported.code == 0, imported
    laptop.sync()
    pulled = desktop.sync()["pulled"]
    assert pulled["events"] == len(laptop.history) >= len(UNUSUAL_TEXTS)
    assert shown_events(laptop) == shown_events(desktop)
    late = Member(tmp_path / "late", laptop.folder, "late")
    result = late.join(laptop.invite())
    assert result.code == 0, result
    assert result.json["events"] == len(laptop.history)


def shown_events(member: Member) -> list[dict[str, Any]]:
    """Run every command; return the events without the name of the device, which differs."""
    return [
        event | {"device": None} for event in json_of_every_command(member)["find --all --json"]
    ]


@pytest.mark.parametrize("host", [b"box\xff", b"\xff", b"b\xc3\xa9"])
def test_commands_directories_and_hosts_of_any_bytes_are_synced(tmp_path, host):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    for number, text in enumerate(UNUSUAL_DATABASE_TEXTS.values()):
        laptop.record(
            b"echo " + text.replace(b"\0", b""),
            cwd=b"/" + text.replace(b"\0", b""),
            session=f"{number:032x}",
            host=host,
        )
    laptop.sync()
    assert desktop.sync()["pulled"]["events"] == len(UNUSUAL_DATABASE_TEXTS)
    assert shown_events(laptop) == shown_events(desktop)


@pytest.mark.parametrize(
    "line",
    [
        ("sync", "init", "--store", b"folder:{}/st\xff", "--custody", "file"),
        ("sync", "init", "--store", b"folder:{}/st", "--custody", "file", "--name", b"a\xff"),
        ("sync", "init", "--store", b"folder:{}/st", "--custody", "file", "--vault-name", b"\xff"),
        ("sync", "rename", b"a\xff"),
    ],
)
def test_a_name_that_is_not_utf_8_is_refused_before_anything_is_written(tmp_path, line):
    folder = tmp_path / "m"
    member = Member(folder, tmp_path, "m")
    for name in (b"st", b"st\xff"):
        os.mkdir(os.path.join(os.fsencode(folder), name))
    filled = [
        part.replace(b"{}", os.fsencode(folder)) if isinstance(part, bytes) else part
        for part in line
    ]
    result = member.hx(*filled)
    assert (result.code, "is not UTF-8" in result.err) == (2, True), result
    assert all(
        os.listdir(os.path.join(os.fsencode(folder), name)) == [] for name in (b"st", b"st\xff")
    )
