"""Databases of other tools, made with the statements of their own sources.

hishtory 0.335 (commit 32cd23d, client/data/data.go: the table that GORM makes of HistoryEntry, as
the driver glebarez/sqlite names its types, and client/hctx/hctx.go), mcfly 0.9.4 (commit b6c4d46,
src/history/history.rs and schema.rs), zsh-histdb (commit 90a6c10, sqlite-history.zsh; the tables
before version 2: commit 8e5cbbe). Only the statements that define the format are repeated here.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FIRST_S = 1_700_000_000
BATCH = "c0ffee00-0000-4000-8000-000000000001"

HISHTORY = """
CREATE TABLE `history_entries` (`local_username` text,`hostname` text,`command` text,
 `current_working_directory` text,`home_directory` text,`exit_code` integer,`start_time` datetime,
 `end_time` datetime,`device_id` text,`entry_id` text,`custom_columns` text);
CREATE UNIQUE INDEX `compositeindex` ON `history_entries`(`local_username`,`hostname`,`command`,
 `current_working_directory`,`home_directory`,`exit_code`,`start_time`,`end_time`,`device_id`,
 `entry_id`);
CREATE INDEX IF NOT EXISTS start_time_index ON history_entries(start_time);
CREATE INDEX IF NOT EXISTS end_time_index ON history_entries(end_time);
CREATE INDEX IF NOT EXISTS entry_id_index ON history_entries(entry_id);
"""
HISHTORY_2022 = """
CREATE TABLE `history_entries` (`local_username` text,`hostname` text,`command` text,
 `current_working_directory` text,`exit_code` integer,`start_time` datetime,`end_time` datetime);
"""
MCFLY = """
CREATE TABLE commands(id INTEGER PRIMARY KEY AUTOINCREMENT, cmd TEXT NOT NULL, cmd_tpl TEXT,
 session_id TEXT NOT NULL, when_run INTEGER NOT NULL, exit_code INTEGER NOT NULL,
 selected INTEGER NOT NULL, dir TEXT, old_dir TEXT);
CREATE INDEX command_cmds ON commands (cmd);
CREATE INDEX command_session_id ON commands (session_id);
CREATE INDEX command_dirs ON commands (dir);
CREATE TABLE selected_commands(id INTEGER PRIMARY KEY AUTOINCREMENT, cmd TEXT NOT NULL,
 session_id TEXT NOT NULL, dir TEXT NOT NULL);
