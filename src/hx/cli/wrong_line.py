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
    (re.compile(r"unrecognized arguments: (.*)", re.DOTALL), "`{program}` does not take {1!r}"),
    (re.compile(r"the following arguments are required: (.*)"), "{1} is missing"),
    (re.compile(r"argument (\S+): expected (?:one|at least one) argument"), "{1} needs a value"),
    (re.compile(r"argument (\S+): not allowed with argument (\S+)"), "{2} excludes {1}"),
    (re.compile(r"argument (\S+): ignored explicit argument .*", re.DOTALL), "{1} takes no value"),
)


def error(message: str, program: str, options: Iterable[str]) -> UsageError:
    """Return the error for a message of argparse; `options` are those of the command."""
    hint = f"`{program} --help` lists the arguments"
    if unknown := _UNKNOWN.fullmatch(message):
        return UsageError(f"there is no option {unknown[1]}", _meant(unknown[1], options) or hint)
    for pattern, says in _SAYS:
        if found := pattern.fullmatch(message):
            return UsageError(says.format(found[0], *found.groups(), program=program), hint)
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
