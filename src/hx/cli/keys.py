"""Custody on the command line: which device, who is asked for a passphrase, what is told."""

from __future__ import annotations

import os
import sys

from hx import custody
from hx.cli.health_part import FAULT, OK, WARNING, Finding
from hx.cli.prompts_ask import at_terminal, secret
from hx.core.errors import HxError, InputError, KeyMissing
from hx.custody.place import PASSPHRASE, CustodyPaths, read_note, stem, successor_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.format.keys import DeviceKeys
    from hx.custody import Custody
    from hx.custody.key_set import Secrets

_RESTORE = "restore it from a backup of this folder"


def place(context: Context) -> CustodyPaths:
    folder = os.path.dirname(context.database.path)
    who = context.who
    return CustodyPaths(stem(folder, context.config.host, shared=who.shared), who.device_id)


def key_path(context: Context) -> str:
    """The bare file of the first run; gone once custody has its keys."""
    from hx import device

    folder = os.path.dirname(context.database.path)
    return device.key_path(folder, context.config.host, shared=context.who.shared)


def choose(context: Context, kind: str | None) -> Custody:
    """For `--custody KIND` or none; says which it is, and has its passphrase from now on.

    Raises KeyMissing, InputError.
    """
    where, ask = place(context), asker(context.config)
    chosen = custody.choose(kind, where, ask)
    if chosen.passed_over:
        print(f"hx: warning: {chosen.passed_over}", file=sys.stderr)
    print(f"hx: the keys of this device go into {chosen.describe()}", file=sys.stderr)
    if chosen.name == PASSPHRASE:
        ask(read_note(where.note) is None)  # before anything is written, here or in the store
    return chosen


def opened(context: Context) -> Custody:
    """As chosen when the device came into its vault. Raises KeyMissing."""
    where, ask = place(context), asker(context.config)
    next_to = successor_paths(where, where.device_id)
    note = read_note(next_to.note)
    if note is not None and note.device_id == where.device_id:  # it has become that device
        custody.take_over(next_to, where, ask)
    return custody.opened(where, ask)


def heir(context: Context) -> DeviceKeys:
    """Keys for the device that this one is to become, stored beside its own, with the vault's.

    What a run that was cut short has made is taken again. Raises KeyMissing.
    """
    from hx.core.format.keys import generate

    where, ask = place(context), asker(context.config)
    secrets = loaded(context)[1]
    note = read_note(successor_paths(where, where.device_id).note)
    if note is None:
        keys = generate()
    else:
        keys = custody.opened(successor_paths(where, note.device_id), ask).load().device
    custody.successor(where, successor_paths(where, keys.device_id), ask).store(
        secrets._replace(device=keys)
    )
    return keys


def loaded(context: Context) -> tuple[Custody, Secrets]:
    """Opened, and a move of the keys that was cut short is finished. Raises KeyMissing."""
    from hx.device import retire

    kept = opened(context)
    secrets = kept.load()
    retire(key_path(context), secrets)
    return kept, secrets


def device_keys(context: Context) -> DeviceKeys:
    """Of this device: in custody once it came into a vault or began to. Raises KeyMissing."""
    from hx.device import read_keys

    if read_note(place(context).note) is not None:
        return loaded(context)[1].device
    path = key_path(context)
    try:
        return read_keys(path)
    except FileNotFoundError:
        raise KeyMissing(f"the key file {path} is missing", _RESTORE) from None


def asker(config: Config) -> Callable[[bool], bytes]:
    """By HX_PASSPHRASE_COMMAND, else on the terminal, a new one twice; only once a run."""

    def ask(new: bool) -> bytes:
        if not _answers:
            _answers.append(_passphrase(config, new=new))
        return _answers[0]

    return ask


_answers: list[bytes] = []  # of this run: at most one, it is one device's passphrase


def _passphrase(config: Config, *, new: bool) -> bytes:
    if config.passphrase_command is not None:
        from hx.custody.passphrase_command import passphrase

        return passphrase(config.passphrase_command)
    if not at_terminal():
        raise _nobody_to_ask(new=new)
    return _new_passphrase() if new else secret("passphrase of this device's keys: ")


def _nobody_to_ask(*, new: bool) -> KeyMissing:
    other = ", or say --custody file to keep the keys unencrypted" if new else ""
    return KeyMissing(
        "a passphrase seals the keys of this device, and there is no terminal to ask for it on",
        f"set HX_PASSPHRASE_COMMAND to a program that prints it{other}",
    )


def _new_passphrase() -> bytes:
    first = secret("a new passphrase, to seal the keys of this device: ")
    if secret("the same again: ") != first:
        raise InputError("the two are not the same", "try again: nothing was changed")
    return first


def findings(context: Context) -> Iterator[Finding]:
    """The keys of this device, wherever they are, and the id in the database belong together."""
    try:
        note = read_note(place(context).note)
        if note is None:
            yield _bare(context)
        else:
            yield from _kept(context)
    except HxError as error:
        yield Finding("device", FAULT, error.message, error.hint)


def _bare(context: Context) -> Finding:
    """Of a device in no vault."""
    from hx.device import verified

    path = key_path(context)
    try:
        device_id = verified(path)
    except FileNotFoundError:
        return Finding("device", FAULT, f"the key file {path} is missing", _RESTORE)
    if device_id != context.who.device_id:
        sentence = f"{path} is not the key of this database's device"
        return Finding("device", FAULT, sentence, _RESTORE)
    return Finding("device", OK, f"this device is {device_id.hex()}")


def _kept(context: Context) -> Iterator[Finding]:
    """Of a device in a vault. A passphrase is not asked for, a keychain is opened."""
    kept = opened(context)
    kept.check()
    yield Finding("device", OK, f"this device is {context.who.device_id.hex()}")
    yield Finding("keys", OK, f"they are in {kept.describe()}")
    path = key_path(context)
    if os.path.lexists(path):
        sentence = f"they also lie bare in {path}, where a move was cut short"
        yield Finding("keys", WARNING, sentence, "hx sync")


def forget(config: Config) -> list[str]:
    """Keys of this device leave their custody, for a purge; gives what could not be done."""
    folder, faults = config.paths.data, []
    trunks = [stem(folder, config.host, shared=shared) for shared in (False, True)]
    for trunk in [*trunks, *(f"{trunk}-next" for trunk in trunks)]:
        try:
            note = read_note(f"{trunk}.toml")
            if note is not None:
                custody.opened(CustodyPaths(trunk, note.device_id), asker(config)).forget()
        except HxError as error:
            faults.append(error.message)
    return faults
