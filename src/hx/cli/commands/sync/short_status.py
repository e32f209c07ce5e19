"""The vault in two lines, for `hx status`; the store is not asked."""

from __future__ import annotations

from hx.cli import forgotten_copies
from hx.cli.times import age, rfc3339
from hx.core.record import NamedTuple
from hx.database.sync import ledger, unpublished, vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.database.sync.sync_status import ForgetStatus
    from hx.database.sync.vault import Vault

_LEFT = ("pending", "rejected")


class InShort(NamedTuple):
    vault: Vault
    counts: dict[str, int]  # objects by status
    unpublished: int  # events
    forgotten: ForgetStatus | None


def in_short(context: Context) -> InShort | None:
    """None: this device is in no vault."""
    found = vault.read(context.database)
    if found is None:
        return None
    counts = ledger.counts(context.database)
    due = unpublished.count(context.database, context.now_us)
    return InShort(found, counts, due, forgotten_copies.look(context))


def sync_lines(known: InShort | None, now_us: int) -> tuple[str, str]:
    if known is None:
        return "not set up", "nothing that is recorded here leaves this machine"
    at_us = known.vault.pushed_at_us
    ago = "never pushed" if at_us is None else f"pushed {age(at_us, now_us)} ago"
    left = ", ".join(f"{known.counts[kind]:,} {kind}" for kind in _LEFT if known.counts.get(kind))
    vault = f"vault {known.vault.name!r} in {known.vault.store}"
    line = f"{vault}: {ago}, {known.unpublished:,} to push"
    return line, left or "nothing is pending; `hx sync status` says more"


def forgotten_lines(known: InShort | None, now_us: int) -> list[str]:
    """As long as something of it is to be done yet."""
    if known is None or known.forgotten is None or known.forgotten.is_settled:
        return []
    return forgotten_copies.lines(known.forgotten, now_us)


def sync_object(known: InShort | None) -> dict[str, object] | None:
    if known is None:
        return None

    def at(us: int | None) -> str | None:
        return None if us is None else rfc3339(us)

    return {
        "vault": known.vault.name,
        "store": known.vault.store,
        "last_pull": at(known.vault.pulled_at_us),
        "last_push": at(known.vault.pushed_at_us),
        "unpublished": known.unpublished,
        "forgotten": forgotten_copies.as_object(known.forgotten),
        **{kind: known.counts.get(kind, 0) for kind in _LEFT},
    }
