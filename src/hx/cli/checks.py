"""The checks of `hx doctor` around the database: shells, files, disk, names."""

from __future__ import annotations

import os
import re
import shlex

from hx.cli import recording
from hx.cli.finding import FAULT, OK, WARNING, Finding
from hx.config import login_shell, search_path
from hx.files import on_network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.config import Config

LEAST = {"bash": (5, 0), "zsh": (5, 8), "fish": (3, 4)}
_VERSION = re.compile(r"(?:version |zsh )(\d+)\.(\d+)")
_OURS = ("hx.db", "device", "ingest.lock", "pause")  # in a folder that may hold other files
_LITTLE_BYTES, _FEW_BYTES = 10 << 20, 200 << 20


def shells(_: Config) -> Iterator[Finding]:
    """Those on PATH, and the login shell where it is another one."""
    from shutil import which

    login = os.path.realpath(login_shell())
    paths = {os.path.realpath(path) for name in LEAST if (path := which(name))}
    if os.path.basename(login) in LEAST and os.path.exists(login):
        paths.add(login)
    found = [_shell(path, is_login=path == login) for path in sorted(paths)]
    yield from found
    if not any(finding.level == OK for finding in found):
        yield Finding("shell", FAULT, "no shell here can be recorded", _NEEDED)


_NEEDED = "install bash 5.0, zsh 5.8 or fish 3.4, or a later one"


def _shell(path: str, *, is_login: bool) -> Finding:
    name = os.path.basename(path)
    version = _version(path)
    if version is None:
        return Finding("shell", WARNING, f"{path} does not tell its version", f"{path} --version")
    said = f"{path} is {name} {version[0]}.{version[1]}"
    least = LEAST[name]
    if version >= least:
        return Finding("shell", OK, said)
    sentence = f"{said}; hx records {name} from {least[0]}.{least[1]} on"
    newer = "install a newer one"
    if (name, version[0]) == ("bash", 3):
        newer = "macOS stays at bash 3.2: `brew install bash`, or use zsh"
    return Finding("shell", FAULT if is_login else WARNING, sentence, newer)


def _version(path: str) -> tuple[int, int] | None:
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603  (a shell of this machine)
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = _VERSION.search(done.stdout)
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def hook(config: Config) -> Iterator[Finding]:
    """Whether the shell that we were called from is recorded."""
    from hx import spool

    session = config.session
    if not session:
        sentence = "this shell is not recorded: HX_SESSION is not set"
        yield Finding("hook", WARNING, sentence, "load the hook: `hx init --help` shows the line")
    elif not any(file.session == session for file in spool.files(config.paths.spool)):
        sentence = f"the hook is loaded, but session {session} has written nothing"
        fix = "run a command; if that does not help, load the hook anew: `hx init --help`"
        yield Finding("hook", WARNING, sentence, fix)
    else:
        yield Finding("hook", OK, "this shell is recorded")


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
            ours = folder == config.paths.spool or entry.name.startswith(_OURS)
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
    from hx.cli.init import executable

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
