"""cron: a line in the crontab of the user that starts `hx sync --background`.

The lines of hx are the first ones, between two marks. There no setting of the user's lines, such as
SHELL, holds for them; and what is removed leaves the user's text as it was, byte for byte.
"""

from __future__ import annotations

import os

from hx.core.errors import InputError, SchedulerError
from hx.scheduler.job import Job, require, require_plain, require_utf8, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.scheduler.job import User

_BEGIN = "# hx sync auto: the next line is written by hx, for "
_END = "# hx sync auto: end of the lines of hx for "
_LONGEST = 900  # bytes of a line; cron takes 998
_HOUR, _DAY = 60, 24 * 60  # minutes
_NONE = ("no crontab for", "no such file or directory")  # the latter from busybox
_HINT = "`crontab -l` has to work by hand; or name another one: hx sync auto on --by systemd"


def line(job: Job, offset: int) -> str:
    """Return the line of a crontab; `offset` (0 to 59) spreads machines over the minutes.

    Raises InputError for what does not fit in it.
    """
    from shlex import quote

    variables = (f"{name}={quote(require_utf8(value))}" for name, value in job.variables)
    command = " ".join(
        [
            *variables,
            f"nice {quote(require_plain(job.executable))} sync --background --trigger timer",
            ">/dev/null 2>&1",
        ]
    )
    if "\n" in command:
        raise InputError(
            "HX_PASSPHRASE_COMMAND has a line break in it, which a crontab cannot hold",
            "put the command into a script, and name that",
        )
    # cron ends a command at a percent sign
    made = f"{schedule(job.minutes, offset)} {command.replace('%', chr(92) + '%')}"
    if len(made.encode()) > _LONGEST:
        raise InputError(
            "the line would be too long for a crontab", "shorten HX_PASSPHRASE_COMMAND"
        )
    return made


def schedule(minutes: int, offset: int) -> str:
    """Return the five fields for a period, rounded down to what cron can say."""
    if minutes < _HOUR:
        first = offset % minutes
        return f"{first}-59/{minutes} * * * *" if minutes > 1 else "* * * * *"
    if minutes < _DAY:
        return f"{offset} */{minutes // _HOUR} * * *"
    return f"{offset} {offset % 24} * * *"


def with_line(text: bytes, job: Job, offset: int) -> bytes:
    """Return a crontab with the line of this job, in place of an earlier one. Raises InputError."""
    database = require_plain(job.database)
    block = f"{_BEGIN}{database}\n{line(job, offset)}\n{_END}{database}\n"
    return block.encode() + without_line(text, job.database)


def without_line(text: bytes, database: str) -> bytes:
    """Return a crontab without the lines of hx for a database. All others stay as they are."""
    begin, end = (os.fsencode(f"{mark}{database}\n") for mark in (_BEGIN, _END))
    start = _line_start(text, begin)
    stop = text.find(end, start)
    # without the second mark nobody knows which lines are ours
    if start < 0 or stop < 0:
        return text
    return text[:start] + text[stop + len(end) :]


def _line_start(text: bytes, mark: bytes) -> int:
    """Return where a line that is the mark begins; -1: nowhere."""
    return 0 if text.startswith(mark) else text.find(b"\n" + mark) + 1 or -1


def job_line(text: bytes, database: str) -> str | None:
    """Return the line of hx for a database in a crontab; None: there is none."""
    if without_line(text, database) == text:
        return None
    start = _line_start(text, os.fsencode(f"{_BEGIN}{database}\n"))
    return os.fsdecode(text[start:].split(b"\n")[1])


def why_not(user: User) -> str | None:
    """Return why cron cannot be used; None: it can, as far as `crontab -l` tells."""
    if not _is_installed(user):
        return "there is no crontab on this machine"
    try:
        read(user)
    except SchedulerError as error:
        return error.message
    return None


def _is_installed(user: User) -> bool:
    from shutil import which

    return which("crontab", path=user.environment.get("PATH")) is not None


def read(user: User) -> bytes:
    """Return the crontab of the user; empty when there is none. Raises SchedulerError."""
    ended = run(("crontab", "-l"), user)
    if ended.is_success:
        return ended.out
    if any(words in ended.error.lower() for words in _NONE):
        return b""
    raise SchedulerError(
        f"`crontab -l` failed, so nothing is written: {ended.error or ended.code}", _HINT
    )


def install(job: Job, user: User, offset: int) -> tuple[str, ...]:
    """Put the line into the crontab; return no files. Raises SchedulerError, InputError."""
    _write(user, with_line(read(user), job, offset))
    return ()


def remove(user: User, database: str) -> bool:
    """Remove the line from the crontab; return whether there was one. Raises SchedulerError."""
    if not _is_installed(user):
        return False
    text = read(user)
    rest = without_line(text, database)
    if rest == text:
        return False
    if rest:
        _write(user, rest)
    else:  # an empty crontab would stay
        require(("crontab", "-r"), user, _HINT)
    return True


def is_active(user: User, database: str) -> bool:
    """Return whether the line is in the crontab. Raises SchedulerError."""
    return job_line(read(user), database) is not None


def _write(user: User, text: bytes) -> None:
    require(("crontab", "-"), user, _HINT, given=text)
