"""The filters that `find` and `search` share: one table for parsing, help and completions.

`hx find` reads its command line with this table instead of an argument parser, because an unknown
word that begins with a dash is text, and because importing the parser takes a third of its time.
"""

from __future__ import annotations

import os

from hx.config import working_directory
from hx.core.errors import UsageError
from hx.core.query import Query, smart_case
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Config


_MAX_NUMBER = (1 << 31) - 1


class Option(NamedTuple):
    """One option of a command."""

    name: str
    value: str  # the name of its value in the help; empty: it takes no value
    help: str
    optional: bool = False  # the value may be missing


FILTERS = (
    Option("--here", "", "events in this directory"),
    Option("--cwd", "DIR", "events in that directory"),
    Option("--repo", "", "events in this repository, in all its clones and directories"),
    Option("--session", "ID", "events of this session, or of the one with this ID", optional=True),
    Option("--device", "NAME", "events of this device: its name, or the first digits of its id"),
    Option("--host", "NAME", "events on this host"),
    Option("--exit", "N", "events with this exit status"),
    Option("--failed", "", "events that failed"),
    Option("--ok", "", "events that succeeded"),
    Option("--since", "WHEN", "events since this time: 15m, 2h, 3d, 1w, yesterday, 2026-11-01"),
    Option("--until", "WHEN", "events before this time"),
    Option("--limit", "N", "at most N results"),
    Option("--all", "", "all results"),
    Option("--unique", "", "each distinct command once, with its newest run"),
    Option("--reverse", "", "results in the opposite order"),
)
OUTPUT = (
    Option("--json", "", "print JSON"),
    Option("--color", "WHEN", "auto, always or never"),
    Option("--help", "", "show this help"),
)


class Line(NamedTuple):
    """A command line, split into words and options."""

    words: list[str]
    options: dict[str, str]


def split(arguments: list[str], options: tuple[Option, ...], *, strict: bool = False) -> Line:
    """Split a command line by the table of options; everything else, and all after `--`, is text.

    `strict` refuses unknown words that begin with a dash. Raises UsageError.
    """
    table = {option.name: option for option in options}
    words: list[str] = []
    given: dict[str, str] = {}
    # in reverse, so that `pop` takes the next word
    rest = arguments[::-1]
    while rest:
        word = rest.pop()
        if word == "--":
            words += rest[::-1]
            break
        name, equals, value = word.partition("=")
        option = table.get("--help" if word == "-h" else name)
        if option is None or (equals and not option.value):
            if strict and word.startswith("-") and word != "-":
                raise UsageError(
                    f"there is no option {word}", "put `--` before text that begins with a dash"
                )
            words.append(word)
        else:
            given[option.name] = _checked(option, value) if equals else _value(option, rest)
    return Line(words, given)


def _value(option: Option, rest: list[str]) -> str:
    """Return the value in the next word. `rest` holds the remaining words in reverse order."""
    if not option.value:
        return ""
    # the next word may be text: only an id is taken for the value
    if option.optional:
        return rest.pop() if rest and _looks_like_id(rest[-1]) else ""
    return _checked(option, rest.pop() if rest else "")


def _checked(option: Option, value: str) -> str:
    if not value and not option.optional:
        raise UsageError(f"{option.name} needs a value", f"say {option.name} {option.value}")
    return value


def _looks_like_id(word: str) -> bool:
    """Return whether a word is half an id or more; shorter hexadecimal words are text."""
    return len(word) >= 16 and not word.strip("0123456789abcdefABCDEF")  # noqa: PLR2004


def readable(word: str) -> str:
    """Return a word of the command line as the database holds text: invalid UTF-8 is replaced."""
    return word if word.isascii() else os.fsencode(word).decode(errors="replace")


def to_query(line: Line, config: Config, now_us: int) -> Query:
    """Return the query that the options describe. Raises UsageError for values that cannot be."""
    given = line.options
    text = readable(" ".join(line.words))
    if "--failed" in given and "--ok" in given:
        raise UsageError("--failed and --ok exclude each other", "leave one of them out")
    case = config.values["case"]
    return Query(
        text=text,
        exact_case=case == "exact" or (case == "smart" and smart_case(text)),
        cwd=_directory(given),
        repo=_repository() if "--repo" in given else None,
        session_id=session_id(given["--session"], config) if "--session" in given else None,
        device=readable(given["--device"]) if "--device" in given else None,
        host=os.fsencode(given["--host"]) if "--host" in given else None,
        exit_status=_number(given, "--exit"),
        failed=True if "--failed" in given else False if "--ok" in given else None,
        since_us=_moment(given, "--since", now_us),
        until_us=_moment(given, "--until", now_us),
        limit=_limit(given, config),
        unique="--unique" in given,
        reverse="--reverse" in given,
    )


def _directory(given: dict[str, str]) -> bytes | None:
    if "--cwd" in given:
        path = os.path.expanduser(given["--cwd"])
        # links stay in the path, because events have the name that the shell used
        return os.fsencode(os.path.normpath(os.path.join(working_directory(), path)))
    return os.fsencode(working_directory()) if "--here" in given else None


def _repository() -> bytes:
    from hx.capture.git import look_up

    repo, _ = look_up(os.fsencode(working_directory()))
    if repo is None:
        raise UsageError("this directory is in no git repository", "use --here for the directory")
    return repo


def session_id(text: str, config: Config) -> bytes:
    """Return the id in 32 hexadecimal digits; for empty text the one of this shell.

    Raises UsageError.
    """
    text = text or config.session or ""
    if not text:
        raise UsageError(
            "this shell is not recorded, so there is no current session",
            "name a session: --session ID (`hx show EVENT` shows it)",
        )
    if len(text) != 32 or text.strip("0123456789abcdefABCDEF"):  # noqa: PLR2004
        raise UsageError(
            f"{text!r} is not the id of a session",
            "it has 32 hexadecimal digits; put `--` between --session and text",
        )
    return bytes.fromhex(text)


def _number(given: dict[str, str], name: str) -> int | None:
    if name not in given:
        return None
    try:
        number = int(given[name])
    except ValueError:
        number = _MAX_NUMBER + 1
    if abs(number) > _MAX_NUMBER:
        raise UsageError(
            f"{name} cannot read {given[name]!r} as a number", f"say a whole number: {name} 1"
        )
    return number


def _limit(given: dict[str, str], config: Config) -> int | None:
    if "--all" in given:
        return None
    limit = _number(given, "--limit")
    if limit is None:
        return config.limit
    if limit < 1:
        raise UsageError("--limit cannot be less than 1", "use --all for no limit")
    return limit


def _moment(given: dict[str, str], name: str, now_us: int) -> int | None:
    if name not in given:
        return None
    from hx.cli.times import moment

    return moment(given[name], now_us, name)
