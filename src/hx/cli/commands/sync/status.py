"""`hx sync status`: what is in the vault and what is not here yet, without asking the store."""

from __future__ import annotations

from hx.cli import forgotten_copies
from hx.cli.commands.sync import foreign_files
from hx.cli.commands.sync import reasons as findings
from hx.cli.commands.sync.notices import COPIED, COPIED_HINT
from hx.cli.commands.sync.reasons import code_now
from hx.cli.commands.sync.vault import sync_context_of, vault_of
from hx.cli.context import open_context
from hx.cli.keys import opened
from hx.cli.output import visible
from hx.cli.times import age, rfc3339
from hx.core.errors import HxError, NotInVault
from hx.core.format.phrases import fingerprint_words
from hx.core.format.verdict import IMPORTED, PENDING, REJECTED, SKIPPED, SUPERSEDED
from hx.core.record import NamedTuple
from hx.database.sync import ledger, sync_status, unpublished
from hx.sync.device_state import OUTSIDE, WAITING, copy_seen_us, place_of, waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator

    from hx.cli.commands.sync.foreign_files import Strange
    from hx.cli.context import Context
    from hx.config import Config
    from hx.database.sync.sync_status import DeviceSeen, ForgetStatus, Why
    from hx.database.sync.vault import Vault
    from hx.sync.context import SyncContext

_LABEL = 10
_LOST = "not to be had"


class Seen(NamedTuple):
    """All that is told."""

    vault: Vault
    sealed: bool
    fingerprint: list[str]
    counts: dict[str, int]
    reasons: list[Why]
    devices: list[DeviceSeen]
    unpublished: int
    forgotten: ForgetStatus | None
    custody: str
    place: str  # of this device, one of hx.sync.device_state.PLACES
    advice: tuple[str, ...]  # what that means and what to do; of a member nothing
    copy_seen_us: int | None  # when another copy of this device was met
    now_us: int


def run(_: str, given: Namespace, config: Config) -> int:
    """The exit code is that of a sync; with `--check` an error when the store does not answer."""
    context = open_context(config)
    sync_context = sync_context_of(context)
    seen = _look(context, sync_context)
    found, trouble = _asked(sync_context, verbose=given.verbose) if given.check else (None, None)
    if given.json:
        from hx.cli.json_output import print_json

        print_json(_object(seen, found))
    else:
        _print(seen, found, verbose=given.verbose)
    if trouble is not None:
        raise trouble
    if seen.place in OUTSIDE:
        return NotInVault.exit_code
    return code_now(context.database)


def _look(context: Context, sync_context: SyncContext) -> Seen:
    database, trust = context.database, sync_context.trust
    place = place_of(trust, sync_context.me)
    return Seen(
        vault_of(context),
        sync_context.is_sealed,
        fingerprint_words(sync_context.genesis.sha256),
        ledger.counts(database),
        sync_status.reasons(database),
        sync_status.devices(database, trust, sync_context.me),
        unpublished.count(database, context.now_us),
        sync_status.forget_status(database, sync_context.me, trust),
        _custody(context),
        place,
        waits(database) if place == WAITING else OUTSIDE.get(place, ()),
        copy_seen_us(database),
        context.now_us,
    )


class Answer(NamedTuple):
    """Of the store."""

    news: list[str]  # keys of manifests that have come since the last pull
    strange: list[Strange]


def _asked(sync_context: SyncContext, *, verbose: bool) -> tuple[Answer | None, HxError | None]:
    """Is it there, is it ours, what has come, what else lies there; or what is the trouble."""
    from hx.sync.heads import unseen

    try:
        sync_context.list_manifests()
        sync_context.require_vault_file()
        news = [key for key, _ in unseen(sync_context)]
        return Answer(news, foreign_files.found(sync_context.store, verbose=verbose)), None
    except HxError as error:
        return None, error


def _custody(context: Context) -> str:
    try:
        return opened(context).describe()
    except HxError as error:
        return f"{_LOST}: {error.message}"


# ---- in words ----


