"""The checks of `hx doctor` for recording, files, disk, program name and device keys."""

from __future__ import annotations

import os
import shlex

from hx.capture import pause
from hx.cli.times import local
from hx.config import search_path
from hx.core.errors import HxError
from hx.core.record import NamedTuple
from hx.files import on_network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.config import Config, Paths

_LITTLE_BYTES, _FEW_BYTES = 10 << 20, 200 << 20  # free space: a fault, a warning below

OK, WARNING, FAULT = "ok", "warning", "fault"
# retention does not count from the clock of this machine
CLOCK_FIX = "set the clock if it is wrong; else retention counts from it once it is a week older"


class Finding(NamedTuple):
    """The result of one check."""

    check: str  # what was checked, in one or two words
    level: str  # OK, WARNING or FAULT
    sentence: str
    fix: str = ""  # a command, or what to do


def paused(paths: Paths, now_us: int) -> str | None:
    """Return why recording is paused; None when it is not."""
    current = pause.active(paths.pause, now_us)
    return described(current) if current is not None else None


def described(paused: pause.Pause) -> str:
    """Return a sentence that says until when recording is paused, or why."""
    if paused.reason == pause.SPOOL_FULL:
        return "paused: the spool is full; hx records again when the spool is drained"
    if paused.until_s is None:
        return "paused until `hx resume`"
    return f"paused until {local(paused.until_s * 1_000_000)}; `hx resume` ends it"


def prevented(paths: Paths) -> str | None:
    """Return why shells cannot write to the spool; None when they can, or before the first one."""
    obstacle = _obstacle(paths.spool)
    return None if obstacle is None else obstacle[0]


def _obstacle(folder: str) -> tuple[str, str] | None:
    """Return what prevents recording into a spool folder, and the fix; None: nothing does."""
    quoted = shlex.quote(folder)
    try:
        owner = os.stat(folder).st_uid
    except FileNotFoundError:  # the first shell creates it
        return None
    except OSError:
        return (
            f"the spool folder {folder} cannot be reached",
            f"check who owns what leads to {quoted}",
        )
    if not os.path.isdir(folder):
        return f"the spool {folder} is not a folder", f"move {quoted} away: hx makes the folder"
    # before the mode: a chmod of what another user owns would fail
    if owner != os.geteuid():
        sentence = f"the spool folder {folder} belongs to another user (uid {owner})"
        return sentence, f"sudo chown -R {os.geteuid()} {quoted}"
    return _access_obstacle(folder)


def _access_obstacle(folder: str) -> tuple[str, str] | None:
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the spool folder {folder} is not writable", f"chmod 700 {shlex.quote(folder)}"
    if not os.statvfs(folder).f_bavail:
        return f"the disk that holds {folder} is full", "free some space on it"
    return None


def capture(config: Config, now_us: int) -> Iterator[Finding]:
    """Check whether shells can record, and whether every setting is in force."""
    obstacle = _obstacle(config.paths.spool)
    if obstacle is not None:
        why_not, fix = obstacle
        yield Finding("capture", FAULT, why_not, f"{fix}; until then nothing is recorded")
    why_paused = paused(config.paths, now_us)
    if why_paused:
        yield Finding("capture", WARNING, why_paused, "hx resume")
    for warning in config.warnings:
        yield Finding("settings", WARNING, warning, f"edit {shlex.quote(config.paths.config)}")


def permissions(config: Config) -> Iterator[Finding]:
    """Check owner and mode of every folder and file that holds commands."""
    bad = [
        finding
        for path, mode in _private_paths(config)
        if (finding := _permission(path, mode)) is not None
    ]
    bad += _settings_file(config.paths.config)
    yield from bad
    if not bad:
        yield Finding("files", OK, "only you can read and write the folders and files of hx")


def _settings_file(path: str) -> list[Finding]:
    """Return a finding if every user may write to the settings: they would switch masking off."""
    try:
        mode = os.stat(path).st_mode & 0o777
    except OSError:
        return []
    if not mode & 0o002:
        return []
    sentence = f"every user of this machine may write to {path} ({mode:o}): it is not used"
    return [Finding("files", FAULT, sentence, f"chmod o-w {shlex.quote(path)}")]


def _private_paths(config: Config) -> Iterator[tuple[str, int]]:
    """Yield each private path with the mode that it must not exceed."""
    # imported here: `hx pause` uses this module too, and nothing of what undo imports
    from hx.setup.undo import is_ours

    folders = [config.paths.data, config.paths.spool]
    for folder in dict.fromkeys(folders):
        if not os.path.isdir(folder):
            continue
        yield folder, 0o700
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            # HX_HOME may be a folder in which the user keeps other files
            ours = folder == config.paths.spool or is_ours(entry.name)
            if ours and entry.is_file(follow_symlinks=False):
                yield entry.path, 0o600


