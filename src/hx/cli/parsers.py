"""Argument parsers: for every command but the hot ones, and for help, docs and completions."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import NoReturn

from hx.cli.options import FILTERS, OUTPUT, Option
from hx.cli.table import COMMANDS
from hx.core.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Wrong arguments become UsageError, so that every error looks alike."""

    def __init__(self, name: str, about: str) -> None:
        super().__init__(
            prog=f"hx {name}",
            description=about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"`{self.prog} --help` says more")

    def add_json(self) -> None:
        self.add_argument("--json", action="store_true", help="print JSON")

    def add_text(self, name: str, *, meta: str, about: str, required: bool = False) -> None:
        """An option, or a word, that is kept as text."""
        more = {"required": required} if name.startswith("-") else {}
        self.add_argument(name, type=_text, metavar=meta, help=about, **more)  # type: ignore[arg-type]


def _text(value: str) -> str:
    """An argument as it is. Raises UsageError for bytes that are not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        shown = value.encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise UsageError(f"{shown!r} is not UTF-8", "say it in characters of UTF-8") from None
    return value


def parser_of(name: str) -> Parser:
    """The parser of a command: each command module has `parser(name)`."""
    made: Parser = import_module(COMMANDS[name].module).parser(name)
    return made


def filters_parser(name: str, words: str, about: str) -> Parser:
    """What `find` and `search` read with hx.cli.options, as a parser."""
    parser = Parser(name, about)
    parser.add_argument("text", nargs="*", metavar=words, help="what to look for; none: everything")
    add_options(parser, FILTERS)
    add_options(parser, tuple(option for option in OUTPUT if option.name != "--help"))
    return parser


def add_options(parser: argparse.ArgumentParser, options: tuple[Option, ...]) -> None:
    for option in options:
        if not option.value:
            parser.add_argument(option.name, action="store_true", help=option.help)
        else:
            arity = "?" if option.optional else None
            parser.add_argument(option.name, metavar=option.value, nargs=arity, help=option.help)