def _print(seen: Seen, found: Answer | None, *, verbose: bool) -> None:
    vault = seen.vault
    kind = "sealed" if seen.sealed else "PLAIN: whoever can read the store can read it"
    _line("vault", f"{visible(vault.name.encode())} ({kind})")
    _line("", " ".join(seen.fingerprint))
    _line("store", f"{visible(vault.store.encode())}: {_times(seen)}")
    if vault.outcome:
        _line("", f"the last sync failed: {visible(vault.outcome.encode())}")
    for condition in filter(None, vault.conditions.split("\n")):
        _line("", condition)
    _paragraph("here", _about_us(seen))
    _line("objects", ", ".join(f"{seen.counts.get(s, 0):,} {s}" for s in _STATUSES))
    for why in seen.reasons:
        if verbose or why.reason != SUPERSEDED:  # that happens every day and asks for nothing
            _paragraph(why.status, findings.lines(why, seen.now_us, verbose=verbose))
    if found is not None:
        _line("check", f"the store answers; {len(found.news):,} manifests there are new")
        for strange in found.strange:
            _paragraph("ignored", foreign_files.lines(strange, verbose=verbose))
    for one in seen.devices:
        _line("device", _device(one, seen.now_us))
    _line("to push", f"{seen.unpublished:,} event{'' if seen.unpublished == 1 else 's'}")
    for number, line in enumerate(forgotten_copies.lines(seen.forgotten, seen.now_us)):
        _line("" if number else "forgotten", line)
    _line("keys", seen.custody if seen.custody.startswith(_LOST) else f"in {seen.custody}")


def _about_us(seen: Seen) -> Iterator[str]:
    """What is the matter with this device itself, and what to do."""
    yield from seen.advice
    if seen.copy_seen_us is not None:
        yield f"{age(seen.copy_seen_us, seen.now_us)} ago: {COPIED}"
        yield COPIED_HINT


_STATUSES = (IMPORTED, PENDING, SKIPPED, REJECTED)


def _line(label: str, text: str) -> None:
    print(f"{label:<{_LABEL}}{text}")


def _times(seen: Seen) -> str:
    def ago(at_us: int | None) -> str:
        return "never" if at_us is None else f"{age(at_us, seen.now_us)} ago"

    return f"pulled {ago(seen.vault.pulled_at_us)}, pushed {ago(seen.vault.pushed_at_us)}"


def _paragraph(label: str, text: Iterable[str]) -> None:
    for number, line in enumerate(text):
        _line("" if number else label, line)


def _device(one: DeviceSeen, now_us: int) -> str:
    name = visible(one.name.encode()) or one.device_id.hex()[:8]
    seen = "never seen" if one.last_seen_us is None else f"seen {age(one.last_seen_us, now_us)} ago"
    notes = [seen, *(["this one"] if one.here else []), *([one.note] if one.note else [])]
    return f"{name} ({', '.join(notes)})"


# ---- in JSON ----


def _object(seen: Seen, found: Answer | None) -> dict[str, object]:
    vault = seen.vault

    def at(us: int | None) -> str | None:
        return None if us is None else rfc3339(us)

    return {
        "vault": {
            "id": vault.vault_id.hex(),
            "name": vault.name,
            "encrypted": seen.sealed,
            "fingerprint": " ".join(seen.fingerprint),
        },
        "store": {
            "url": vault.store,
            "last_pull": at(vault.pulled_at_us),
            "last_push": at(vault.pushed_at_us),
            "outcome": vault.outcome,
            "conditions": [one for one in vault.conditions.split("\n") if one],
        },
        "objects": {status: seen.counts.get(status, 0) for status in _STATUSES},
        "reasons": [
            {
                "status": why.status,
                "reason": why.reason,
                "count": why.number,
                "since": at(why.since_us),
                "devices": why.devices,
                "objects": why.objects,
            }
            for why in seen.reasons
        ],
        "strangers": None
        if found is None
        else [
            {"reason": one.reason, "count": one.number, "objects": one.names}
            for one in found.strange
        ],
        "devices": [
            {
                "device_id": one.device_id.hex(),
                "name": one.name,
                "last_seen": at(one.last_seen_us),
                "active": one.active,
                "note": one.note or None,
            }
            for one in seen.devices
        ],
        "unpublished": seen.unpublished,
        "forgotten": forgotten_copies.as_object(seen.forgotten),
        "custody": seen.custody,
        "place": seen.place,
        "copy_seen": at(seen.copy_seen_us),
    }
