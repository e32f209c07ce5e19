"""A cluster in a state in which every command of a device has work, restored before each test."""

from __future__ import annotations

import copy
import os
import shutil

import spooled
from hx.core.model import FINISHED, Event, EventKey, Keys
from sync.cluster import converge
from sync.devices import CANARY
from sync.environment import records_of
from sync.second_process import use_wal

SHARED = b" in common"  # part of each command: `hx forget` finds all of them by it
IMPORTED = 1_700_000_000  # seconds: time of the first line of the history file
_DAY_US = 86_400_000_000


class BusyCluster:
    """The device `laptop` runs the commands; events that began before `border_us` are old.

    `running` is an event without an end, `spool` and `history` are paths that hold new commands.
    """

    def __init__(self, cluster):
        self.cluster = cluster
        self.environment, (self.laptop, self.desktop) = cluster
        self.spool = os.path.join(self.laptop.folder, "spool")
        self.session = self.laptop.session
        self._seq = 0
        use_wal(self.laptop)
        self._prepare()
        self.laptop.database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._saved_files = [self._files(device) for device in (self.laptop, self.desktop)]
        self._state = self._snapshot()

    # ---- the state ----

    def _prepare(self):
        """Create published, superseded and unpublished records, some only on the other device."""
        environment, laptop, desktop = self.environment, self.laptop, self.desktop
        environment.now_us += _DAY_US
        old = [self._add_event() for _ in range(2)]
        laptop.keep(old[0])
        environment.pass_time()
        self.border_us = laptop.now_us - min(laptop.skew_us, 0)
        environment.now_us += 10_000_000_000
        published = [self._add_event() for _ in range(4)]
        laptop.pin(self.session, pinned=True)
        converge(*self.cluster)
        running = self._add_event(finished=False)
        environment.now_us += 700_000_000
        laptop.push()  # publishes it unfinished: it has run for more than ten minutes
        desktop.view.receive()
        desktop.pull()
        laptop.forget(Keys(frozenset([published[0].key])))
        laptop.redact(published[1])
        laptop.keep(published[2])
        laptop.import_(0, 1)
        self.due = self._add_event()
        desktop.forget(Keys(frozenset([published[3].key])))
        desktop.redact(published[2])
        self._add_event(desktop)
        desktop.push()
        laptop.view.receive()
        self.running = running
        self._write_spool()
        self._write_history()

    def _add_event(self, device=None, *, finished=True):
        """Add an event whose command has a unique text and the text that all have; return it."""
        device = device or self.laptop
        self.environment.pass_time()
        key = EventKey(device.now_us, device.me, device.session, self.environment.number())
        event = Event(
            key,
            CANARY + b"%06d" % key.seq + SHARED,
            b"/srv",
            flags=FINISHED if finished else 0,
            exit_status=0 if finished else None,
        )
        device._add_record(event)
        return event

    def _write_spool(self):
        """Write a spool file with one finished command."""
        os.makedirs(self.spool, mode=0o700, exist_ok=True)
        started_at_us, text = (
            self.laptop.now_us,
            CANARY + b"%06d" % self.environment.number() + SHARED,
        )
        session = "0" * 31 + "7"
        data = spooled.header(s=session, P=os.getpid(), h="host", b=started_at_us)
        data += spooled.start(1, text, at=started_at_us)
        data += spooled.end(1, at=started_at_us + 500)
        with open(os.path.join(self.spool, f"{session}.0"), "wb") as file:
            file.write(data)

    def _write_history(self):
        self.history = os.path.join(self.laptop.folder, "zsh_history")
        with open(self.history, "wb") as file:
            for number in range(2):
                text = CANARY + b"%06d" % self.environment.number() + SHARED
                file.write(b": %d:0;%s\n" % (IMPORTED + number, text))

    # ---- restore it ----

    def reset(self):
        """Restore files, store and model to the state at the end of __init__."""
        for device in (self.laptop, self.desktop):
            device.close()
        for name in os.listdir(self.environment.folder):  # of fresh devices, too
            shutil.rmtree(os.path.join(self.environment.folder, name))
        for device, files in zip((self.laptop, self.desktop), self._saved_files, strict=True):
            for path, data in files.items():
                target = os.path.join(device.folder, path)
                os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
                with open(target, "wb") as file:
                    file.write(data)
            device.open()
        saved_world, views, devices = copy.deepcopy(self._state)
        vars(self.environment).update(saved_world)
        for device, held, attributes in zip(
            (self.laptop, self.desktop), views, devices, strict=True
        ):
            vars(device).update(attributes)
            device.environment = self.environment
            device.view.held, device.view.deleted = held, []
            device.store.late.clear()
            device.store._listings.clear()
            device.inject_fault()
        use_wal(self.laptop)

    def _snapshot(self):
        devices = (self.laptop, self.desktop)
        names = ("made", "unpublished", "retained_from_us", "custody", "is_only_copy")
        return copy.deepcopy(
            (
                {name: value for name, value in vars(self.environment).items() if name != "rng"},
                [device.view.held for device in devices],
                [{name: getattr(device, name) for name in names} for device in devices],
            )
        )

    @staticmethod
    def _files(device):
        contents = {}
        for folder, _, names in os.walk(device.folder):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    contents[os.path.relpath(path, device.folder)] = file.read()
        return {
            path: data for path, data in contents.items() if not path.endswith(("-wal", "-shm"))
        }

    def register(self, before, after):
        """Register the records that a command made without a method of Device."""
        self.laptop._register(records_of(after) - records_of(before) - self.environment.made)
