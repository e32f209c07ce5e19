"""Why hx has not read an object or ignores a file: what it means, what hx does, what helps."""

from __future__ import annotations

import os

from hx.cli.text import visible
from hx.cli.times import age
from hx.core.errors import NotAVault, UpgradeNeeded
from hx.core.format import verdict
from hx.core.format.object_names import parsed, why_skipped
from hx.core.format.verdict import PENDING, REJECTED
from hx.core.record import NamedTuple
from hx.database.sync import behind, ledger, vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hx.database.connection import Database
    from hx.database.sync.sync_status import UntakenGroup
    from hx.stores import Store

_PENDING, _REJECTED = 3, 4
_SHOWN = 3  # names and devices that are printed for each reason, without --verbose
_MOST_NAMES = 100_000  # for each reason with --verbose: memory stays bounded

_STRANGE = (
    "hx ignores it: check with `hx sync devices` that its device is yours, then check the disk and"
    " memory of that device"
)
_AGAIN = "`hx sync repair` on its device publishes it again"
MEANINGS = {
    verdict.NOT_ARRIVED: "its device lists it, but it is not in the store yet; each sync"
    f" looks for it again; if it stays missing, {_AGAIN}",
    verdict.INCOMPLETE: "its bytes are not those that its device lists: the file is still arriving,"
    f" or was damaged; each sync reads it again; if that does not help, {_AGAIN}",
    verdict.PLACEHOLDER: "the file is a placeholder whose bytes are in a cloud; each sync reads it"
    " again: set the program that syncs the folder to keep its files on this machine",
    verdict.NO_KEY: "it is sealed with a key that this device does not have yet; each sync looks"
    " again: run `hx sync` on a device that can read it, which publishes the key for this one",
    verdict.ROSTER: "it comes from a device that this one does not know yet; each sync looks"
    " again: run `hx sync` on the device that made the invitation",
    verdict.WAITING: "its device waits until another one lets it in, and nothing of it is read"
    " before; the next `hx sync` of a device that is in the vault does that",
    verdict.NEEDS_UPGRADE: "a newer hx wrote it; it is kept until hx can read it: upgrade hx on"
    " this device, then run `hx sync`",
    verdict.UNKNOWN_FORMAT: "this hx cannot read it, and no device of the vault has signed it; each"
    " sync reads it again: delete the file from the store if no newer hx of yours has written it",
    verdict.SUPERSEDED: "its device has replaced it; nothing is missed",
    verdict.DUPLICATE: "this device has read the same object under another name; nothing is missed",
    verdict.OTHER_VAULT: "it belongs to another vault, and nothing is missed: give each vault a"
    " folder of its own: `hx sync move`",
    verdict.REVOKED: "its device is no longer in the vault; hx keeps what it published before, and"
    " reads nothing newer from it",
    verdict.MAGIC: f"it does not begin as an object of hx does; {_STRANGE}",
    verdict.MISPLACED: f"it holds another object than its name says; {_STRANGE}",
    verdict.TOO_LARGE: f"it is larger than an object may be, packed or unpacked; {_STRANGE}",
    verdict.TRAILING: f"bytes follow its end; {_STRANGE}",
    verdict.HEADER: f"its header was altered, or written wrongly; {_STRANGE}",
    verdict.COMMITMENT: f"its key commitment was altered, or written wrongly; {_STRANGE}",
    verdict.BODY: f"its sealed content was altered or damaged; {_STRANGE}",
    verdict.SIGNATURE: "its device has not signed it, so somebody else wrote it; hx ignores it:"
    " check who can write to the store",
    verdict.HASH: "for more than a day its bytes have not been those that its device lists: it is"
    f" damaged in the store, and hx ignores it: {_AGAIN}",
    verdict.TWO_CONTENTS: "its device has published two contents under one name, and devices may"
    f" have read different ones; {_STRANGE}",
    verdict.KEYS_ELSEWHERE: "it is signed with the keys of this device and its number is far beyond"
    " those that this device has used: somebody else has the keys",
    verdict.MALFORMED: f"it can be opened, but its content breaks the format; {_STRANGE}",
    verdict.AUTHOR: f"it holds records of a device that did not write it; {_STRANGE}",
    # of names in the store, not of objects
    verdict.FOREIGN: "files that do not belong to hx; hx does not touch them",
    verdict.CONFLICT_COPY: "second copies that the program that syncs the folder made; hx reads"
    " the first ones: you can delete them when nothing is pending",
    verdict.TEMP: "temporary files whose writing was interrupted; a later push of their device"
    " removes those of hx",
}