def _permission(path: str, mode: int) -> Finding | None:
    try:
        # of a folder that HX_HOME is a link to: the mode of a link means nothing
        status = os.stat(path)
    except FileNotFoundError:  # drained and deleted meanwhile
        return None
    quoted = shlex.quote(path)
    if status.st_uid != os.geteuid():
        sentence = f"{path} belongs to another user (uid {status.st_uid})"
        return Finding("files", FAULT, sentence, f"sudo chown {os.geteuid()} {quoted}")
    if status.st_mode & 0o777 & ~mode:
        sentence = f"other users may read or write {path} ({status.st_mode & 0o777:o})"
        return Finding("files", FAULT, sentence, f"chmod {mode:o} {quoted}")
    return None


def disk(config: Config) -> Iterator[Finding]:
    """Check the file system of the data folder, and the free space of data folder and spool."""
    if on_network(config.paths.data):
        sentence = (
            f"{config.paths.data} is on a network file system: hx is slower there, and all hosts"
            " that use it are one device"
        )
        yield Finding("disk", WARNING, sentence, "set XDG_DATA_HOME to a local folder")
    for folder in dict.fromkeys((config.paths.data, config.paths.spool)):
        yield _free_space(folder)


def _free_space(folder: str) -> Finding:
    existing = folder
    # the first shell makes the folder: its parent is on the same disk
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    status = os.statvfs(existing)
    free_bytes = status.f_bavail * status.f_frsize
    sentence = f"{free_bytes >> 20:,} MiB are free for {folder}"
    if free_bytes >= _FEW_BYTES:
        return Finding("disk", OK, sentence)
    level = FAULT if free_bytes < _LITTLE_BYTES else WARNING
    return Finding("disk", level, sentence, "free some space: a full disk loses commands")


def names(_: Config) -> Iterator[Finding]:
    """Check whether `hx` runs this program: the Helix editor has the same name."""
    from hx.cli.hook_paths import executable

    # pipx and uv put a link on PATH
    ours = os.path.realpath(executable())
    candidates = [os.path.join(folder, "hx") for folder in search_path()]
    programs = [path for path in candidates if os.path.isfile(path) and os.access(path, os.X_OK)]
    others = [path for path in programs if not _is_this_program(path, ours)]
    if not others:
        yield Finding("name", OK, "no other program on PATH is called hx")
    elif programs[0] in others:
        sentence = f"`hx` runs {others[0]}, another program (the Helix editor has this name)"
        fix = f"say `history-extended`, or put {os.path.dirname(ours)} first in PATH"
        yield Finding("name", WARNING, sentence, fix)
    else:
        yield Finding("name", OK, f"`hx` runs this program; {others[0]} comes later in PATH")


def _is_this_program(path: str, ours: str) -> bool:
    """Return whether it is the same file, or the same program under its other name."""
    return os.path.dirname(os.path.realpath(path)) == os.path.dirname(ours)


def keys(context: Context) -> Iterator[Finding]:
    """Check that the keys of this device can be read and belong to the id in the database."""
    from hx.cli.keys import place
    from hx.custody.files import read_note

    try:
        note = read_note(place(context).note)
        if note is None:
            yield _key_file(context)
        else:
            yield from _custody(context)
    except HxError as error:
        yield Finding("device", FAULT, error.message, error.hint)


def _key_file(context: Context) -> Finding:
    """Check the key file of a device that is in no vault."""
    from hx.cli.keys import RESTORE, key_path
    from hx.device import verified

    path = key_path(context)
    try:
        device_id = verified(path)
    except FileNotFoundError:
        return Finding("device", FAULT, f"the key file {path} is missing", RESTORE)
    if device_id != context.who.device_id:
        sentence = f"the key file {path} belongs to another device than the database"
        return Finding("device", FAULT, sentence, RESTORE)
    return Finding("device", OK, f"this device is {device_id.hex()}")


def _custody(context: Context) -> Iterator[Finding]:
    """Check the keys of a device in a vault. It opens a keychain, and asks for no passphrase."""
    from hx.cli.keys import key_path, opened

    kept = opened(context)
    # without the passphrase: a check must not ask for anything
    kept.check()
    yield Finding("device", OK, f"this device is {context.who.device_id.hex()}")
    yield Finding("keys", OK, f"the keys of this device are in {kept.describe()}")
    path = key_path(context)
    if os.path.lexists(path):
        sentence = f"the keys also lie unencrypted in {path}, where moving them was interrupted"
        yield Finding("keys", WARNING, sentence, "hx sync")
