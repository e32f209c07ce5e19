"""The keys of the picker and its Enter: what `hx setup` proposes, asks, and writes as settings."""

from __future__ import annotations

from hx.cli.prompts import chosen
from hx.core.errors import InputError, UsageError
from hx.core.record import NamedTuple
from hx.setup import settings_lines, user_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hx.config import Config, Value

CTRL_R, UP, ENTER = "picker_ctrl_r", "picker_up_arrow", "picker_enter"
_QUESTIONS = {
    CTRL_R: "Shall Ctrl-R open the picker of hx?",
    UP: "Shall the up arrow open it too?",
    ENTER: "Shall Enter in the picker run the command, or edit it first?",
}
_YES, _NO = "yes", "no"
_ONLY_EDITS = {"fzf", "hishtory"}  # tools whose Enter puts the command on the command line


class Proposal(NamedTuple):
    """The settings of the picker as setup will leave them, and which of them may be asked."""

    values: dict[str, Value]
    open: tuple[str, ...]  # names that neither an option nor the user's config.toml decides
    before: dict[str, Value]  # the settings now

    @property
    def changes(self) -> dict[str, Value]:
        """Return the settings that have to be written."""
        return {name: value for name, value in self.values.items() if value != self.before[name]}


def proposed(config: Config, given: Mapping[str, Value], tool: str, *, is_first: bool) -> Proposal:
    """Return what setup proposes: the options given, config.toml, or what is usual.

    `tool` has Ctrl-R now; `is_first`: setup has not run yet, so it may propose and ask. Raises
    UsageError when an option contradicts a line that the user wrote into config.toml, InputError
    when an option is given and the file cannot be changed.
    """
    fault = _fault(config)
    if given and fault is not None:
        raise InputError(
            f"the settings cannot be written: {fault}", "mend the file, or leave the options out"
        )
    before = {name: config.values[name] for name in _QUESTIONS}
    values, still_open = dict(before), []
    own = {name for name in _QUESTIONS if config.sources[name] != "default"} - _written(config)
    for name, value in given.items():
        if name in own and value != before[name]:
            raise UsageError(
                f"{config.paths.config} says {name} = {spelled(before[name])}",
                "change that line, or leave the option out",
            )
        values[name] = value
    if is_first and fault is None:
        still_open = [n for n in _QUESTIONS if n not in given and config.sources[n] == "default"]
        if ENTER in still_open and tool in _ONLY_EDITS and (values[CTRL_R] or values[UP]):
            values[ENTER] = "edit"
    return Proposal(values, tuple(still_open), before)


def _written(config: Config) -> set[str]:
    try:
        return set(settings_lines.written(user_file.read(config.paths.config).text))
    except InputError:
        return set()


def _fault(config: Config) -> str | None:
    """Return why config.toml cannot be changed, or None."""
    try:
        user_file.require_writable(user_file.read(config.paths.config))
    except InputError as error:
        return error.message
    return next((text for text in config.warnings if "cannot be read" in text), None)


def asked(proposal: Proposal) -> Proposal:
    """Ask what is open, with the proposal as the answer that Enter gives. Raises Refused."""
    values = dict(proposal.values)
    for name in proposal.open:
        if name != ENTER:
            default = _YES if values[name] else _NO
            values[name] = chosen(_QUESTIONS[name], (_YES, _NO), default) == _YES
        elif values[CTRL_R] or values[UP]:
            values[name] = chosen(_QUESTIONS[name], ("run", "edit"), values[name])
        else:
            values[name] = proposal.before[name]
    return proposal._replace(values=values)


def spelled(value: Value) -> str:
    """Return a value as config.toml spells it."""
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
