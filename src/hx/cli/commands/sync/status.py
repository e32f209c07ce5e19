"""`hx sync status` shows the vault and what this device lacks, without looking into the store."""

from __future__ import annotations

from hx.cli import auto_state, forgotten_copies, held_tombstones
from hx.cli.commands.sync import behind, newcomers, reasons
from hx.cli.commands.sync.copies import COPIED, COPIED_HINT
from hx.cli.commands.sync.devices import device_object, note_on, short_id
from hx.cli.commands.sync.reasons import code_now, foreign_files, foreign_lines
from hx.cli.commands.sync.vault_access import sync_context_of, vault_of
from hx.cli.context import open_context
from hx.cli.events_output import device_names, print_json
from hx.cli.keys import opened
from hx.cli.text import count, visible
from hx.cli.times import ago, last_seen, rfc3339_or_none
from hx.core.errors import HxError, NotInVault
from hx.core.format.phrases import fingerprint_words
from hx.core.format.verdict import IMPORTED, PENDING, REJECTED, SKIPPED, SUPERSEDED
from hx.core.record import NamedTuple
from hx.database.sync import held, ledger, sync_status, unpublished
from hx.sync.device_state import OUTSIDE, WAITING, copy_seen_us, place_of, waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator

    from hx.cli.commands.sync.reasons import ForeignFiles
    from hx.cli.context import Context
    from hx.config import Config
    from hx.database.sync.held import HeldForget
    from hx.database.sync.sync_status import DeviceSeen, ForgetStatus, UntakenGroup
    from hx.database.sync.vault import Vault
    from hx.sync.context import SyncContext

_LABEL = 10
_NO_CUSTODY = "cannot be used"


class SyncState(NamedTuple):
    """All that `hx sync status` shows without looking into the store."""

    vault: Vault
    error: str | None  # of the last sync
    sealed: bool
    fingerprint: list[str]
    counts: dict[str, int]  # status -> objects
    reasons: list[UntakenGroup]  # why objects are pending, skipped or rejected
    devices: list[DeviceSeen]
    shared_codes: list[str]  # two lines for each code that let in several devices
    sharing: list[list[str]]  # ids of these devices, for each code
    unpublished: int  # events
    forgotten: ForgetStatus | None
    custody: str
    place: str  # of this device, one of hx.sync.device_state.PLACES
    advice: tuple[str, ...]  # what the place means and what to do; empty for a member
    copy_seen_us: int | None  # when another copy of this device was last noticed
    behind: list[str]  # a line for each device whose newest known manifest is not here
    behind_objects: list[dict[str, object]]  # the same as JSON has it
    held: list[HeldForget]
    names: dict[bytes, str]  # of devices
    now_us: int


def run(_: str, given: Namespace, config: Config) -> int:
    """Run `hx sync status` and return the exit code of a sync, or 6 outside the vault.

    With `--check` raise the error of a store that fails.
    """
    context = open_context(config)
    sync_context = sync_context_of(context)
    seen = _look(context, sync_context)
    # without --check the command works while the store is away
    content, trouble = None, None
    if given.check:
        content, trouble = _check(sync_context, verbose=given.verbose)
    if given.json:
        print_json(_object(seen, content))
    else:
        _print(seen, content, verbose=given.verbose)
    # after the output: what this device knows is right although the store fails
    if trouble is not None:
        raise trouble
    if seen.place in OUTSIDE:
        return NotInVault.exit_code
    return code_now(context.database)


def _look(context: Context, sync_context: SyncContext) -> SyncState:
    database, trust = context.database, sync_context.trust
    place = place_of(trust, sync_context.me)
    return SyncState(
        vault_of(context),
        auto_state.look(database).error,
        sync_context.is_sealed,
        fingerprint_words(sync_context.genesis.sha256),
        ledger.counts(database),
        sync_status.reasons(database),
        sync_status.devices(database, trust, sync_context.me),
        list(newcomers.shared_codes(trust)),
        [sorted(each.hex() for each in sharing) for sharing in trust.shared_codes],
        unpublished.count(database, context.now_us),
        sync_status.forget_status(database, sync_context.me, trust),
        _custody(context),
        place,
        waits(database) if place == WAITING else OUTSIDE.get(place, ()),
        copy_seen_us(database),
        list(behind.lines(context)),
        behind.as_objects(context),
        held.forgets(held.read(database)),
        dict(device_names(context)),
        context.now_us,
    )


class StoreContent(NamedTuple):
    """What `--check` reads from the store."""

    new_manifests: list[str]  # keys of manifests since the last pull
    foreign: list[ForeignFiles]


def _check(
    sync_context: SyncContext, *, verbose: bool
) -> tuple[StoreContent | None, HxError | None]:
    """Return what is in the store, or the error when it cannot be read or is another vault."""
    from hx.sync.heads import manifests_to_read
    from hx.sync.pull import require_vault

    try:
        sync_context.list_manifests()
        require_vault(sync_context)
        new_manifests = [key for key, _ in manifests_to_read(sync_context)]
        foreign = foreign_files(sync_context.store, verbose=verbose)
        return StoreContent(new_manifests, foreign), None
    except HxError as error:
        return None, error


