"""Argument parsers for commands, and for help, docs and completions of all of them.

What is wrong with a command line is said in words of hx in place of those of argparse.

`hx find`, `hx search` and `hx stats` read their command lines without them.
"""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from typing import NoReturn

from hx.cli.options import FILTERS, OUTPUT, Option
from hx.cli.table import COMMANDS
from hx.core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# patterns are texts: only a wrong line needs them compiled
_UNKNOWN = r"unrecognized arguments: (-\S*).*"
_SAYS = (  # what argparse says, and what hx says
    (
        r"unrecognized arguments: (?P<argument>.*)",
        "`{program}` does not take {argument!r}",
    ),
    (
        r"the following arguments are required: (?P<argument>.*)",
        "{argument} is missing",
    ),
    (
        r"argument (?P<option>\S+): expected (?:one|at least one) argument",
        "{option} needs a value",
    ),
    (
        r"argument (?P<other>\S+): not allowed with argument (?P<option>\S+)",
        "{option} and {other} cannot be combined",
    ),
    (
        r"argument (?P<option>\S+): ignored explicit argument .*",
        "{option} takes no value",
    ),
)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError, so that all errors look alike."""

    def __init__(self, name: str, about: str) -> None:
        super().__init__(
            prog=f"hx {name}",
            description=about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            # an abbreviation would change its meaning with each new option
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        known = [name for action in self._actions for name in action.option_strings]
        raise _in_words_of_hx(message, self.prog, known)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            raise _no_choice(action, value, self.prog)

    def add_json(self) -> None:
        self.add_argument("--json", action="store_true", help="print JSON")

    def add_yes(self) -> None:
        self.add_argument("--yes", action="store_true", help="do not ask")

    def add_text(self, name: str, *, meta: str, about: str, required: bool = False) -> None:
        """Add an option or an argument whose value is text."""
        more = {"required": required} if name.startswith("-") else {}
        self.add_argument(name, type=_text, metavar=meta, help=about, **more)  # type: ignore[arg-type]


def _text(value: str) -> str:
    """Return an argument unchanged. Raises UsageError for bytes that are not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        shown = value.encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise UsageError(f"{shown!r} is not UTF-8", "write this argument in UTF-8") from None
    return value


def parser_of(name: str) -> Parser:
    """Return the parser of a command: each command module has `parser(name)`."""
    made: Parser = import_module(COMMANDS[name].module).parser(name)
    return made


def filters_parser(name: str, words: str, about: str) -> Parser:
    """Return a parser with the options that `find` and `search` read with hx.cli.options."""
    parser = Parser(name, about)
    parser.add_argument(
        "text", nargs="*", metavar=words, help="what to look for; without it, everything"
    )
    add_options(parser, FILTERS)
    add_options(parser, tuple(option for option in OUTPUT if option.name != "--help"))
    return parser


def add_options(parser: argparse.ArgumentParser, options: tuple[Option, ...]) -> None:
    """Add options of hx.cli.options to a parser."""
    for option in options:
        if not option.value:
            parser.add_argument(option.name, action="store_true", help=option.help)
        else:
            arity = "?" if option.optional else None
            parser.add_argument(option.name, metavar=option.value, nargs=arity, help=option.help)


def _in_words_of_hx(message: str, program: str, options: Iterable[str]) -> UsageError:
    """Return the error for a message of argparse; `options` are those of the command."""
    hint = f"`{program} --help` lists the arguments"
    if unknown := re.fullmatch(_UNKNOWN, message, re.DOTALL):
        return UsageError(f"there is no option {unknown[1]}", _meant(unknown[1], options) or hint)
    for pattern, says in _SAYS:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return UsageError(says.format(program=program, **found.groupdict()), hint)
    return UsageError(message, hint)


def _no_choice(action: argparse.Action, value: object, program: str) -> UsageError:
    """Return the error for a value that is none of the choices of an option or an argument."""
    choices = [str(choice) for choice in action.choices or ()]
    option = "/".join(action.option_strings)
    said = f"{option} cannot be {value!r}" if option else f"`{program}` does not take {value!r}"
    *first, last = choices
    return UsageError(said, _meant(str(value), choices) or f"say {', '.join(first)} or {last}")


def _meant(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word.partition("=")[0], [*known], n=1)
    return f"did you mean {near[0]}?" if near else ""
