"""Forget: write tombstones for what was shown, then remove its text from every file of hx."""

from __future__ import annotations

from itertools import chain
from types import MappingProxyType

import apsw

from hx.capture import clock
from hx.core.errors import Busy
from hx.core.merge import History
from hx.core.model import MAX_KEYS_IN_TOMBSTONE, Keys, Texts, Tombstone, WholeSession, Window
from hx.core.record import NamedTuple
from hx.database.artifacts import has_artifacts, touched_artifacts
from hx.database.connection import BUSY_TIMEOUT_MS, UNCLEAN
from hx.database.join import join
from hx.database.queries import forget_copies, forget_selection, import_state, imports
from hx.database.queries.clocks import clocks_ahead
from hx.files import PatientLock
from hx.forget import scrub_spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hx.core.model import Artifact, ArtifactKey, EventKey
    from hx.database.connection import Database
    from hx.database.queries.forget_selection import Choice
    from hx.forget.scrub_spool import Overwrite

Scope = Window | WholeSession | Keys | Texts


class Issuer(NamedTuple):
    """The device that issues the tombstones, and the time at which it does."""

    device_id: bytes
    now_us: int
    new_id: Callable[[], bytes]  # 16 random bytes


class SpoolPaths(NamedTuple):
    """The files with text that hx has not drained yet, and how to wait for another drain."""

    spool: str
    text_files: tuple[str, ...]  # folders that hold the files `<session>.t` of bash
    lock: str  # the file whose lock a drain holds
    patience_s: float = 5  # how long to wait for another drain


class ForgetResult(NamedTuple):
    """What was forgotten."""

    forgotten: int  # events that were in the database, without duplicates unless of an import
    clean: bool  # their text is no longer in the files of the database
    erased: int  # pieces of the spool and of text files of shells that were overwritten
    artifacts: int = 0  # artifacts that were in the database
    order: Texts | None = None  # what the other devices are told to forget by text


class Named(NamedTuple):
    """The records to forget by their keys."""

    events: Iterable[EventKey] = ()
    artifacts: Iterable[ArtifactKey] = ()
    ahead: Mapping[bytes, int] = MappingProxyType({})  # device -> how far its clock is ahead, in µs


def scopes(choice: Choice, named: Named, now_us: int) -> Iterator[Scope]:
    """Yield the scopes of the tombstones.

    Keys name the records that were shown; a time window or a session covers records that arrive
    later, but not what is typed once the tombstone is known. A window ends now at the latest. For a
    device whose clock is ahead, it ends later by as much.
    """
    events = sorted(set(named.events))
    for first in range(0, len(events), MAX_KEYS_IN_TOMBSTONE):
        yield Keys(frozenset(events[first : first + MAX_KEYS_IN_TOMBSTONE]))
    artifacts = sorted(set(named.artifacts), key=lambda key: key[:4])
    for first in range(0, len(artifacts), MAX_KEYS_IN_TOMBSTONE):
        yield Keys(frozenset(), frozenset(artifacts[first : first + MAX_KEYS_IN_TOMBSTONE]))
    if choice.session_id is not None:
        yield WholeSession(choice.session_id)
    if choice.since_us is not None or choice.until_us is not None:
        until_us = now_us if choice.until_us is None else min(choice.until_us, now_us)
        since_us = max(0, choice.since_us or 0)
        yield Window(since_us, until_us, choice.device_id)
        if until_us == now_us and choice.device_id is None:
            for device_id, us in sorted(named.ahead.items()):
                yield Window(since_us, until_us + us, device_id)


def artifacts(
    database: Database, choice: Choice, events: Iterable[EventKey], now_us: int
) -> list[Artifact]:
    """Return the artifacts to forget, with these events or by themselves, the newest first."""
    if not has_artifacts(database):
        return []
    named = Named(
        events,
        forget_selection.artifacts(database, choice),
        clocks_ahead(database),
    )
    tombstones = [Tombstone(b"", 0, b"", scope) for scope in scopes(choice, named, now_us)]
    touched = touched_artifacts(database, History(), tombstones)
    return sorted(touched, key=lambda artifact: artifact.key[:4], reverse=True)


def forget(
    database: Database,
    choice: Choice,
    shown: Iterable[EventKey],
    issuer: Issuer,
    places: SpoolPaths,
) -> ForgetResult:
    """Forget what was shown and everything else that the choice selects by now. Raises Busy."""
    result = issue(database, choice, shown, issuer, places)
    return result._replace(clean=clean(database))