def _custody(context: Context) -> str:
    try:
        # without reading the keys: that could ask for a passphrase
        return opened(context).describe()
    except HxError as error:
        return f"{_NO_CUSTODY}: {error.message}; {error.hint}"


# ---- in words ----


def _print(seen: SyncState, content: StoreContent | None, *, verbose: bool) -> None:
    vault = seen.vault
    kind = "encrypted" if seen.sealed else "NOT ENCRYPTED: whoever can read the store can read it"
    _line("vault", f"{visible(vault.name.encode())} ({kind})")
    _line("", " ".join(seen.fingerprint))
    _line("store", f"{visible(vault.store.encode())}: {_times(seen)}")
    if seen.error:
        _line("", f"the last sync failed: {visible(seen.error.encode())}")
    for condition in filter(None, vault.conditions.split("\n")):
        _line("", condition)
    _paragraph("here", _advice(seen))
    _line("objects", ", ".join(f"{seen.counts.get(status, 0):,} {status}" for status in _STATUSES))
    for group in seen.reasons:
        if verbose or group.reason != SUPERSEDED:  # these are normal and need no action
            _paragraph(group.status, reasons.lines(group, seen.now_us, verbose=verbose))
    _paragraph("behind", seen.behind)
    if content is not None:
        new = count(len(content.new_manifests), "new manifest")
        _line("check", f"the store can be read; it holds {new}")
        for files in content.foreign:
            _paragraph("ignored", foreign_lines(files, verbose=verbose))
    for device in seen.devices:
        _line("device", _device_line(device, seen.now_us))
    _paragraph("warning", seen.shared_codes)
    _line("to push", count(seen.unpublished, "event"))
    _paragraph("held", held_tombstones.lines(seen.held, seen.names, seen.now_us))
    _paragraph("forgotten", forgotten_copies.lines(seen.forgotten, seen.now_us))
    _line("keys", seen.custody if seen.custody.startswith(_NO_CUSTODY) else f"in {seen.custody}")


def _advice(seen: SyncState) -> Iterator[str]:
    """Yield what is wrong with this device itself, and what to do."""
    yield from seen.advice
    if seen.copy_seen_us is not None:
        yield f"{ago(seen.copy_seen_us, seen.now_us)}: {COPIED}"
        yield COPIED_HINT


_STATUSES = (IMPORTED, PENDING, SKIPPED, REJECTED)


def _line(label: str, text: str) -> None:
    print(f"{label:<{_LABEL}}{text}")


def _times(seen: SyncState) -> str:
    def when(at_us: int | None) -> str:
        return "never" if at_us is None else ago(at_us, seen.now_us)

    return f"pulled {when(seen.vault.pulled_at_us)}, pushed {when(seen.vault.pushed_at_us)}"


def _paragraph(label: str, text: Iterable[str]) -> None:
    """Print lines under one label."""
    for index, line in enumerate(text):
        _line("" if index else label, line)


def _device_line(device: DeviceSeen, now_us: int) -> str:
    seen = last_seen(device.last_seen_us, now_us).removeprefix("last ")
    return f"{short_id(device)} {seen}: {note_on(device)}{visible(device.name.encode())}".rstrip(
        ": "
    )


# ---- in JSON ----


def _object(seen: SyncState, content: StoreContent | None) -> dict[str, object]:
    vault = seen.vault

    return {
        "vault": {
            "id": vault.vault_id.hex(),
            "name": vault.name,
            "encrypted": seen.sealed,
            "fingerprint": " ".join(seen.fingerprint),
        },
        "store": {
            "url": vault.store,
            "last_pull": rfc3339_or_none(vault.pulled_at_us),
            "last_push": rfc3339_or_none(vault.pushed_at_us),
            "outcome": seen.error,
            "conditions": [line for line in vault.conditions.split("\n") if line],
        },
        "objects": {status: seen.counts.get(status, 0) for status in _STATUSES},
        "reasons": [
            {
                "status": group.status,
                "reason": group.reason,
                "count": group.number,
                "since": rfc3339_or_none(group.since_us),
                "devices": group.devices,
                "objects": group.objects,
            }
            for group in seen.reasons
        ],
        "foreign": None
        if content is None
        else [
            {"reason": files.reason, "count": files.number, "names": files.names}
            for files in content.foreign
        ],
        "devices": [device_object(device) for device in seen.devices],
        "shared_codes": seen.sharing,
        "unpublished": seen.unpublished,
        "held": [held_tombstones.as_object(each, seen.names) for each in seen.held],
        "forgotten": forgotten_copies.as_object(seen.forgotten),
        "custody": seen.custody,
        "place": seen.place,
        "copy_seen": rfc3339_or_none(seen.copy_seen_us),
        "behind": seen.behind_objects,
    }
