"""A whole device in this process: database, keys, outbox, clock and its own view of the store."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import lru_cache

from dump import dump
from hx.core.errors import InputError, NotInVault
from hx.core.format import invite
from hx.core.format.keys import DeviceKeys, recovery_keys
from hx.core.format.phrases import invite_id, secret_of
from hx.core.format.roster import evaluate
from hx.core.format.roster_records import device_revoke
from hx.core.import_matching.keys import first_seqs
from hx.core.model import (
    FINISHED,
    IMPORTED,
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Keys,
    Tombstone,
    WholeSession,
    Window,
    bare_key,
)
from hx.core.moment import Moment
from hx.custody.key_set import Secrets
from hx.database import tombstones
from hx.database.connection import UNCLEAN, Database, open_database
from hx.database.event_detail import device_names, rename_device
from hx.database.join import join as join_rows
from hx.database.queries.sessions import pin
from hx.database.retention import retain
from hx.database.sparing import spared_artifact, spared_events
from hx.database.sync import held, vault
from hx.database.text_orders import left
from hx.forget.forget import clean
from hx.sync import enroll, holding, vault_file
from hx.sync.admins import make_admin
from hx.sync.context import Keyring, SyncContext
from hx.sync.outbox import Outbox
from hx.sync.pull import pull
from hx.sync.push import push
from hx.sync.repair import repair
from hx.sync.revoke import revoke
from hx.sync.rotate import rotate
from stores.faulty import FaultyStore, never
from sync.environment import Crash, StoreView, history, records_of

URL = "memory:"
CANARY = b"cnry"


def spared_of(tombstone, event):
    """Return an event as it goes on once a tombstone is refused, by the text of the rule."""
    scope, key = tombstone.scope, event.key
    named = isinstance(scope, Keys) and bare_key(key) in scope.events
    if tombstone.tombstone_id in key.spared or not (named or names(scope, key)):
        return event
    spared = tuple(sorted({*key.spared, tombstone.tombstone_id}))
    return event._replace(key=key._replace(spared=spared))


def names(scope, key):
    """Return whether a window or a session covers a key that is spared of nothing."""
    if isinstance(scope, WholeSession):
        return key.session_id == scope.session_id
    if isinstance(scope, Window):
        is_owner = scope.device_id in (None, key.device_id)
        return is_owner and scope.since_us <= key[0] < scope.until_us
    return False


class CrashPoints:
    """Count the steps at which the power can fail or something else can happen.

    A step is a call of the store, the begin or end of a transaction, or a write of the outbox.
    """

    def __init__(self):
        self.count = 0
        self.crash_at = None  # the number of the step at which the power fails
        self.calls = {}  # number of a step -> what to call then

    def tick(self):
        """Count one step."""
        self.count += 1
        if self.count == self.crash_at:
            raise Crash
        self.calls.pop(self.count, lambda: None)()

    def run_at(self, further, call):
        """Call a function after so many further steps."""
        self.calls[self.count + further] = call


class WatchedDatabase(Database):
    """A database whose transactions are steps."""

    def __init__(self, path, points):
        opened = open_database(path)
        super().__init__(opened.connection, path)
        self.crash_points = points
        self.execute("PRAGMA synchronous = off")
        self.execute("PRAGMA journal_mode = memory")  # a crash is an exception here

    @contextmanager
    def transaction(self):
        self.crash_points.tick()
        with super().transaction():
            yield
        self.crash_points.tick()


class WatchedOutbox(Outbox):
    """An outbox whose writes are steps."""

    def __init__(self, folder, points):
        super().__init__(folder)
        self.crash_points = points

    def write(self, seq, objects):
        super().write(seq, objects)
        self.crash_points.tick()

    def clear(self):
        super().clear()
        self.crash_points.tick()


@lru_cache(1)
def _empty_database():
    """Return the bytes of a new database. Creating the schema is slow, so it is done once."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hx.db")
        opened = open_database(path)
        opened.execute("PRAGMA journal_mode = delete").fetchall()
        opened.close()
        with open(path, "rb") as file:
            return file.read()


