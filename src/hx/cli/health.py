"""The checks of `hx doctor` around the database: files, disk, names."""

from __future__ import annotations

import os
import shlex

from hx.cli import recording
from hx.cli.health_part import FAULT, OK, WARNING, Finding
from hx.config import search_path
from hx.files import on_network
from hx.setup.undo import is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.config import Config

_LITTLE_BYTES, _FEW_BYTES = 10 << 20, 200 << 20


def capture(config: Config, now_us: int) -> Iterator[Finding]:
    prevented = recording.prevented(config.paths)
    paused = recording.paused(config.paths, now_us)
    if prevented:
        yield Finding("capture", FAULT, prevented, "see to the folder; until then nothing is kept")
    if paused:
        yield Finding("capture", WARNING, paused, "hx resume")
    for warning in config.warnings:
        yield Finding("settings", WARNING, warning, f"edit {shlex.quote(config.paths.config)}")


def permissions(config: Config) -> Iterator[Finding]:
    """Of every folder and file that holds what was typed."""
    bad = [
        finding
        for path, mode in _private_paths(config)
        if (finding := _permission(path, mode)) is not None
    ]
    yield from bad
    if not bad:
        yield Finding("files", OK, "folders and files belong to you alone")


def _private_paths(config: Config) -> Iterator[tuple[str, int]]:
    folders = [config.paths.data, config.paths.spool]
    for folder in dict.fromkeys(folders):
        if not os.path.isdir(folder):
            continue
        yield folder, 0o700
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            ours = folder == config.paths.spool or is_ours(entry.name)
            if ours and entry.is_file(follow_symlinks=False):
                yield entry.path, 0o600


def _permission(path: str, mode: int) -> Finding | None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:  # drained and deleted meanwhile
        return None
    quoted = shlex.quote(path)
    if status.st_uid != os.geteuid():
        sentence = f"{path} belongs to another user (uid {status.st_uid})"
        return Finding("files", FAULT, sentence, f"sudo chown {os.geteuid()} {quoted}")
    if status.st_mode & 0o777 & ~mode:
        sentence = f"others may read or write {path} ({status.st_mode & 0o777:o})"
        return Finding("files", FAULT, sentence, f"chmod {mode:o} {quoted}")
    return None


def disk(config: Config) -> Iterator[Finding]:
    if on_network(config.paths.data):
        sentence = f"{config.paths.data} is on a network file system: slower, and one device a host"
        yield Finding("disk", WARNING, sentence, "set XDG_DATA_HOME to a local folder")
    for folder in dict.fromkeys((config.paths.data, config.paths.spool)):
        yield _room(folder)


def _room(folder: str) -> Finding:
    existing = folder
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    status = os.statvfs(existing)
    free_bytes = status.f_bavail * status.f_frsize
    sentence = f"{free_bytes >> 20:,} MiB are free for {folder}"
    if free_bytes >= _FEW_BYTES:
        return Finding("disk", OK, sentence)
    level = FAULT if free_bytes < _LITTLE_BYTES else WARNING
    return Finding("disk", level, sentence, "make room: a full disk loses commands")


def names(_: Config) -> Iterator[Finding]:
    """The Helix editor is called hx too."""
    from hx.cli.commands.init import executable

    ours = os.path.realpath(executable())
    candidates = [os.path.join(folder, "hx") for folder in search_path()]
    there = [path for path in candidates if os.path.isfile(path) and os.access(path, os.X_OK)]
    others = [path for path in there if not _is_ours(path, ours)]
    if not others:
        yield Finding("name", OK, "no other program here is called hx")
    elif there[0] in others:
        sentence = f"`hx` runs {others[0]}, another program (the Helix editor has this name)"
        fix = f"say `history-extended`, or put {os.path.dirname(ours)} first in PATH"
        yield Finding("name", WARNING, sentence, fix)
    else:
        yield Finding("name", OK, f"`hx` is ours; {others[0]} comes later in PATH")


def _is_ours(path: str, ours: str) -> bool:
    """The same file, or the same command under its other name."""
    return os.path.dirname(os.path.realpath(path)) == os.path.dirname(ours)