def exit_code(counts: Mapping[str, int], *, upgrade: bool) -> int:
    """Return 4 when an object was rejected, else 7 when an upgrade helps, else 3 or 0.

    3 says that an object is pending.
    """
    if counts.get(REJECTED):
        return _REJECTED
    if upgrade:
        return UpgradeNeeded.exit_code
    return _PENDING if counts.get(PENDING) else 0


def code_now(database: Database) -> int:
    """Return the exit code of `hx sync` and `hx sync status`.

    It is that of all objects in the ledger, but 6 instead of 3 or 0 when another vault lies in the
    same store, and else 3 when only a device is behind.
    """
    code = exit_code(ledger.counts(database), upgrade=ledger.waits_for_upgrade(database))
    if code in (0, _PENDING) and vault.lies_with_another(database):
        return NotAVault.exit_code
    return code or (_PENDING if behind.devices(database) else 0)


def lines(group: UntakenGroup, now_us: int, *, verbose: bool) -> Iterator[str]:
    """Yield a line with number, reason, devices, age and meaning, then lines with store keys."""
    whose = _whose(group.devices, verbose=verbose)
    since = age(group.since_us, now_us)
    yield f"{group.number:,} {group.reason}, of {whose}, since {since}: {MEANINGS[group.reason]}"
    yield from shown(group.objects, group.number, verbose=verbose)


def shown(names: list[str], number: int, *, verbose: bool) -> Iterator[str]:
    """Yield a line for each name; without `verbose` only for the first few of them."""
    some = names if verbose else names[:_SHOWN]
    for name in some:
        yield f"  {visible(name.encode())}"
    if len(some) < number:
        yield f"  … and {number - len(some):,} more{'' if verbose else ': --verbose'}"


def _whose(devices: list[str], *, verbose: bool) -> str:
    some = devices if verbose else devices[:_SHOWN]
    more = [f"{len(devices) - len(some)} more"] if len(some) < len(devices) else []
    return " and ".join([*(visible(name.encode()) for name in some), *more])


class ForeignFiles(NamedTuple):
    """Files in a store that hx ignores for one reason: not of hx, temporary, second copies."""

    reason: str
    number: int
    names: list[str]  # a few of them, or with --verbose up to 100,000


def foreign_files(store: Store, *, verbose: bool) -> list[ForeignFiles]:
    """Return the files in a store that are no objects of hx, sorted by reason."""
    numbers: dict[str, int] = {}
    names: dict[str, list[str]] = {}
    most = _MOST_NAMES if verbose else _SHOWN
    for key in store.foreign_files():
        reason = why_skipped(key) if parsed(key) is None else verdict.FOREIGN  # not a plain file
        numbers[reason] = numbers.get(reason, 0) + 1
        kept = names.setdefault(reason, [])
        if len(kept) < most:
            kept.append(os.fsencode(key).decode(errors="replace"))
    return [
        ForeignFiles(reason, numbers[reason], sorted(names[reason])) for reason in sorted(numbers)
    ]


def foreign_lines(files: ForeignFiles, *, verbose: bool) -> Iterator[str]:
    """Yield a line with number, reason and meaning, then lines with names."""
    yield f"{files.number:,} {files.reason}: {MEANINGS[files.reason]}"
    yield from shown(files.names, files.number, verbose=verbose)
