"""The filters that `find` and `search` share: one table for parsing, help and completions.

`hx find` reads its line with this table instead of an argument parser: any unknown word that
begins with a dash is text, and an import less is a third of its time.
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
    name: str
    value: str  # what to call its value; empty: it takes none
    help: str
    optional: bool = False  # the value may be missing


FILTERS = (
    Option("--here", "", "in this directory"),
    Option("--cwd", "DIR", "in that directory"),
    Option("--repo", "", "in this repository, all its clones and directories"),
    Option("--session", "ID", "in this session, or in the one with this ID", optional=True),
    Option("--device", "NAME", "on this device: its name or the first digits of its id"),
    Option("--host", "NAME", "on this host"),
    Option("--exit", "N", "with this exit status"),
    Option("--failed", "", "that failed"),
    Option("--ok", "", "that succeeded"),
    Option("--since", "WHEN", "that began since then: 15m, 2h, 3d, 1w, yesterday, 2026-11-01"),
    Option("--until", "WHEN", "that began before then"),
    Option("--limit", "N", "at most N of them"),
    Option("--all", "", "all of them"),
    Option("--unique", "", "each distinct command once, at its newest run"),
    Option("--reverse", "", "in the opposite order"),
)
OUTPUT = (
    Option("--json", "", "print JSON"),
    Option("--color", "WHEN", "auto, always or never"),
    Option("--help", "", "show this help"),
)


class Line(NamedTuple):
    """A command line taken apart."""

    words: list[str]
    options: dict[str, str]


def split(arguments: list[str], options: tuple[Option, ...], *, strict: bool = False) -> Line:
    """Options by the table; all else is text, and so is everything after `--`.

    `strict` refuses unknown words that begin with a dash. Raises UsageError.
    """
    table = {option.name: option for option in options}
    words: list[str] = []
    given: dict[str, str] = {}
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
                    f"there is no option {word}", "`--` goes before text that begins so"
                )
            words.append(word)
        else:
            given[option.name] = _checked(option, value) if equals else _value(option, rest)
    return Line(words, given)


def _value(option: Option, rest: list[str]) -> str:
    """The value that stands in the next word; `rest` is the words to come, last first."""
    if not option.value:
        return ""
    if option.optional:
        return rest.pop() if rest and _looks_like_id(rest[-1]) else ""
    return _checked(option, rest.pop() if rest else "")


def _checked(option: Option, value: str) -> str:
    if not value and not option.optional:
        raise UsageError(f"{option.name} wants a value: {option.name} {option.value}")
    return value


def _looks_like_id(word: str) -> bool:
    """Half an id or more; shorter hexadecimal words are text."""
    return len(word) >= 16 and not word.strip("0123456789abcdefABCDEF")  # noqa: PLR2004


def readable(word: str) -> str:
    """A word of the command line as the database holds text: bytes that are not UTF-8 replaced."""
    return word if word.isascii() else os.fsencode(word).decode(errors="replace")


def to_query(line: Line, config: Config, now_us: int) -> Query:
    """Raises UsageError for values that make no sense."""
    given = line.options
    text = readable(" ".join(line.words))
    if "--failed" in given and "--ok" in given:
        raise UsageError("--failed and --ok exclude each other")
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
        return os.fsencode(os.path.normpath(os.path.join(working_directory(), path)))
    return os.fsencode(working_directory()) if "--here" in given else None


def _repository() -> bytes:
    from hx.capture.git import look_up

    repo, _ = look_up(os.fsencode(working_directory()))
    if repo is None:
        raise UsageError("this directory is in no git repository", "`--here` takes the directory")
    return repo


def session_id(text: str, config: Config) -> bytes:
    """The session that 32 hexadecimal digits name; without them the one of this shell."""
    text = text or config.session or ""
    if not text:
        raise UsageError(
            "this shell is not recorded, so there is no current session",
            "name one: --session ID (`hx show EVENT` tells it)",
        )
    if len(text) != 32 or text.strip("0123456789abcdefABCDEF"):  # noqa: PLR2004
        raise UsageError(
            f"{text!r} is no session id", "it has 32 hexadecimal digits; `--` goes before text"
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
        raise UsageError(f"{name} wants a whole number, not {given[name]!r}")
    return number


def _limit(given: dict[str, str], config: Config) -> int | None:
    if "--all" in given:
        return None
    limit = _number(given, "--limit")
    if limit is None:
        return config.limit
    if limit < 1:
        raise UsageError("--limit wants a number above zero", "`--all` lifts the limit")
    return limit


def _moment(given: dict[str, str], name: str, now_us: int) -> int | None:
    if name not in given:
        return None
    from hx.cli.times import moment

    return moment(given[name], now_us, name)
