"""One process of a device halts at a step of its command, another carries out its own."""

from __future__ import annotations

import os
from contextlib import suppress

from dump import dump
from hx.capture.ingest import SpoolSource, ingest
from hx.core.errors import Busy
from hx.core.format import object_names, segment
from hx.core.merge import Cover
from hx.core.model import Event
from hx.core.redaction.rules import Rules
from hx.database.queries.forget_selection import Choice
from hx.database.sync import forgotten_copies as remains
from hx.forget.forget import Issuer, SpoolPaths, clean, issue
from hx.importers import importer
from hx.importers.run import Import, Job
from hx.sync.rebuild import rebuild
from sync.beside import beside
from sync.claims import opened, require_all
from sync.meeting import meet
from sync.scene import SHARED
from sync.simulation import crowds_of
from sync.world import records_of

# ---- what changes the database ----


def forget_by(choice):
    def act(scene, device):
        issuer = Issuer(device.me, device.now_us, lambda: device.world.dice.randbytes(16))
        places = SpoolPaths(scene.spool, (), drain_lock(device), patience_s=0)
        with suppress(Busy):  # another process drains, and nothing was forgotten
            issue(device.database, choice(scene), (), issuer, places)
        clean(device.database, patience_ms=0)  # in vain where the other process reads

    return act


def drain_lock(device):
    return os.path.join(device.folder, "ingest.lock")


def drain(scene, device):
    source = SpoolSource(
        scene.spool, drain_lock(device), device.me, "host", shared=False, rules=Rules
    )
    ingest(device.database, source, device.now_us)


def bring_in(scene, device):
    job = Job(device.me, "host", Rules())
    Import(device.database, scene.history, importer("zsh"), job).run()


def redact(scene, device):
    """What is being published, and what other devices have."""
    for event in sorted(dump(device.database).events):
        if SHARED in event.command:
            device.redact(event)


LOCAL = {
    "forget by text": forget_by(lambda _: Choice(text=SHARED)),
    "forget by time": forget_by(lambda scene: Choice(since_us=scene.border_us)),
    "forget what is old": forget_by(lambda scene: Choice(since_us=0, until_us=scene.border_us)),
    "redact": redact,
    "retention": lambda scene, device: device.retain(scene.border_us),
    "pin": lambda scene, device: device.pin(scene.other.session, pinned=True),
    "unpin": lambda scene, device: device.pin(scene.session, pinned=False),
    "a command that ends": lambda scene, device: device.finish(scene.running),
    "ingest": drain,
    "import": bring_in,
}

# ---- what goes to the store: one of these at a time, by a lock ----


def compact(_scene, device):
    with crowds_of(0):
        device.push()


def make_anew(scene, device):
    with suppress(Busy):  # another process has written: the old one stays
        rebuild(device.context(), None)


STORE = {
    "push": lambda _, device: device.push(),
    "pull": lambda _, device: device.pull(),
    "sync": lambda _, device: device.sync(),
    "compaction": compact,
    "repair": lambda _, device: device.repair(),
    "rebuild": make_anew,
}
COMMANDS = LOCAL | STORE
PAIRS = [
    (first, second)
    for first in COMMANDS
    for second in COMMANDS
    if not (first in STORE and second in STORE)
]

# ---- one of them inside the other ----


def steps_of(scene, first):
    """How many there are: requests to the store, statements and commits of the database, files."""
    scene.again()
    _watch(scene.one)
    before = scene.one.points.passed
    COMMANDS[first](scene, scene.one)
    return scene.one.points.passed - before


def overlap(scene, first, second, step):
    """`second` at a step of `first`, and all that has to hold then and in the end."""
    scene.again()
    one = scene.one

    def act():
        with beside(one):
            carry_out(scene, second)
            require_told(scene)

    _watch(one)
    one.points.when(step, act)
    try:
        carry_out(scene, first)
        require_told(scene)
        if "retention" in (first, second):
            excuse_retained(scene)
        require_settled(scene)
    except Exception as error:
        error.add_note(f"{second} at step {step} of {first}")
        raise


def excuse_retained(scene):
    """What came while retention was at work, went with it, and was never published."""
    one = scene.one
    here = records_of(one.dump())
    gone = {e for e in one.unpublished - here if is_old(scene, e)}
    one.world.unsure |= gone
    one.unpublished -= gone


def is_old(scene, record):
    return type(record) is Event and record.key.started_at_us < scene.border_us


def carry_out(scene, command):
    one = scene.one
    before = one.dump()
    COMMANDS[command](scene, one)
    scene.note(before, one.dump())


def _watch(device):
    """Every statement that is no part of a transaction is a step too."""
    connection = device.database.connection

    def statement(_cursor, _sql, _bindings):
        if not connection.in_transaction:
            device.points.tick()
        return True

    connection.set_exec_trace(statement)


def require_settled(scene):
    one = scene.one
    one.database.connection.set_exec_trace(None)
    carry_out(scene, "ingest")
    meet(*scene.meeting)
    require_all(scene.meeting)
    assert remains.copies(one.database).get(one.me) is None
    assert one.database.value("SELECT count(*) FROM outgoing") == 0
    require_told(scene)
    gone = [e.command for e in one.world.made if hasattr(e, "command")]
    alive = {e.command for e in one.dump().events}
    with open(f"{one.path}-wal", "rb") as file:
        log = file.read()
    assert not [text for text in gone if text not in alive and text in log]


def require_told(scene):
    """A copy of something forgotten in an own segment, here or there, is said to remain."""
    one = scene.one
    known = remains.copies(one.database).get(one.me, [])
    untold = holding_forgotten(scene) - set(known)
    assert not untold, f"nobody is told that {[one.hex() for one in untold]} hold what is forgotten"


def holding_forgotten(scene):
    """Own segments in the store or in the outbox, with something in them that is forgotten here."""
    one = scene.one
    journal = one.outbox.read()
    held = {**scene.world.objects, **dict(one.outbox.objects(journal) if journal else ())}
    own = {
        key: data for key, data in held.items() if key.startswith(object_names.segments_of(one.me))
    }
    cover, found = Cover(dump(one.database).tombstones), set()
    for key, payload in opened(scene.world, own, [one]).items():
        history = segment.decode(payload)
        if any(cover.event(event.key) for event in history.events):
            found.add(object_names.parsed(key).object_id)
    return found
