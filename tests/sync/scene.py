"""A vault at a moment when every command of a device has work to do, and back to it at will."""

from __future__ import annotations

import copy
import os
import shutil

import spooled
from hx.core.model import FINISHED, Event, EventKey, Keys
from sync.beside import shared
from sync.devices import CANARY
from sync.meeting import meet
from sync.world import records_of

SHARED = b" in common"  # what a command forgets by its text
IMPORTED = 1_700_000_000  # seconds: when the lines of the history file ran
_DAY_US = 86_400_000_000


class Scene:
    """`one` is at work; `border_us`: what began before it is old."""

    def __init__(self, meeting):
        self.meeting = meeting
        self.world, (self.one, self.other) = meeting
        self.spool = os.path.join(self.one.folder, "spool")
        self.session = self.one.session
        self._seq = 0
        shared(self.one)
        self._live()
        self.one.database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._kept = [self._files(device) for device in (self.one, self.other)]
        self._state = self._remembered()

    # ---- what there is ----

    def _live(self):
        """Published, to be written anew, to be published; to be taken, with tombstones in it."""
        world, one, other = self.world, self.one, self.other
        world.now_us += _DAY_US
        old = [self.made() for _ in range(2)]
        one.keep(old[0])
        world.pass_time()
        self.border_us = one.now_us - min(one.skew_us, 0)
        world.now_us += 10_000_000_000
        published = [self.made() for _ in range(4)]
        one.pin(self.session, pinned=True)
        meet(*self.meeting)
        running = self.made(finished=False)
        world.now_us += 700_000_000
        one.push()  # it runs for so long
        other.view.arrive()
        other.pull()
        one.forget(Keys(frozenset([published[0].key])))
        one.redact(published[1])
        one.keep(published[2])
        one.import_(0, 1)
        self.due = self.made()
        other.forget(Keys(frozenset([published[3].key])))
        other.redact(published[2])
        self.made(other)
        other.push()
        one.view.arrive()
        self.running = running
        self._lay_spool()
        self._lay_history()

    def made(self, device=None, *, finished=True):
        """An event of a device that has a text of its own and the text that all have."""
        device = device or self.one
        self.world.pass_time()
        key = EventKey(device.now_us, device.me, device.session, self.world.number())
        event = Event(
            key,
            CANARY + b"%06d" % key.seq + SHARED,
            b"/srv",
            flags=FINISHED if finished else 0,
            exit_status=0 if finished else None,
        )
        device._make(event)
        return event

    def _lay_spool(self):
        """A command that has ended, and one that runs."""
        os.makedirs(self.spool, mode=0o700, exist_ok=True)
        at, text = self.one.now_us, CANARY + b"%06d" % self.world.number() + SHARED
        session = "0" * 31 + "7"
        data = spooled.header(s=session, P=os.getpid(), h="host", b=at)
        data += spooled.start(1, text, at=at) + spooled.end(1, at=at + 500)
        with open(os.path.join(self.spool, f"{session}.0"), "wb") as file:
            file.write(data)

    def _lay_history(self):
        self.history = os.path.join(self.one.folder, "zsh_history")
        with open(self.history, "wb") as file:
            for number in range(2):
                text = CANARY + b"%06d" % self.world.number() + SHARED
                file.write(b": %d:0;%s\n" % (IMPORTED + number, text))

    # ---- back to it ----

    def again(self):
        """All of it as it was."""
        for device in (self.one, self.other):
            device.close()
        for name in os.listdir(self.world.folder):  # fresh devices too, that came to look
            shutil.rmtree(os.path.join(self.world.folder, name))
        for device, files in zip((self.one, self.other), self._kept, strict=True):
            for path, data in files.items():
                at = os.path.join(device.folder, path)
                os.makedirs(os.path.dirname(at), mode=0o700, exist_ok=True)
                with open(at, "wb") as file:
                    file.write(data)
            device.open()
        world, views, devices = copy.deepcopy(self._state)
        vars(self.world).update(world)
        for device, held, kept in zip((self.one, self.other), views, devices, strict=True):
            vars(device).update(kept)
            device.world = self.world
            device.view.held, device.view.taken_out = held, []
            device.store.late.clear()
            device.store._listings.clear()
            device.arrange()
        shared(self.one)

    def _remembered(self):
        devices = (self.one, self.other)
        names = ("made", "unpublished", "retained_to", "custody", "alone")
        return copy.deepcopy(
            (
                {name: value for name, value in vars(self.world).items() if name != "dice"},
                [device.view.held for device in devices],
                [{name: getattr(device, name) for name in names} for device in devices],
            )
        )

    @staticmethod
    def _files(device):
        found = {}
        for folder, _, files in os.walk(device.folder):
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, device.folder)] = file.read()
        return {path: data for path, data in found.items() if not path.endswith(("-wal", "-shm"))}

    def note(self, before, after):
        """What a command has made that no verb of a device has told the world of."""
        self.one._note(records_of(after) - records_of(before) - self.world.made)
