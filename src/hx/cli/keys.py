"""Custody of this device's keys for commands: where they are, and who enters the passphrase."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from functools import cache

from hx import config as settings
from hx import custody, device
from hx.cli.prompts import at_terminal, notice, secret
from hx.core.errors import HxError, InputError, KeyMissing, KeysLost
from hx.custody import moves
from hx.custody.files import PASSPHRASE, CustodyPaths, read_note, stem, successor_paths
from hx.custody.patience import PERSON_S, Patience, nobody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.format.keys import DeviceKeys
    from hx.custody import Custody
    from hx.custody.key_set import Secrets


NEW = "HX_NEW_PASSPHRASE_COMMAND"
RESTORE = "restore it from a backup of this folder"
_COMMAND_S = 30  # for the program that prints the passphrase, in the background


def place(context: Context) -> CustodyPaths:
    """Return where custody keeps the keys of this device."""
    folder, who = os.path.dirname(context.database.path), context.who
    return CustodyPaths(stem(folder), who.device_id, who.shared, patience(context.config))


def patience(config: Config) -> Patience:
    """Return how long this run waits for a keychain, before the first library looks for one."""
    settings.find_session_bus()
    return _patience(config.is_background)


@cache  # the waits of a run add up
def _patience(is_background: bool) -> Patience:
    return nobody() if is_background else Patience(PERSON_S, _tell)


def _tell(sentence: str) -> None:
    if sentence:
        notice(sentence)
    for path in _notes:
        # a full disk must not end a wait
        with suppress(OSError), open(path, "w", encoding="utf-8") as file:
            file.write(sentence)


_notes: list[str] = []  # files that tell other processes what this one waits for


@contextmanager
def noting_waits(path: str) -> Iterator[None]:
    """Keep in a file what this process waits for, while it waits for a keychain.

    A process that was killed may have left its note there: it is removed.
    """
    _notes.append(path)
    with suppress(OSError):
        os.truncate(path, 0)
    try:
        yield
    finally:
        _notes.remove(path)


def key_path(context: Context) -> str:
    """Return the path of the key file of the first run. Custody removes it when it has the keys."""
    return device.key_path(os.path.dirname(context.database.path))


def choose(context: Context, kind: str | None) -> Custody:
    """Return the custody for `--custody KIND`, or the best one without it.

    It asks for the passphrase here, before anything is written on this device or in the store. A
    device that is in no vault may have its keys in another kind, from where they are moved.

    Raises KeyMissing.
    """
    where, ask = place(context), asker(context.config)
    note = read_note(where.note)
    if note is not None and kind not in (None, note.kind):
        chosen = moves.change(loaded(context)[1], str(kind), where, ask)
    else:
        chosen = custody.choose(kind, where, ask)
    prepare(chosen, ask, new=note is None)
    return chosen


def prepare(chosen: Custody, ask: Callable[[bool], bytes], *, new: bool) -> None:
    """Say which kind is passed over, and ask for the passphrase if there is to be one."""
    if chosen.passed_over:
        print(f"hx: warning: {chosen.passed_over}", file=sys.stderr)
    if chosen.name == PASSPHRASE:
        ask(new)


def naming(chosen: Custody, keep: Callable[[Secrets], None]) -> Callable[[Secrets], None]:
    """Return a function that stores keys as `keep` does, and says once on stderr where they are."""
    told: list[bool] = []

    def kept(secrets: Secrets) -> None:
        if not told:
            print(f"hx: the keys of this device go into {chosen.describe()}", file=sys.stderr)
            told.append(True)
        keep(secrets)

    return kept


def opened(context: Context) -> Custody:
    """Return the custody that was chosen when the device joined its vault. Raises KeyMissing."""
    where, ask = place(context), asker(context.config)
    if has_successor(context):
        moves.take_over(successor_paths(where, where.device_id), where, ask)
    return custody.opened(where, ask)


def has_successor(context: Context) -> bool:
    """Return whether a change of the id was interrupted after the database had the new one.

    Then the keys of that id lie beside the old ones, and `opened` lets them take their place.
    """
    where = place(context)
    note = read_note(successor_paths(where, where.device_id).note)
    return note is not None and note.device_id == where.device_id


def loaded(context: Context) -> tuple[Custody, Secrets]:
    """Return the custody and the keys in it, and finish an interrupted move of the keys.

    Raises KeyMissing.
    """
    from hx.device import retire

    kept = opened(context)
    secrets = kept.load()
    # an interrupted move has left the unencrypted file
    retire(key_path(context), secrets)
    return kept, secrets


def device_keys(context: Context) -> DeviceKeys:
    """Return the keys of this device, from custody or else from its key file. Raises KeyMissing."""
    from hx.device import read_keys

    if read_note(place(context).note) is not None:
        return loaded(context)[1].device
    path = key_path(context)
    try:
        return read_keys(path)
    except FileNotFoundError:
        raise KeysLost(f"the key file {path} is missing", RESTORE) from None


def asker(config: Config, option: str = "--custody") -> Callable[[bool], bytes]:
    """Return a function that asks for the passphrase once in this process; its argument is `new`.

    It runs HX_PASSPHRASE_COMMAND, or else asks on the terminal, twice for a new passphrase. The
    `option` chooses the kind of custody in this command: the hint names it.
    """

    def ask(new: bool) -> bytes:
        if not _answers:
            _answers.append(_passphrase(config, option if new else None))
        return _answers[0]

    return ask


_answers: list[bytes] = []  # at most one: a process works for one device


def _passphrase(config: Config, option: str | None) -> bytes:
    # a variable that is set and empty is an error: a script must not wait for a terminal
    if config.passphrase_command is not None:
        from hx.custody.passphrase_command import PATIENCE_S, passphrase

        limit_s = _COMMAND_S if config.is_background else PATIENCE_S
        return passphrase(config.passphrase_command, limit_s)
    if config.is_background:
        raise KeyMissing(
            "the keys of this device are sealed with a passphrase: the sync waits for it",
            "run `hx sync` on a terminal, or set HX_PASSPHRASE_COMMAND to a program that prints it",
        )
    if not at_terminal():
        raise _nobody_to_ask(option)
    return _new_passphrase() if option else secret("passphrase of this device's keys: ")


def next_passphrase(config: Config) -> bytes:
    """Return the passphrase that replaces the present one, by HX_NEW_PASSPHRASE_COMMAND or typed.

    Raises KeyMissing, InputError.
    """
    if config.new_passphrase_command is not None:
        from hx.custody.passphrase_command import passphrase

        try:
            return passphrase(config.new_passphrase_command)
        except KeyMissing as error:
            message = error.message.replace("HX_PASSPHRASE_COMMAND", NEW)
            raise KeyMissing(message, error.hint) from None
    if not at_terminal():
        raise KeyMissing(
            "there is no terminal to ask on for the new passphrase: nothing was changed",
            f"set {NEW} to a program that prints it",
        )
    return _new_passphrase()


def _nobody_to_ask(option: str | None) -> KeyMissing:
    are = "would be" if option else "are"
    other = f", or say `{option} file` to keep the keys unencrypted" if option else ""
    return KeyMissing(
        f"the keys of this device {are} sealed with a passphrase, and there is no terminal to ask"
        " on",
        f"set HX_PASSPHRASE_COMMAND to a program that prints the passphrase{other}",
    )


def _new_passphrase() -> bytes:
    first = secret("a new passphrase, to seal the keys of this device: ")
    if secret("the same passphrase again: ") != first:
        raise InputError("the two passphrases differ: nothing was changed", "run the command again")
    return first


def forget(config: Config) -> list[str]:
    """Remove the keys of this device from custody, for a purge, and return what failed."""
    present, faults = stem(config.paths.data), []
    # `renewed` may have been interrupted, with new keys beside the present ones
    for trunk in (present, f"{present}-next"):
        try:
            note = read_note(f"{trunk}.toml")
            if note is not None:
                where = CustodyPaths(trunk, note.device_id, patience=patience(config))
                moves.remove_copy(where, asker(config))
                custody.opened(where, asker(config)).forget()
        except HxError as error:
            faults.append(f"{error.message}; {error.hint}")
    return faults
