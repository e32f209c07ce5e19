"""What commands of sync are told: the name of a device, the recovery words of the vault."""

from __future__ import annotations

import sys

from hx.cli.commands.sync.devices import short_id
from hx.cli.prompts import at_terminal, read_words
from hx.core.errors import InputError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from hx.database.sync.sync_status import DeviceSeen
    from hx.sync.context import SyncContext

_MIN_ID = 4  # digits of an id that name a device


def device_named(name: str, seen: list[DeviceSeen], among: Container[bytes]) -> DeviceSeen:
    """Return the device that a name, or the beginning of an id, means. Raises UsageError.

    A device gives itself its name, which may be the id of another one: a whole id means the device
    that has it. `among`: the ids of the devices that can be meant.
    """
    whole = [device for device in seen if device.device_id.hex() == name.lower()]
    called = whole or [
        device
        for device in seen
        if device.name == name
        or (len(name) >= _MIN_ID and device.device_id.hex().startswith(name.lower()))
    ]
    present = [device for device in called if device.device_id in among]
    if not present:
        gone = f" (device {short_id(called[0])}: {called[0].note})" if called else ""
        raise UsageError(
            f"no device called {name!r} is in the vault{gone}: nothing was changed",
            f"`hx sync devices` lists them; give a name, or the first {_MIN_ID} or more digits of"
            " an id",
        )
    if len(present) > 1:
        ids = ", ".join(device.device_id.hex() for device in present)
        raise UsageError(
            f"several devices are called {name!r}: {ids}",
            "give one of these ids; `hx sync devices` shows when each was seen last",
        )
    return present[0]


def recovery_seed(
    sync_context: SyncContext, words_file: str | None, needed: tuple[str, str]
) -> bytes:
    """Return the signing seed of the recovery words, from a file or a question.

    `needed`: the error and the hint where nobody can be asked; the error is shown before the
    question, too. Raises UsageError, InputError.
    """
    from hx.core.format.keys import recovery_keys

    if words_file is None and not at_terminal():
        raise UsageError(*needed)
    if words_file is None:
        print(needed[0], file=sys.stderr)
    recovery = recovery_keys(read_words(words_file))
    if recovery.sign_pub != sync_context.genesis.recovery_sign_pub:
        raise InputError(
            "the vault was not made with these recovery words: nothing was changed",
            "check the words; they were shown when the vault was made",
        )
    return recovery.sign_seed
