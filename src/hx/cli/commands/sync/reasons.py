"""What is said of objects that were not taken: what it means, what hx will do, what helps."""

from __future__ import annotations

from hx.cli.output import visible
from hx.cli.times import age
from hx.core.errors import UpgradeNeeded
from hx.core.format import verdict
from hx.core.format.verdict import PENDING, REJECTED
from hx.database.sync import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hx.database.connection import Database
    from hx.database.sync.sync_status import Why

_PENDING, _REJECTED = 3, 4
_SHOWN = 3  # objects a reason, devices a reason

_STRANGE = "hx goes on without it: is its device yours, and well? `hx sync devices` names all"
_AGAIN = "`hx sync repair` on its device publishes it again"
MEANINGS = {
    verdict.NOT_ARRIVED: "its device has listed it, and it is not in the store yet; each sync"
    f" looks again; if it stays away, {_AGAIN}",
    verdict.INCOMPLETE: "its bytes are not what they have to be: still arriving, or damaged on the"
    f" way; each sync looks again; if it stays so, {_AGAIN}",
    verdict.PLACEHOLDER: "its name is in the folder and its bytes are in a cloud; each sync looks"
    " again: have the folder kept on this machine",
    verdict.NO_KEY: "it is sealed under a key that is not here yet; each sync looks again: `hx"
    " sync` on a device that can read it puts the key down for this one",
    verdict.ROSTER: "it comes from a device that is not known here yet; each sync looks again:"
    " `hx sync` on the device that invited that one makes it known",
    verdict.NEEDS_UPGRADE: "a newer hx wrote it; it stays where it is until it can be read:"
    " upgrade hx here, then sync",
    verdict.SUPERSEDED: "its device has replaced it; nothing is missed",
    verdict.DUPLICATE: "the same is here under another name; nothing is missed",
    verdict.OTHER_VAULT: "it belongs to another vault; nothing is missed: give each vault a folder"
    " of its own",
    verdict.REVOKED: "its device is no longer in the vault; what came before stays, nothing more"
    " is taken",
    verdict.MAGIC: f"it is no object of hx; {_STRANGE}",
    verdict.MISPLACED: f"it is another object than its name says; {_STRANGE}",
    verdict.TOO_LARGE: f"it is, or unpacks to, more than an object may be; {_STRANGE}",
    verdict.TRAILING: f"there are bytes behind its end; {_STRANGE}",
    verdict.HEADER: f"its header was altered, or made wrongly; {_STRANGE}",
    verdict.COMMITMENT: f"its seal was altered, or made wrongly; {_STRANGE}",
    verdict.BODY: f"what is sealed in it was altered, or is damaged; {_STRANGE}",
    verdict.SIGNATURE: "its device has not signed it: somebody else has put it there; hx goes on"
    " without it: see who can write to the store",
    verdict.HASH: "for a day its bytes have been others than its device has listed: damaged in the"
    f" store; hx goes on without it: {_AGAIN}",
    verdict.MALFORMED: f"it opens, and what is in it makes no sense; {_STRANGE}",
    verdict.AUTHOR: f"it speaks for a device that is not its own; {_STRANGE}",
    # of names in the store, not of objects
    verdict.FOREIGN: "not of hx, and left alone",
    verdict.CONFLICT_COPY: "second copies by what carries the folder about; hx reads the first:"
    " they may go once nothing is pending",
    verdict.TEMP: "files that were not written to their end; those of hx go with a later push of"
    " their device",
}


def exit_code(counts: Mapping[str, int], *, upgrade: bool) -> int:
    """4 when something was rejected, else 7 when an upgrade helps, 3 when something is pending."""
    if counts.get(REJECTED):
        return _REJECTED
    if upgrade:
        return UpgradeNeeded.exit_code
    return _PENDING if counts.get(PENDING) else 0


def code_now(database: Database) -> int:
    """By all that the ledger says: of `hx sync`, its parts, and `hx sync status` alike."""
    return exit_code(ledger.counts(database), upgrade=ledger.waits_for_upgrade(database))


def lines(why: Why, now_us: int, *, verbose: bool) -> Iterator[str]:
    """What, how many, whose, since when, what it means; then the objects."""
    whose = _whose(why.devices, verbose=verbose)
    since = age(why.since_us, now_us)
    yield f"{why.number:,} {why.reason}, of {whose}, since {since}: {MEANINGS[why.reason]}"
    yield from shown(why.objects, why.number, verbose=verbose)


def shown(names: list[str], number: int, *, verbose: bool) -> Iterator[str]:
    """Some of the names, or all that there are."""
    some = names if verbose else names[:_SHOWN]
    for name in some:
        yield f"  {visible(name.encode())}"
    if len(some) < number:
        yield f"  … and {number - len(some):,} more{'' if verbose else ': --verbose'}"


def _whose(devices: list[str], *, verbose: bool) -> str:
    some = devices if verbose else devices[:_SHOWN]
    more = [f"{len(devices) - len(some)} more"] if len(some) < len(devices) else []
    return " and ".join([*(visible(name.encode()) for name in some), *more])
