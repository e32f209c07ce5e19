"""systemd: the texts of the three units of a user that start `hx sync --background`.

`hx-sync.timer` starts `hx-sync.service` again when it has ended for some minutes, so runs never
pile up. `hx-sync.path` starts it when the folder of the manifests changes.
"""

from __future__ import annotations

import os
import re

from hx.scheduler.job import require_plain, require_utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.scheduler.job import Job

SERVICE, TIMER, PATH = "hx-sync.service", "hx-sync.timer", "hx-sync.path"
UNITS = (SERVICE, TIMER, PATH)
TRIGGERS = {TIMER: "timers.target", PATH: "paths.target"}  # unit -> what wants it at login
_CONDITION = "ConditionPathExists="
_START, _ENV = "ExecStart=", "/usr/bin/env "
_MAX_BYTES = 64 << 10
_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|([^\s"]+)')  # of a list that systemctl prints


def texts(job: Job) -> dict[str, str]:
    """Return the text of each unit by its name. Raises InputError for a path that fits in none."""
    made = {SERVICE: _service(job), TIMER: _timer(job)}
    return {**made, PATH: _path(job)} if job.watched else made


def _service(job: Job) -> str:
    # a service or a path unit that is started often would reach the start limit, and fail
    lines = [
        "[Unit]",
        "Description=Sync of the shell history (hx)",
        "StartLimitIntervalSec=0",
        f"{_CONDITION}{_verbatim(job.database)}",
        "",
        "[Service]",
        "Type=oneshot",
        f"{_START}{_command(require_plain(job.executable))} sync --background",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in job.variables),
        "TimeoutStartSec=10min",
        "Nice=10",
        "IOSchedulingClass=idle",
        "CPUSchedulingPolicy=batch",
        "UMask=0077",
        "StandardInput=null",
        "NoNewPrivileges=yes",
        "SuccessExitStatus=3 5 6",
    ]
    return _joined(lines)


def _command(executable: str) -> str:
    """Return the beginning of a command line that runs a program.

    systemd takes no name of a program with a quote or a backslash in it, but such an argument.
    """
    if not any(character in executable for character in "\"'\\"):
        return _quoted(executable)
    return f"{_ENV}{_quoted(executable.replace('$', '$$'))}"


def _timer(job: Job) -> str:
    return _joined(
        [
            "[Unit]",
            "Description=Regular sync of the shell history (hx)",
            "StartLimitIntervalSec=0",
            "",
            "[Timer]",
            "OnActiveSec=2min",
            f"OnUnitInactiveSec={job.minutes}min",
            "AccuracySec=1min",
            "RandomizedDelaySec=30s",
            "",
            "[Install]",
            f"WantedBy={TRIGGERS[TIMER]}",
        ]
    )


def _path(job: Job) -> str:
    return _joined(
        [
            "[Unit]",
            "Description=Sync of the shell history (hx) when another device has published",
            "StartLimitIntervalSec=0",
            "",
            "[Path]",
            f"PathChanged={_verbatim(job.watched)}",
            f"Unit={SERVICE}",
            "",
            "[Install]",
            f"WantedBy={TRIGGERS[PATH]}",
        ]
    )


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _verbatim(path: str) -> str:
    """Return a path as the rest of a line: only specifiers such as %h are replaced there."""
    return require_plain(path).replace("%", "%%")


def _quoted(text: str) -> str:
    """Return a word in double quotes. Raises InputError for what is not UTF-8."""
    text = require_utf8(text)
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("%", "%%")):
        text = text.replace(character, escaped)
    return f'"{text}"'


def folder_in(unit_paths: str, candidates: tuple[str, ...]) -> str:
    """Return the first of these folders in which the manager looks for units, else the first one.

    `unit_paths`: those of the manager, as `systemctl show` prints them. It was started before the
    shell, which may have set XDG_CONFIG_HOME to another folder.
    """
    found = _WORD.findall(unit_paths)
    known = {_unescaped(quoted) if quoted else plain for quoted, plain in found}
    return next((folder for folder in candidates if folder in known), candidates[0])


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def database_of(folder: str) -> str | None:
    """Return the database that the service in a folder syncs; None: there is no such unit."""
    return _value(folder, _CONDITION)


def executable_of(folder: str) -> str | None:
    """Return the path of the hx that the service in a folder starts; None: there is no unit."""
    text = _value(folder, _START)
    if text is None:
        return None
    word = text.removeprefix(_ENV).rpartition('" sync')[0].removeprefix('"')
    path = _unescaped(word)
    return path.replace("$$", "$") if text.startswith(_ENV) else path


def _value(folder: str, name: str) -> str | None:
    try:
        with open(os.path.join(folder, SERVICE), encoding="utf-8") as file:
            lines = file.read(_MAX_BYTES).split("\n")
    except (OSError, ValueError):
        return None
    found = next((line for line in lines if line.startswith(name)), None)
    return None if found is None else found.removeprefix(name).replace("%%", "%")
