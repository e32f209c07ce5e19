"""What `hx sync init`, `join` and `recover` ask at their end: shall this machine sync by itself?"""

from __future__ import annotations

import sys

from hx.cli.auto_sync import follow, place_of, turn_off
from hx.cli.commands.sync.auto import turn_on
from hx.cli.commands.sync.vault_access import vault_of
from hx.cli.context import open_context
from hx.cli.prompts import at_terminal, chosen, drop_typed
from hx.core.errors import HxError, Refused
from hx.files import sentence
from hx.scheduler import install, note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.config import Config

_HINT = "run `hx sync` from now on; `hx sync auto on` lets this machine do that by itself"
_QUESTION = "Let this machine sync by itself from now on?"


def offer(given: Namespace, config: Config) -> None:
    """Let this machine sync by itself, as the options or the answer say; a script gets a hint.

    A failure is printed as a warning: the device is in the vault all the same.
    """
    if note.read(config.paths.data) is not None and given.auto is None:
        follow(config, vault_of(open_context(config)).store)
        return
    wanted = given.auto
    if wanted is None and at_terminal() and not given.json and _is_possible(config):
        wanted = _answer()
    if wanted:
        _turn_on(config, quiet=given.json)
        return
    if given.auto is False:
        turn_off(config)  # of an earlier vault
    print(f"hx: {_HINT}", file=sys.stderr)


def _is_possible(config: Config) -> bool:
    try:
        install.best(place_of(config).user)
    except HxError:
        return False
    return True


def _answer() -> bool:
    drop_typed()
    try:
        return chosen(_QUESTION, ("yes", "no"), "yes") == "yes"
    except Refused:  # no answer: the device is in the vault, and nothing more is done
        return False


def _turn_on(config: Config, *, quiet: bool) -> None:
    try:
        turn_on(config, quiet=quiet)
    except (HxError, OSError) as error:
        said = sentence(error) if isinstance(error, OSError) else error.message
        hint = "`hx doctor` checks the folders of hx" if isinstance(error, OSError) else error.hint
        print(
            f"hx: warning: this machine does not sync by itself: {said}\nhx: hint: {hint}"
            f"\nhx: {_HINT}",
            file=sys.stderr,
        )
