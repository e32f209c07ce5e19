"""A whole device in this process: database, keys, outbox, clock, and its own sight of the store."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import lru_cache

from dump import dump
from hx.core.errors import NotInVault
from hx.core.format.keys import DeviceKeys, recovery_keys
from hx.core.format.phrases import secret_of
from hx.core.format.roster import evaluate
from hx.core.format.roster_records import device_revoke
from hx.core.model import FINISHED, IMPORTED, Artifact, ArtifactKey, Event, EventKey, Tombstone
from hx.custody.key_set import Secrets
from hx.database.connection import UNCLEAN, Database, open_database
from hx.database.event_detail import device_names, rename_device
from hx.database.join import join as join_rows
from hx.database.queries.sessions import pin
from hx.database.retention import retain
from hx.database.sync import vault
from hx.forget.forget import clean
from hx.sync import enroll
from hx.sync.context import Keyring, SyncContext
from hx.sync.outbox import Outbox
from hx.sync.pull import pull
from hx.sync.push import push
from hx.sync.repair import repair
from stores.faulty import FaultyStore, never
from sync.world import Crash, View, history, records_of

RAM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
URL = "memory:"
CANARY = b"cnry"


class Points:
    """Places at which the power may go: every call of the store, both ends of every commit."""

    def __init__(self):
        self.passed = 0
        self.last = None  # the number of the one that is not survived
        self.calls = {}  # number of a place -> what happens elsewhere at that moment

    def tick(self):
        self.passed += 1
        if self.passed == self.last:
            raise Crash
        self.calls.pop(self.passed, lambda: None)()

    def when(self, further, happens):
        self.calls[self.passed + further] = happens


class WatchedDatabase(Database):
    def __init__(self, path, points):
        opened = open_database(path)
        super().__init__(opened.connection, path)
        self.points = points
        self.execute("PRAGMA synchronous = off")
        self.execute("PRAGMA journal_mode = memory")  # a crash is an exception here

    @contextmanager
    def transaction(self):
        self.points.tick()
        with super().transaction():
            yield
        self.points.tick()


class WatchedOutbox(Outbox):
    def __init__(self, folder, points):
        super().__init__(folder)
        self.points = points

    def write(self, seq, objects):
        super().write(seq, objects)
        self.points.tick()

    def clear(self):
        super().clear()
        self.points.tick()


@lru_cache(1)
def _empty():
    """The bytes of a new database: making the schema is most of what a small one costs."""
    with tempfile.TemporaryDirectory(dir=RAM) as folder:
        path = os.path.join(folder, "hx.db")
        opened = open_database(path)
        opened.execute("PRAGMA journal_mode = delete").fetchall()
        opened.close()
        with open(path, "rb") as file:
            return file.read()


class Device:
    """Its verbs are those of a person at the keyboard; errors come out as they would there."""

    def __init__(self, world, label):
        self.world = world
        self.label = label
        self.folder = os.path.join(world.folder, f"{label}-{world.number()}")
        self.points = Points()
        self.view = View(world)
        self.store = FaultyStore(self.view)
        self.view.late = self.store.late
        dice = world.dice
        self.custody = Secrets(DeviceKeys(dice.randbytes(32), dice.randbytes(32)), {})
        self.me = self.custody.device.device_id
        self.skew_us = dice.choice([0, 0, 0, -7_200_000_000, 3_600_000_000])
        self.session = dice.randbytes(16)
        self.made = set()
        self.unpublished = set()
        self.retained_to = 0
        self.alone = True  # whether no other copy of it was ever made
        os.makedirs(os.path.join(self.folder, "hx"))
        with open(self.path, "wb") as file:
            file.write(_empty())
        self.open()
        with self.database.transaction():
            rename_device(self.database, self.me, label)

    @property
    def path(self):
        return os.path.join(self.folder, "hx", "hx.db")

    @property
    def now_us(self):
        return self.world.now_us + self.skew_us

    def open(self):
        self.database = WatchedDatabase(self.path, self.points)
        self.outbox = WatchedOutbox(os.path.join(self.folder, "outbox"), self.points)

    def close(self):
        self.database.close()

    def arrange(self, fault=never):
        """What goes wrong from now on: `fault` as in FaultyStore, and the points are counted."""

        def choose(number, operation, key):
            self.points.tick()
            return fault(number, operation, key)

        self.store.choose = choose
        self.points.last = None
        self.points.calls.clear()

    def name(self):
        """What the vault calls it."""
        return device_names(self.database)[self.me]

    # ---- what a person does ----

    def record(self, *, finished=True, ago_us=0):
        number = self.world.number()
        key = EventKey(self.now_us - ago_us, self.me, self.session, number)
        event = Event(
            key,
            CANARY + b"%06d" % number,
            b"/srv",
            host=b"host",
            flags=FINISHED if finished else 0,
            exit_status=0 if finished else None,
        )
        self._make(event)
        return event

    def finish(self, event):
        self._make(event._replace(flags=event.flags | FINISHED, exit_status=1, duration_us=9))

    def import_(self, origin, number):
        """From a database of another tool, which other devices may import too."""
        source = bytes([0x80 | origin]) + bytes(15)
        key = EventKey(self.world.now_us // 10**9 * 10**9 + number, source, source, number)
        event = Event(key, b"imported %d" % number, b"/", flags=FINISHED, origin=IMPORTED)
        self._make(event)
        return event

    def import_again(self, event):
        self._make(event)

    def redact(self, event):
        text = CANARY + b"%06d" % self.world.number()
        self._make(event._replace(command=text, revision=event.revision + 1))

    def keep(self, event):
        """An artifact of an event."""
        key = ArtifactKey(
            self.now_us, self.me, event.key.session_id, self.world.dice.randbytes(16), event.key
        )
        self._make(Artifact(key, CANARY + b"%06d" % self.world.number(), "file", 0, bytes(32)))

    def forget(self, scope):
        self._make(Tombstone(self.world.dice.randbytes(16), self.now_us, self.me, scope))

    def pin(self, session_id, *, pinned):
        before = dump(self.database).pins
        pin(self.database, session_id, self.now_us, self.me, pinned=pinned)
        after = dump(self.database).pins
        pins = {one.session_id: one.pinned for one in after}
        assert pins.get(session_id, False) == pinned, f"{self.label}: a pin that does not count"
        self._note(after - before)

    def retain(self, border_us):
        """What goes unpublished goes for good: it is the user's wish."""
        before = dump(self.database)
        retain(self.database, border_us)
        self.retained_to = max(self.retained_to, border_us)
        keys = {one.key for one in before.events | before.artifacts}
        keys -= {one.key for one in self.dump().events | self.dump().artifacts}
        gone = {one for one in self.unpublished if getattr(one, "key", None) in keys}
        self.world.unsure |= gone
        self.unpublished -= gone
        self.world.forgone |= records_of(before) - records_of(self.dump())

    def _make(self, record):
        with self.database.transaction():
            changes = join_rows(self.database, history([record]))
            if changes.erased:
                self.database.set_meta(UNCLEAN, self.now_us)
        self._note([record])

    def _note(self, records):
        self.world.made.update(records)
        self.made.update(records)
        self.unpublished.update(records)

    # ---- sync, as the command line does it ----

    def context(self):
        return SyncContext(self.database, self.store, self.me, self.keyring(), self.now_us)

    def keyring(self):
        def store(secrets):
            self.points.tick()
            self.custody = secrets
            self.points.tick()

        return Keyring(lambda: self.custody, store)

    def pull(self):
        return pull(self.context())

    def push(self):
        done = push(self.context(), self.outbox, self.name())
        self._published()
        return done

    def sync(self):
        context = self.context()
        pulled = pull(context)
        pushed = push(context, self.outbox, self.name(), listed=True)
        self._published()
        return pulled, pushed

    def repair(self):
        done = repair(self.context(), self.outbox, self.name())
        self._published()
        return done

    def _published(self):
        """A push has ended well: all but what still runs is in the store."""
        if self.store.dropped:  # so it was said; the next push finds out
            self.store.dropped = False
            return
        running = {
            one for one in self.unpublished if type(one) is Event and not one.flags & FINISHED
        }
        self.world.published |= self.unpublished - running
        self.unpublished = running

    # ---- the vault ----

    def _here(self):
        def keep(secrets):
            self.custody = secrets

        return enroll.ThisDevice(self.database, self.custody.device, self.name(), keep, self.now_us)

    def _place(self):
        return enroll.VaultPlace(self.store, URL, "vault")

    def init(self, *, encrypt=True):
        enroll.init(self._here(), self._place(), encrypt=encrypt, entropy=self.world.entropy)
        self.push()

    def invite(self):
        context = self.context()
        pull(context)
        if context.me not in context.trust.active:
            raise NotInVault("this device waits to be admitted")
        code, _ = enroll.make_invitation(context)
        push(context, self.outbox, self.name(), listed=True)
        self._published()
        return secret_of(code)

    def join(self, secret):
        enroll.join(self._here(), self._place(), secret)

    def recover(self):
        enroll.recover(self._here(), self._place(), self.world.entropy)

    def spend(self, secret):
        enroll.spend(self.store, secret)

    def revoke(self, device_id, *, by_recovery=False, keeping=False):
        """`keeping`: what counts goes on counting, and so does what let this device in."""
        context = self.context()
        pull(context)
        own = self.custody.device
        signer = recovery_keys(self.world.entropy) if by_recovery else own
        seed, vault_id = signer.sign_seed, context.vault.vault_id
        lean, generous = (
            device_revoke(device_id, keep, seed=seed, vault_id=vault_id)
            for keep in ((), context.trust.counting)
        )
        known = vault.records(self.database)
        stays = self.me in evaluate(context.genesis, {*known, lean}).active
        context.learn([generous if keeping or not stays else lean])
        push(context, self.outbox, self.name(), listed=True)
        self._published()

    def is_in(self):
        """As far as it has heard."""
        trust = self.context().trust
        return self.me in trust.active or self.me in trust.waiting

    # ---- disks ----

    def backup(self):
        """What a backup of the disk holds; the keychain is not in it."""
        outbox = os.path.join(self.folder, "outbox")
        files = {}
        for name in os.listdir(outbox) if os.path.isdir(outbox) else ():
            with open(os.path.join(outbox, name), "rb") as file:
                files[name] = file.read()
        with open(self.path, "rb") as file:
            return file.read(), files, frozenset(self.unpublished)

    def restore(self, backup):
        before = self.dump()
        self.world.restored, self.alone = True, False
        self._write(backup)
        self.world.forgone |= records_of(before) - records_of(self.dump())

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
        self.world.unsure |= self.unpublished - unpublished
        self.unpublished &= unpublished
        self.open()

    def clone(self, label):
        """A copied disk: another machine that takes itself for this device."""
        clone = Device(self.world, label)
        clone.custody, clone.me, clone.skew_us = self.custody, self.me, self.skew_us
        clone.unpublished = set(self.unpublished)
        clone.view.held = dict(self.view.held)
        clone.retained_to = self.retained_to
        clone.alone = self.alone = False
        clone._write(self.backup())
        return clone

    def dump(self):
        return dump(self.database)

    def scrub(self):
        """What the command line does after a sync that has heard of something forgotten."""
        if self.database.meta(UNCLEAN) is not None:
            assert clean(self.database)
