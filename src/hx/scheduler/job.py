"""What a scheduler starts, for whom, and how its own programs are run."""

from __future__ import annotations

from hx.core.errors import InputError, SchedulerError
from hx.core.record import NamedTuple
from hx.files import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE_S = 30  # for a program that only writes or asks
_MAX_ERROR = 300  # characters of what a program says that are shown


class Job(NamedTuple):
    """The sync of one data folder, as a scheduler starts it."""

    executable: str  # absolute path of hx
    database: str  # absolute path
    minutes: int  # between two runs
    watched: str = ""  # folder whose changes start a sync too; empty: none
    # (name, value): the environment variables that a scheduler has to set
    variables: tuple[tuple[str, str], ...] = ()


class User(NamedTuple):
    """The user whose scheduler it is, on which machine."""

    uid: int
    name: str
    home: str
    config: str  # XDG_CONFIG_HOME or ~/.config
    system: str  # `Linux`, `Darwin`, as uname says
    environment: Mapping[str, str]  # of the programs that are run


class Ended(NamedTuple):
    """How a program has ended."""

    code: int
    out: bytes
    error: str  # the first line of stderr

    @property
    def is_success(self) -> bool:
        return self.code == 0


def run(
    line: Sequence[str], user: User, *, given: bytes = b"", patience_s: float = PATIENCE_S
) -> Ended:
    """Run a program to its end; `given` is its input. Raises SchedulerError if it cannot be run."""
    import subprocess  # not where nothing is run, as on a machine that never was set up

    # LC_ALL: what `crontab -l` says is compared
    environment = {**user.environment, "LC_ALL": "C"}
    try:
        process = subprocess.run(  # noqa: S603  (fixed names of programs of the system)
            line, input=given, env=environment, capture_output=True, timeout=patience_s, check=False
        )
    except OSError as error:
        raise SchedulerError(
            f"cannot run {line[0]}: {reason(error)}", "check that it is installed, and on PATH"
        ) from None
    except subprocess.TimeoutExpired:
        raise SchedulerError(
            f"`{' '.join(line)}` has not ended after {patience_s:g} seconds",
            "run it by hand to see what it waits for",
        ) from None
    lines = process.stderr.decode(errors="replace").strip().splitlines()
    return Ended(process.returncode, process.stdout, lines[0][:_MAX_ERROR] if lines else "")


def require(line: Sequence[str], user: User, hint: str, *, given: bytes = b"") -> Ended:
    """Run a program that has to succeed. Raises SchedulerError with this hint."""
    ended = run(line, user, given=given)
    if not ended.is_success:
        said = ended.error or f"exit code {ended.code}"
        raise SchedulerError(f"`{' '.join(line)}` failed: {said}", hint)
    return ended


def require_plain(path: str) -> str:
    """Return a path that fits on one line of a unit or a crontab. Raises InputError."""
    require_utf8(path)
    if any(ord(character) < ord(" ") or character == "\x7f" for character in path):
        raise _unfit(path, "has a line break or another control character in it")
    if path != path.strip() or path.endswith("\\"):
        raise _unfit(path, "begins or ends with a blank, or ends with a backslash")
    return path


def require_utf8(text: str) -> str:
    """Return a text that can be written in UTF-8. Raises InputError."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _unfit(text, "is not UTF-8") from None
    return text


def _unfit(path: str, what: str) -> InputError:
    shown = path.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return InputError(
        f"{shown!r} {what}: no scheduler can start something with it",
        "move it to another path, and run `hx sync auto on` again",
    )