class Device:
    """A device with one method for each thing that its user does.

    `made` holds the records that it made, `unpublished` those that no push has reported yet.
    Errors of hx are raised as they are.
    """

    def __init__(self, environment, label):
        self.environment = environment
        self.label = label
        self.folder = os.path.join(environment.folder, f"{label}-{environment.number()}")
        self.crash_points = CrashPoints()
        self.view = StoreView(environment)
        self.store = FaultyStore(self.view)
        self.view.late = self.store.late
        rng = environment.rng
        self.custody = Secrets(DeviceKeys(rng.randbytes(32), rng.randbytes(32)), {})
        self.me = self.custody.device.device_id
        self.skew_us = rng.choice([0, 0, 0, -7_200_000_000, 3_600_000_000])
        self.boot_id = f"boot {self.folder}"
        self.session = rng.randbytes(16)
        self.made = set()
        self.unpublished = set()
        self.retained_from_us = 0
        self.holds = True  # whether it holds tombstones of others for a decision
        self.seeds = {}  # invite id -> seed of the invitation by which it has joined
        self.is_only_copy = True  # whether it was neither cloned nor restored
        os.makedirs(os.path.join(self.folder, "hx"))
        with open(self.path, "wb") as file:
            file.write(_empty_database())
        self.open()
        with self.database.transaction():
            rename_device(self.database, self.me, label)

    @property
    def path(self):
        return os.path.join(self.folder, "hx", "hx.db")

    @property
    def now_us(self):
        return self.environment.now_us + self.skew_us

    def moment(self):
        """Read both clocks; the one that nobody sets is the same on all devices."""
        return Moment(self.now_us, self.environment.now_us, self.boot_id)

    def open(self):
        self.database = WatchedDatabase(self.path, self.crash_points)
        self.outbox = WatchedOutbox(os.path.join(self.folder, "outbox"), self.crash_points)

    def close(self):
        self.database.close()

    def inject_fault(self, fault=never):
        """Set the faults of the store, as FaultyStore takes them, and clear all crash points."""

        def choose(number, operation, key):
            self.crash_points.tick()
            return fault(number, operation, key)

        self.store.choose = choose
        self.crash_points.crash_at = None
        self.crash_points.calls.clear()

    def name(self):
        """Return the name of the device in the vault."""
        return device_names(self.database)[self.me]

    # ---- what a user does ----

    def record(self, *, finished=True, ago_us=0, text=None):
        """Add an event with a unique command, or with `text`; return it."""
        number = self.environment.number()
        key = EventKey(self.now_us - ago_us, self.me, self.session, number)
        event = Event(
            key,
            text or CANARY + b"%06d" % number,
            b"/srv",
            host=b"host",
            flags=FINISHED if finished else 0,
            exit_status=0 if finished else None,
        )
        with self.database.transaction():
            known = self.known_tombstones()
            [event] = spared_events(self.database, [event], self.moment())
            if not left(self.database, [event], self.now_us):
                assert ago_us, f"{self.label} does not store what it records: {event}"
                return event
            join_rows(self.database, history([event]))
        if not ago_us:
            self.environment.known_to[event.key] = known
        self._register([event])
        return event

    def finish(self, event):
        self._add_record(event._replace(flags=event.flags | FINISHED, exit_status=1, duration_us=9))

    def import_(self, origin, number):
        """Add an event from the history of another tool, which other devices may import too.

        Origin 1 is a text file: other devices may have copies of it, whose lines have other keys.
        """
        text, at_us = b"imported %d" % number, self.environment.now_us // 10**9 * 10**9 + number
        source, seq = bytes([0x80]) + bytes(15), number
        if origin:
            source, seq = bytes([0xC0 | self.me[0]]) + self.me[1:], first_seqs([text])[0]
        key = EventKey(at_us, source, source, seq)
        event = Event(key, text, b"/", flags=FINISHED, origin=IMPORTED)
        self.import_again(event)
        return event

    def import_again(self, event):
        if left(self.database, [event], self.now_us):
            self._add_record(event)

    def redact(self, event):
        """Replace the command of an event by another unique one."""
        text = CANARY + b"%06d" % self.environment.number()
        self._add_record(event._replace(command=text, revision=event.revision + 1))

    def keep(self, event):
        """Add an artifact of an event."""
        key = ArtifactKey(
            self.now_us,
            self.me,
            event.key.session_id,
            self.environment.rng.randbytes(16),
            event.key,
        )
        name = CANARY + b"%06d" % self.environment.number()
        with self.database.transaction():
            known = self.known_tombstones()
            artifact = Artifact(key, name, "file", 0, bytes(32))
            artifact = spared_artifact(self.database, artifact, self.moment())
            join_rows(self.database, history([artifact]))
        self.environment.known_to[artifact.key] = known
        self._register([artifact])

    def forget(self, scope):
        self._add_record(Tombstone(self.environment.rng.randbytes(16), self.now_us, self.me, scope))

    def known_tombstones(self):
        """Return the tombstones that are applied or held."""
        waiting = {held.record(self.database, row) for row in held.read(self.database)}
        return tombstones.read(self.database) | waiting

    def held(self):
        """Return what is held, one entry for each `hx forget`."""
        return held.forgets(held.read(self.database))

    def accept(self, forget):
        """Carry out what is held."""
        context = self.context()
        with self.database.transaction():
            for row in forget.rows:
                holding.accept(context, row)

    def refuse(self, forget):
        """Keep what a held `hx forget` would take: from now on these are records of this device."""
        given_back = dict.fromkeys(self.dump().events)
        for row in forget.rows:
            tombstone = held.record(self.database, row)
            given_back = {spared_of(tombstone, event): None for event in given_back}
        kept = given_back.keys() - self.dump().events
        context = self.context()
        with self.database.transaction():
            holding.refuse(context, forget.rows)
        self._register(kept)

    def pin(self, session_id, *, pinned):
        before = dump(self.database).pins
        try:
            pin(self.database, session_id, self.now_us, self.me, pinned=pinned)
        except InputError as error:  # no device of a simulation dates a pin at the end of time
            raise AssertionError(f"{self.label}: the pin has no effect") from error
        after = dump(self.database).pins
        states = {state.session_id: state.pinned for state in after}
        assert states.get(session_id, False) == pinned, f"{self.label}: the pin has no effect"
        self._register(after - before)

    def retain(self, border_us):
        """Apply retention. An artifact that goes with its event before a push is lost."""
        before = dump(self.database)
        retain(self.database, border_us)
        self.retained_from_us = max(self.retained_from_us, border_us)
        keys = {record.key for record in before.events | before.artifacts}
        keys -= {record.key for record in self.dump().events | self.dump().artifacts}
        removed = {record for record in self.unpublished if getattr(record, "key", None) in keys}
        self.environment.maybe_lost |= removed
        self.unpublished -= removed
        self.environment.removed_locally |= records_of(before) - records_of(self.dump())

    def _add_record(self, record):
        with self.database.transaction():
            changes = join_rows(self.database, history([record]), now=self.moment())
            if changes.erased:
                self.database.set_meta(UNCLEAN, self.now_us)
        self._register([record])

    def _register(self, records):
        self.environment.made.update(records)
        self.made.update(records)
        self.unpublished.update(records)

    # ---- sync, as the command line does it ----

    def context(self):
        context = SyncContext(
            self.database,
            self.store,
            self.me,
            self.keyring(),
            self.now_us,
            moment=self.moment,
        )
        context.holds = self.holds
        return context

    def keyring(self):
        def store(secrets):
            self.crash_points.tick()
            self.custody = secrets
            self.crash_points.tick()

        return Keyring(lambda: self.custody, store)

    def pull(self):
        return pull(self.context())

    def push(self):
        before = set(self.unpublished)
        pushed = push(self.context(), self.outbox, self.name())
        self._published(before)
        return pushed

    def sync(self):
        before = set(self.unpublished)
        context = self.context()
        pulled = pull(context, admits=True)
        pushed = push(context, self.outbox, self.name(), listed=True)
        self._published(before)
        return pulled, pushed

    def mend_vault_file(self):
        self.view.receive()
        context = self.context()
        pull(context)
        if vault_file.is_proven(context):
            vault_file.put_back(context.store, context.vault)

    def repair(self):
        before = set(self.unpublished)
        repaired = repair(self.context(), self.outbox, self.name())
        self._published(before)
        return repaired

    def _published(self, before):
        """Note after a successful push that the records of before are published.

        Running events are not, nor what a second process has added during the push.
        """
        if self.store.dropped:  # the store lied about a put; the next push finds out
            self.store.dropped = False
            return
        published = {
            record
            for record in self.unpublished & before
            if type(record) is not Event or record.flags & FINISHED
        }
        self.environment.published |= published
        self.unpublished -= published

    # ---- the vault ----

    def _this_device(self):
        def keep(secrets):
            self.custody = secrets

        return enroll.ThisDevice(self.database, self.custody.device, self.name(), keep, self.now_us)

    def _place(self):
        return enroll.VaultPlace(self.store, URL, "vault")

    def init(self, *, encrypt=True):
        enroll.init(
            self._this_device(), self._place(), encrypt=encrypt, entropy=self.environment.entropy
        )
        self.push()

    def make_admin(self):
        """Become an admin, by the recovery words."""
        context = self.context()
        pull(context)
        if self.me not in context.trust.active:
            raise NotInVault("this device was taken out")
        seed = recovery_keys(self.environment.entropy).sign_seed
        make_admin(context, self.me, seed=seed)
        push(context, self.outbox, self.name(), listed=True)
        self._published(set(self.unpublished))

    def invite(self):
        """Publish an invitation and return its secret."""
        context = self.context()
        pull(context)
        if context.me not in context.trust.active:
            raise NotInVault("this device waits to be admitted")
        code, _ = enroll.make_invitation(context)
        push(context, self.outbox, self.name(), listed=True)
        self._published(set(self.unpublished))
        return secret_of(code)

    def join(self, secret):
        sealed = self.view.held.get(invite.store_key(secret))
        enroll.join(self._this_device(), self._place(), secret)
        if sealed is not None:
            self.seeds = {invite_id(secret): invite.opened(sealed, secret=secret)[1].seed}

    def recover(self):
        enroll.recover(self._this_device(), self._place(), self.environment.entropy)

    def spend(self, secret):
        enroll.spend(self.store, secret)

    def revoke(self, device_id, *, by_recovery=False, keeping=False):
        """Revoke a device.

        Roster records that the revoked device signed stay valid if `keeping` is set, or if this
        device would not be active without them.
        """
        context = self.context()
        pull(context)
        own = self.custody.device
        signer = recovery_keys(self.environment.entropy) if by_recovery else own
        seed, vault_id = signer.sign_seed, context.vault.vault_id
        without_kept, with_kept = (
            device_revoke(device_id, keep, seed=seed, vault_id=vault_id)
            for keep in ((), context.trust.counting)
        )
        known = vault.records(self.database)
        stays = self.me in evaluate(context.genesis, {*known, without_kept}).active
        context.learn([with_kept if keeping or not stays else without_kept])
        push(context, self.outbox, self.name(), listed=True)
        self._published(set(self.unpublished))

    def revoke_by_hx(self, device_id, *, by_recovery=False):
        """Revoke a device as `hx sync revoke --anyway` does."""
        context = self.context()
        before = set(self.unpublished)
        pull(context)
        if {self.me, device_id} <= context.trust.active.keys():
            seed = recovery_keys(self.environment.entropy).sign_seed if by_recovery else None
            revoke(context, device_id, seed=seed)
        push(context, self.outbox, self.name(), listed=True)
        self._published(before)

    def rotate(self):
        context = self.context()
        before = set(self.unpublished)
        pull(context, admits=True)
        if self.me in context.trust.active:
            rotate(context)
        push(context, self.outbox, self.name(), listed=True)
        self._published(before)

    def is_member(self):
        """Return whether this device is a member of the vault, as far as it knows."""
        trust = self.context().trust
        return self.me in trust.active or self.me in trust.waiting

    # ---- disks ----

    def backup(self):
        """Return a backup of the disk: database, outbox files, unpublished records; no keys."""
        outbox = os.path.join(self.folder, "outbox")
        files = {}
        for name in os.listdir(outbox) if os.path.isdir(outbox) else ():
            with open(os.path.join(outbox, name), "rb") as file:
                files[name] = file.read()
        with open(self.path, "rb") as file:
            return file.read(), files, frozenset(self.unpublished)

    def restore(self, backup):
        """Replace the disk by a backup."""
        before = self.dump()
        self.environment.restored, self.is_only_copy = True, False
        self.boot_id = f"boot after {self.environment.now_us}"
        self._write(backup)
        self.environment.removed_locally |= records_of(before) - records_of(self.dump())

    def _write(self, backup):
        data, files, unpublished = backup
        self.close()
        shutil.rmtree(os.path.join(self.folder, "outbox"), ignore_errors=True)
        with open(self.path, "wb") as file:
            file.write(data)
        if files:
            os.makedirs(os.path.join(self.folder, "outbox"))
        for name, content in files.items():
            with open(os.path.join(self.folder, "outbox", name), "wb") as file:
                file.write(content)
        self.environment.maybe_lost |= self.unpublished - unpublished
        self.unpublished &= unpublished
        self.open()

    def clone(self, label):
        """Return a clone: a second device with the same keys and a copy of the disk."""
        clone = Device(self.environment, label)
        clone.custody, clone.me, clone.skew_us = self.custody, self.me, self.skew_us
        clone.unpublished, clone.seeds = set(self.unpublished), dict(self.seeds)
        clone.view.held = dict(self.view.held)
        clone.retained_from_us = self.retained_from_us
        clone.is_only_copy = self.is_only_copy = False
        clone._write(self.backup())
        return clone

    def dump(self):
        return dump(self.database)

    def scrub(self):
        """Scrub the files of the database, as hx does after a sync that removed something."""
        if self.database.meta(UNCLEAN) is not None:
            assert clean(self.database)
