"""`hx sync renew` replaces the vault by one with new recovery words and keys, in another place."""

from __future__ import annotations

import os
from argparse import Namespace
from shlex import quote

from hx.cli.auto_sync import follow
from hx.cli.commands.sync.change import publish, require_member
from hx.cli.commands.sync.enroll import again, make
from hx.cli.commands.sync.entry import leaving, place_of
from hx.cli.commands.sync.taken_out import finish_removal, require_not_gone
from hx.cli.commands.sync.vault_access import alone, label_of, scrub, sync_context_of, vault_of
from hx.cli.context import drained, now_us, open_context
from hx.cli.events_output import device_names
from hx.cli.prompts import Progress, confirm_after
from hx.cli.text import count, visible
from hx.cli.times import local
from hx.core.errors import InputError, UsageError
from hx.core.record import NamedTuple
from hx.database.sync import vault as rows
from hx.sync import enroll
from hx.sync.renew import read_old, tell_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.format.genesis import Genesis
    from hx.database.sync.vault import Vault
    from hx.sync.context import SyncContext
    from hx.sync.enroll import VaultPlace
    from hx.sync.renew import Outlook


def run(name: str, given: Namespace, config: Config) -> int:
    """Run `hx sync renew`, print the words, the codes and what to do, and return the exit code."""
    context = drained(open_context(config))
    finish_removal(context)
    vault = vault_of(context)
    given = Namespace(**vars(given), custody=None, name=label_of(context), vault_name=None)
    with alone(context), again(context, name):
        place = place_of(name, given, context, vault)
        _require_beside(place, vault)
        enroll.require_empty(place.store, place.url, rows.begun(context.database))
        old = sync_context_of(context)
        outlook = _read_old(context, old, place, given)
        days = int(config.values["retention_days"])
        confirm_after(_before(vault, place, outlook, days), "Replace the vault?", given)
        context = _make(given, context, place, old, outlook)
        codes = [] if given.json else _codes(context, old, outlook.others)
    scrub(context)
    follow(config, place.url)
    if not given.json:
        print("\n".join(_after(vault, place, outlook, codes)))
    return 0


def _require_beside(place: VaultPlace, vault: Vault) -> None:
    """Check that neither of the two vaults lies in the folder of the other. Raises UsageError."""
    new, old = (os.path.realpath(url.removeprefix("folder:")) for url in (place.url, vault.store))
    if os.path.commonpath([new, old]) in (new, old):
        raise UsageError(
            f"the new vault cannot be in {place.url}: the old one is in {vault.store}, and its"
            " folder is to be deleted later; nothing was changed",
            "name a folder beside it, and make it first; if an earlier run was interrupted after it"
            " had made the vault, `hx sync` and `hx sync invite` do the rest",
        )


def _read_old(context: Context, old: SyncContext, place: VaultPlace, given: Namespace) -> Outlook:
    """Pull from the old vault, and check that this device has all of it, unless --anyway.

    Raises InputError, NotInVault, StoreError, NotAVault, KeyMissing.
    """
    with Progress("syncing", quiet=given.json) as progress:
        old.report_progress = progress.told
        outlook = read_old(old, place.store, place.url)
    require_not_gone(context, old)
    require_member(old)
    _ = old.keyring.secrets  # before the words are shown: without its keys it goes nowhere
    lacking = outlook.pending + outlook.behind
    if lacking and not given.anyway:
        raise InputError(
            "not all of the old vault is read here yet:"
            f" {count(outlook.pending, 'object')} pending,"
            f" {count(outlook.behind, 'device')} behind;"
            " nothing was changed",
            "let the store sync and run the command again, or add --anyway: then the new vault"
            " lacks what no device brings along",
        )
    return outlook


def _before(vault: Vault, place: VaultPlace, outlook: Outlook, days: int) -> Iterator[str]:
    """Yield what the command does, and what it does not do, before the question.

    `days`: how long this device keeps events; 0: for ever.
    """
    yield (
        f"this device makes a new vault in {place.url}, with new recovery words and keys, and"
        f" leaves {visible(vault.name.encode())} in {vault.store}"
    )
    yield (
        f"- the new vault gets all that this device holds: {count(outlook.events, 'event')}, also"
        " those that other devices recorded; what was forgotten stays forgotten"
    )
    if days:
        yield f"- what it has removed after {count(days, 'day')} comes from the others, if they"
        yield "  still have it"
    if outlook.held:
        yield f"- held of what other devices have forgotten: {outlook.held:,}; it waits there too"
    if outlook.others and outlook.tells_others:
        yield "- a note in the old place tells the other devices; each comes over by a code, which"
        yield "  is shown at the end"
    elif outlook.others:
        yield "- this device is no admin, so nothing in the old place tells the other devices of"
        yield "  it; each of them has to leave, and comes over by a code, which is shown at the end"
    yield from _stays(vault)


def _stays(vault: Vault) -> Iterator[str]:
    yield f"- the old words still open what lies in {vault.store}, and every copy of it:"
    yield "  delete that folder when all devices have come over"


class _Code(NamedTuple):
    """What a device that is to come over is given."""

    device: str
    code: str
    expires_at_us: int


def _make(
    given: Namespace, context: Context, place: VaultPlace, old: SyncContext, outlook: Outlook
) -> Context:
    """Make the new vault and enter it; return the context of the device there."""
    made: list[Genesis] = []

    def tell(genesis: Genesis) -> dict[str, object]:
        made.append(genesis)
        return {"old_store": old.vault.store, "note": outlook.tells_others}

    def first() -> None:
        tell_others(old, place.url, made[0])

    return make(given, context, leaving(given, context, place, old, first), tell)


def _codes(context: Context, old: SyncContext, others: list[bytes]) -> list[_Code]:
    """Invite every other device of the old vault into the new one. Raises StoreError."""
    if not others:
        return []
    names, trust = device_names(context), old.trust
    new = sync_context_of(context._replace(now_us=now_us()))
    codes = []
    for each in others:
        name = names.get(each) or trust.enrolled[each].label
        codes.append(_Code(visible(name.encode()), *enroll.make_invitation(new)))
    publish(context, new)
    return codes


def _after(vault: Vault, place: VaultPlace, outlook: Outlook, codes: list[_Code]) -> Iterator[str]:
    yield f"created the vault {place.name!r} in {place.url}; this device is in it, with its history"
    if codes:
        until = local(codes[0].expires_at_us)
        yield f"On each other device run this, and type its code there (valid until {until}):"
        if not outlook.tells_others:
            yield "  hx sync leave"
        yield f"  hx sync join --store {quote(place.url)}"
        width = max(len(each.device) for each in codes)
        yield from (f"  {each.device:<{width}}  {each.code}" for each in codes)
        yield "Whoever has a code can read the new vault: show it to nobody, and give none to a"
        yield "device that is lost. `hx sync invite` makes more of them."
    yield "what stays:"
    yield from _stays(vault)
