"""What is wrong with a command line, in words of hx in place of those of argparse."""

from __future__ import annotations

import re
from difflib import get_close_matches

from hx.core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Action
    from collections.abc import Iterable

_UNKNOWN = re.compile(r"unrecognized arguments: (-\S*).*", re.DOTALL)
_SAYS = (  # what argparse says, and what hx says
    (
        re.compile(r"unrecognized arguments: (?P<argument>.*)", re.DOTALL),
        "`{program}` does not take {argument!r}",
    ),
    (
        re.compile(r"the following arguments are required: (?P<argument>.*)"),
        "{argument} is missing",
    ),
    (
        re.compile(r"argument (?P<option>\S+): expected (?:one|at least one) argument"),
        "{option} needs a value",
    ),
    (
        re.compile(r"argument (?P<other>\S+): not allowed with argument (?P<option>\S+)"),
        "{option} and {other} cannot be combined",
    ),
    (
        re.compile(r"argument (?P<option>\S+): ignored explicit argument .*", re.DOTALL),
        "{option} takes no value",
    ),
)


def error(message: str, program: str, options: Iterable[str]) -> UsageError:
    """Return the error for a message of argparse; `options` are those of the command."""
    hint = f"`{program} --help` lists the arguments"
    if unknown := _UNKNOWN.fullmatch(message):
        return UsageError(f"there is no option {unknown[1]}", _meant(unknown[1], options) or hint)
    for pattern, says in _SAYS:
        if found := pattern.fullmatch(message):
            return UsageError(says.format(program=program, **found.groupdict()), hint)
    return UsageError(message, hint)


def no_choice(action: Action, value: object, program: str) -> UsageError:
    """Return the error for a value that is none of the choices of an option or an argument."""
    choices = [str(choice) for choice in action.choices or ()]
    option = "/".join(action.option_strings)
    said = f"{option} cannot be {value!r}" if option else f"`{program}` does not take {value!r}"
    *first, last = choices
    return UsageError(said, _meant(str(value), choices) or f"say {', '.join(first)} or {last}")


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word.partition("=")[0], [*known], n=1)
    return f"did you mean {near[0]}?" if near else ""
