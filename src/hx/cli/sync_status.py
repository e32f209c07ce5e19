"""`hx sync status`: what is in the vault and what is not here yet, without asking the store."""

from __future__ import annotations

import sys

from hx.cli import elsewhere
from hx.cli.custody import opened
from hx.cli.output import visible
from hx.cli.recorder import open_recorder
from hx.cli.syncing import vault_of, visit_of
from hx.cli.times import age, rfc3339
from hx.core.errors import HxError
from hx.core.phrases import fingerprint_words
from hx.core.record import NamedTuple
from hx.core.verdict import IMPORTED, PENDING, REJECTED, SKIPPED
from hx.database import elsewhere as forgotten
from hx.database import standing, unpublished

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.recorder import Recorder
    from hx.config import Config
    from hx.database.elsewhere import Elsewhere
    from hx.database.standing import DeviceSeen, Why
    from hx.database.vault import Vault
    from hx.visit import Visit

_LABEL = 10
_PENDING, _REJECTED = 3, 4
_SHOWN = 3  # objects a reason
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
    forgotten: Elsewhere | None
    custody: str
    now_us: int


def run(_: str, given: Namespace, config: Config) -> int:
    """Exit code 3 when something is pending, 4 when something was rejected."""
    recorder = open_recorder(config)
    visit = visit_of(recorder)
    seen = _look(recorder, visit)
    if given.json:
        from hx.cli.jsonout import print_json

        print_json(_object(seen))
    else:
        _print(seen, verbose=given.verbose)
    if given.check:
        _check(visit)
    if seen.counts.get(REJECTED):
        return _REJECTED
    return _PENDING if seen.counts.get(PENDING) else 0


def _look(recorder: Recorder, visit: Visit) -> Seen:
    database, trust = recorder.database, visit.trust
    return Seen(
        vault_of(recorder),
        visit.is_sealed,
        fingerprint_words(visit.genesis.sha256),
        standing.counts(database),
        standing.reasons(database),
        standing.devices(database, trust, visit.me),
        unpublished.count(database, recorder.now_us),
        forgotten.elsewhere(database, visit.me, trust),
        _custody(recorder),
        recorder.now_us,
    )


def _custody(recorder: Recorder) -> str:
    try:
        return opened(recorder).describe()
    except HxError as error:
        return f"{_LOST}: {error.message}"


# ---- in words ----


def _print(seen: Seen, *, verbose: bool) -> None:
    vault = seen.vault
    kind = "sealed" if seen.sealed else "PLAIN: whoever can read the store can read it"
    _line("vault", f"{visible(vault.name.encode())} ({kind})")
    _line("", " ".join(seen.fingerprint))
    _line("store", f"{visible(vault.store.encode())}: {_times(seen)}")
    if vault.outcome:
        _line("", f"the last sync failed: {visible(vault.outcome.encode())}")
    for condition in filter(None, vault.conditions.split("\n")):
        _line("", condition)
    _line("objects", ", ".join(f"{seen.counts.get(s, 0):,} {s}" for s in _STATUSES))
    for why in seen.reasons:
        _print_reason(why, seen.now_us, verbose=verbose)
    for one in seen.devices:
        _line("device", _device(one, seen.now_us))
    _line("to push", f"{seen.unpublished:,} event{'' if seen.unpublished == 1 else 's'}")
    for number, line in enumerate(elsewhere.lines(seen.forgotten, seen.now_us)):
        _line("" if number else "forgotten", line)
    _line("keys", seen.custody if seen.custody.startswith(_LOST) else f"in {seen.custody}")


_STATUSES = (IMPORTED, PENDING, SKIPPED, REJECTED)


def _line(label: str, text: str) -> None:
    print(f"{label:<{_LABEL}}{text}")


def _times(seen: Seen) -> str:
    def ago(at_us: int | None) -> str:
        return "never" if at_us is None else f"{age(at_us, seen.now_us)} ago"

    return f"pulled {ago(seen.vault.pulled_at_us)}, pushed {ago(seen.vault.pushed_at_us)}"


def _print_reason(why: Why, now_us: int, *, verbose: bool) -> None:
    text = f"{why.number} {why.status}, {why.reason}, since {age(why.since_us, now_us)}"
    _line(why.status, f"{text}: {_MEANINGS.get(why.reason, 'see docs/format.md')}")
    for key in why.objects if verbose else why.objects[:_SHOWN]:
        _line("", f"  {key}")
    if not verbose and why.number > _SHOWN:
        _line("", f"  … and {why.number - _SHOWN} more: --verbose")


_MEANINGS = {
    "not arrived": "listed by its device, not in the store yet; each sync looks again",
    "incomplete": "still arriving, or damaged; each sync looks again",
    "placeholder": "its bytes are in a cloud: let the folder be downloaded",
    "no key": "its key was not put down for this device yet: sync on an older device",
    "roster": "its device is not known here yet",
    "needs upgrade": "a newer hx wrote it: upgrade hx here",
    "revoked": "its device is no longer in the vault",
    "superseded": "its device has replaced it",
    "other vault": "it belongs to another vault",
}


def _device(one: DeviceSeen, now_us: int) -> str:
    name = visible(one.name.encode()) or one.device_id.hex()[:8]
    seen = "never seen" if one.last_seen_us is None else f"seen {age(one.last_seen_us, now_us)} ago"
    notes = [seen, *(["this one"] if one.here else []), *([one.note] if one.note else [])]
    return f"{name} ({', '.join(notes)})"


def _check(visit: Visit) -> None:
    """Ask the store: is it there, is it ours, what has come since the last pull."""
    from hx.heads import unseen

    visit.list_manifests()
    visit.require_marker()
    news = unseen(visit)
    strangers = getattr(visit.store, "strangers", None)
    strange = sum(1 for _ in strangers()) if strangers else 0
    print(f"the store answers; {len(news)} manifests there are new", file=sys.stderr)
    if strange:
        print(f"{strange} names in it are not of hx and are ignored", file=sys.stderr)


# ---- in JSON ----


def _object(seen: Seen) -> dict[str, object]:
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
                "objects": why.objects,
            }
            for why in seen.reasons
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
        "forgotten": elsewhere.as_object(seen.forgotten),
        "custody": seen.custody,
    }