def issue(
    database: Database,
    choice: Choice,
    shown: Iterable[EventKey],
    issuer: Issuer,
    places: SpoolPaths,
) -> ForgetResult:
    """Write the tombstones; the files of the database must be cleaned afterwards.

    No process drains the spool meanwhile, so every command is either in the database or still in
    the spool. Raises Busy.
    """
    with PatientLock(places.lock, places.patience_s) as held:
        if not held:
            raise Busy("another hx is draining the spool", "nothing is forgotten yet: try again")
        return _issue(database, choice, shown, issuer, places)


def _issue(
    database: Database,
    choice: Choice,
    shown: Iterable[EventKey],
    issuer: Issuer,
    places: SpoolPaths,
) -> ForgetResult:
    with database.transaction():
        # what a shell has in files of its own is not of an import
        of_shells = choice.import_number is None
        texts = forget_selection.commands(database, choice) if of_shells else set()
        order = _order(database, choice, issuer.now_us)
        events = kept = 0
        for scope in chain(_scopes(database, choice, shown, issuer.now_us), filter(None, [order])):
            tombstone = Tombstone(issuer.new_id(), issuer.now_us, issuer.device_id, scope)
            made = History(tombstones=frozenset([tombstone]))
            changes = join(database, made, now=clock.moment())
            is_counted = choice.import_number is None
            events += changes.forgotten - (changes.duplicates if is_counted else 0)
            kept += changes.artifacts
        database.set_meta(UNCLEAN, issuer.now_us)
    erased = scrub_spool.apply(overwrites(choice, texts, places))
    return ForgetResult(events, clean=False, erased=erased, artifacts=kept, order=order)


def texts_of_order(database: Database, text: bytes) -> set[bytes]:
    """Return the whole texts that an order names: those that hold a text, or else the text itself.

    So a person can also type a whole line that only other devices hold.
    """
    return forget_selection.texts(database, text) or {text}


def _order(database: Database, choice: Choice, now_us: int) -> Texts | None:
    if not choice.everywhere or choice.text is None:
        return None
    from secrets import token_bytes

    from hx.core.text_orders import SECRET_BYTES, scope_of

    texts = texts_of_order(database, choice.text)
    return scope_of(token_bytes(SECRET_BYTES), texts, now_us)


def _scopes(
    database: Database, choice: Choice, shown: Iterable[EventKey], now_us: int
) -> Iterator[Scope]:
    """Yield the scopes of the tombstones; the caller joins each before it asks for the next one.

    So the keys of an import, which may be a million, are never in memory together.
    """
    if choice.import_number is not None:
        import_state.note_undone_lines(database, choice.import_number)
        imports.note_undone(database, choice.import_number, now_us)
        for keys in imports.keys(database, choice.import_number, MAX_KEYS_IN_TOMBSTONE):
            yield Keys(frozenset(keys), undone=True)
        return
    known = []
    if choice.text is not None:
        known = forget_selection.events(database, choice, duplicates=True)
    keys = [*shown, *(event.key for event in known)]
    is_window = choice.since_us is not None or choice.until_us is not None
    if choice.device_id is None and not is_window:  # a window covers copies by their times
        keys += forget_copies.of_events(database, keys)
    ahead = clocks_ahead(database)
    named = Named(keys, forget_selection.artifacts(database, choice), ahead)
    yield from scopes(choice, named, now_us)


def overwrites(choice: Choice, texts: Iterable[bytes], places: SpoolPaths) -> list[Overwrite]:
    """Return the pieces to overwrite in the files that shells write."""
    in_spool = [] if choice.text is None else scrub_spool.in_spool(places.spool, choice.text)
    wanted = [*texts] if choice.text is None else [choice.text]
    return in_spool + [
        overwrite
        for folder in places.text_files
        for overwrite in scrub_spool.in_text_files(folder, wanted)
    ]


def clean(database: Database, *, patience_ms: int = 2_000) -> bool:
    """Remove deleted text from the files of the database; return whether it succeeded.

    It does not when other processes use the files or when the disk is full.
    """
    database.connection.set_busy_timeout(patience_ms)
    try:
        database.scrub()
    except (apsw.BusyError, apsw.LockedError, apsw.FullError, apsw.IOError, apsw.CantOpenError):
        return False
    finally:
        database.connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    with database.transaction():
        database.delete_meta(UNCLEAN)
    return True