CREATE INDEX selected_command_session_cmds ON selected_commands (session_id, cmd);
CREATE TABLE IF NOT EXISTS schema_versions(id INTEGER PRIMARY KEY AUTOINCREMENT,
 version INTEGER NOT NULL, when_run INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS schema_versions_index ON schema_versions (version);
"""
MCFLY_2018 = """
CREATE TABLE commands(id INTEGER PRIMARY KEY AUTOINCREMENT, cmd TEXT NOT NULL,
 when_run INTEGER NOT NULL, exit_code INTEGER NOT NULL, dir TEXT, old_dir TEXT);
"""
HISTDB = """
create table commands (id integer primary key autoincrement, argv text,
 unique(argv) on conflict ignore);
create table places (id integer primary key autoincrement, host text, dir text,
 unique(host, dir) on conflict ignore);
create table history (id integer primary key autoincrement, session int,
 command_id int references commands (id), place_id int references places (id), exit_status int,
 start_time int, duration int);
PRAGMA user_version = 2;
create index if not exists hist_time on history(start_time);
create index if not exists place_dir on places(dir);
create index if not exists place_host on places(host);
create index if not exists history_command_place on history(command_id, place_id);
PRAGMA journal_mode = WAL;
"""
HISTDB_2017 = """
create table commands (argv text, unique(argv) on conflict ignore);
create table places (host text, dir text, unique(host, dir) on conflict ignore);
create table history (session int, command_id int references commands (rowid),
 place_id int references places (rowid), exit_status int, start_time int, duration int);
"""


def made(path: Path, statements: str) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.execute(statements)
    return connection


class Hishtory:
    """A database of hishtory. Times are seconds after FIRST_S, which may have a fraction."""

    def __init__(self, path: Path, *, wal: bool = True) -> None:
        self.path = str(path)
        self.connection = apsw.Connection(self.path)
        if wal:
            self.connection.pragma("journal_mode", "wal")
        self.connection.execute(HISHTORY)
        self.count = 0

    def add(
        self,
        command: object,
        offset_s: float = 0.0,
        took_s: float | None = 0.5,
        **columns: object,
    ) -> None:
        """Add a row; `took_s` None: the command still runs."""
        self.count += 1
        end = "1970-01-01 00:00:00+00:00" if took_s is None else go_time(offset_s + took_s)
        row = {
            "local_username": "ann",
            "hostname": "box",
            "command": command,
            "current_working_directory": "~/src",
            "home_directory": "/home/ann",
            "exit_code": 0,
            "start_time": go_time(offset_s),
            "end_time": end,
            "device_id": "0b4b7e1f-7a51-4a6f-9d4b-2f5a5d1f0c01",
            "entry_id": f"7f1e4c7e-0000-4000-8000-{self.count:012x}",
            "custom_columns": b"[]",
        } | columns
        names = ", ".join(row)
        places = ", ".join("?" * len(row))
        self.connection.execute(
            f"INSERT INTO history_entries ({names}) VALUES ({places})", tuple(row.values())
        )

    def add_copy(
        self, lines: Iterable[object], offset_s: float = 0.0, batch: str = BATCH, **columns: object
    ) -> None:
        """Add lines as hishtory copies them from the histories of shells (ImportHistory)."""
        for number, line in enumerate(lines):
            facts = {"entry_id": f"{batch}{number}", "current_working_directory": "Unknown"}
            self.add(text(line), offset_s + number / 500, 0.001, **facts | columns)


def go_time(offset_s: float) -> str:
    """Return a time as the driver for SQLite writes it."""
    at = dt.datetime.fromtimestamp(FIRST_S, dt.UTC)
    at += dt.timedelta(microseconds=round(offset_s * 1_000_000))
    fraction = f".{at.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction}+00:00"


def text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) and is_utf8(value) else value


def is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


class Mcfly:
    """A database of mcfly, which was made at FIRST_S. Times are seconds after that."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.connection = made(path, MCFLY)
        sql = "INSERT INTO schema_versions (version, when_run) VALUES (3, ?)"
        self.connection.execute(sql, (FIRST_S,))

    def add(self, cmd: object, offset_s: int = 0, exit_code: object = 0, **columns: object) -> None:
        """Add a row; the time is that of the end, as mcfly writes it."""
        row = {"session_id": "aB3aB3aB3aB3aB3aB3aB3aB3", "dir": "/srv"} | columns
        self.connection.execute(
            "INSERT INTO commands (cmd, cmd_tpl, session_id, when_run, exit_code, selected, dir,"
            " old_dir) VALUES (?, '', ?, ?, ?, 0, ?, NULL)",
            (cmd, row["session_id"], FIRST_S + offset_s, exit_code, row["dir"]),
        )

    def add_copy(self, lines: Iterable[object], times: Iterable[int] | None = None) -> None:
        """Add lines as mcfly copies them from bash and zsh, or with times as from fish."""
        lines = list(lines)
        for line, offset_s in zip(lines, times or [0] * len(lines), strict=True):
            self.connection.execute(
                "INSERT INTO commands (cmd, cmd_tpl, session_id, when_run, exit_code, selected)"
                " VALUES (?, '', 'IMPORTED', ?, 0, 0)",
                (line, FIRST_S + offset_s),
            )


class Histdb:
    """A database of zsh-histdb. Times are seconds after FIRST_S."""

    def __init__(self, path: Path, statements: str = HISTDB) -> None:
        self.path = str(path)
        self.connection = made(path, statements)

    def add(self, argv: object, offset_s: int = 0, took_s: object = 0, **columns: object) -> None:
        """Add a row; `columns` may name session, exit_status, host and dir."""
        row = {"session": 0, "exit_status": 0, "host": "box", "dir": "/srv"} | columns
        place = row["host"], row["dir"]
        self.connection.execute("insert into commands (argv) values (?)", (argv,))
        self.connection.execute("insert into places (host, dir) values (?, ?)", place)
        self.connection.execute(
            "insert into history (session, command_id, place_id, exit_status, start_time, duration)"
            " select ?, commands.rowid, places.rowid, ?, ?, ? from commands, places"
            " where commands.argv is ? and places.host is ? and places.dir is ?",
            (row["session"], row["exit_status"], FIRST_S + offset_s, took_s, argv, *place),
        )
