"""The vault in two lines, for `hx status`, without looking into the store.

`hx sync status` imports the cryptography and the formats; `hx status` must do without them.
"""

from __future__ import annotations

from hx.cli import auto_state, forgotten_copies, lost_database
from hx.cli.text import count
from hx.cli.times import ago, rfc3339_or_none
from hx.core.record import NamedTuple
from hx.database.sync import behind, held, ledger, unpublished, vault
from hx.sync.device_state import OUTSIDE, WAITING, stored_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.auto_state import AutoState
    from hx.cli.context import Context
    from hx.database.sync.sync_status import ForgetStatus
    from hx.database.sync.vault import TakenOut, Vault

_UNFINISHED = ("pending", "rejected")


class SyncSummary(NamedTuple):
    """The state of sync on this device, as `hx status` prints it."""

    vault: Vault
    counts: dict[str, int]  # status -> objects
    behind: int  # devices whose newest known manifest is not here
    held: int  # of `hx forget` of other devices that wait for a person here
    unpublished: int  # events
    forgotten: ForgetStatus | None
    place: str | None  # of this device, one of hx.sync.device_state.PLACES; None: not known yet
    auto: AutoState


class KeysOnly(NamedTuple):
    """The database was lost: this device has keys of a vault that it does not know."""


if TYPE_CHECKING:
    SyncState = SyncSummary | TakenOut | KeysOnly | None


def sync_summary(context: Context) -> SyncState:
    """Return the state of sync; None when this device is in no vault and was taken out of none."""
    known = vault.read(context.database)
    if known is None:
        lost = lost_database.has_keys_of_a_vault(context)
        return KeysOnly() if lost else vault.taken_out(context.database)
    counts = ledger.counts(context.database)
    due = unpublished.count(context.database, context.now_us)
    place = stored_place(context.database)
    late = len(behind.devices(context.database))
    asks = len(held.forgets(held.read(context.database)))
    forgotten, auto = forgotten_copies.look(context), auto_state.look(context.database)
    return SyncSummary(known, counts, late, asks, due, forgotten, place, auto)


def sync_lines(known: SyncState, now_us: int) -> tuple[str, str]:
    """Return two lines: where the vault is and when this device pushed, then what is left to do."""
    if known is None:
        return "not set up", "nothing that hx records leaves this machine"
    if isinstance(known, KeysOnly):
        return (
            f"off: {lost_database.IS_NEW}",
            "nothing that hx records leaves this machine; `hx sync` says how it goes on",
        )
    if isinstance(known, vault.TakenOut):
        return (
            f"{OUTSIDE[known.place][0]} {known.vault!r}, {ago(known.at_us, now_us)}",
            "nothing that hx records leaves this machine; `hx sync` says how it comes back",
        )
    if known.place in OUTSIDE:
        return OUTSIDE[known.place]
    at_us = known.vault.pushed_at_us
    pushed = "never pushed" if at_us is None else f"pushed {ago(at_us, now_us)}"
    place = f"vault {known.vault.name!r} in {known.vault.store}"
    line = f"{place}: {pushed}, {count(known.unpublished, 'event')} to push"
    left = ", ".join(_left(known)) or "nothing is pending"
    return line, f"{left}; `hx sync status` says more"


def _left(known: SyncSummary) -> Iterator[str]:
    """Yield what is left to do, each with its number."""
    # skipped objects need nothing, so only these are shown
    yield from (f"{known.counts[kind]:,} {kind}" for kind in _UNFINISHED if known.counts.get(kind))
    if known.behind:
        yield f"{count(known.behind, 'device')} behind"
    if known.held:
        yield f"{known.held:,} `hx forget` of another device held"
    if known.place == WAITING:
        yield "this device waits until another one admits it"
    if known.auto.error is not None:  # so nobody knows what else is pending
        yield "the last sync failed"


def auto_lines(known: SyncState, now_us: int) -> list[str]:
    """Return the line on sync by itself, of a device in a vault."""
    if not isinstance(known, SyncSummary) or known.place in OUTSIDE:
        return []
    return [auto_state.line(known.auto, now_us)]


def forgotten_lines(known: SyncState, now_us: int) -> list[str]:
    """Return lines about forgotten records while something is left to do about them."""
    if not isinstance(known, SyncSummary):
        return []
    if known.forgotten is None or known.forgotten.is_settled:
        return []
    return forgotten_copies.lines(known.forgotten, now_us)


def sync_object(known: SyncState, now_us: int) -> dict[str, object] | None:
    """Return the state of sync as JSON; None when this device is in no vault."""
    if not isinstance(known, SyncSummary):
        return None

    return {
        "vault": known.vault.name,
        "store": known.vault.store,
        "last_pull": rfc3339_or_none(known.vault.pulled_at_us),
        "last_push": rfc3339_or_none(known.vault.pushed_at_us),
        "unpublished": known.unpublished,
        "forgotten": forgotten_copies.as_object(known.forgotten),
        "auto": auto_state.as_object(known.auto, now_us),
        **{kind: known.counts.get(kind, 0) for kind in _UNFINISHED},
    }
