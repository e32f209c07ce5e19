"""Overlapping commands: one process of a device halts at a step while a second one runs.

`overlap` runs one command inside another one and asserts the invariants of a sync.
"""

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
from hx.database.sync import forgotten_copies
from hx.forget.forget import Issuer, SpoolPaths, clean, issue
from hx.importers.registry import importer
from hx.importers.run import Import, Job
from hx.sync.rebuild import rebuild
from sync.busy_cluster import SHARED
from sync.cluster import converge
from sync.environment import records_of
from sync.invariants import opened, require_all
from sync.second_process import in_second_process
from sync.simulation import small_segment_limit

# ---- commands that change the database ----


def forget_by(choice):
    """Return a command that forgets what `choice` selects, as `hx forget` does."""

    def act(busy_cluster, device):
        issuer = Issuer(device.me, device.now_us, lambda: device.environment.rng.randbytes(16))
        places = SpoolPaths(busy_cluster.spool, (), drain_lock(device), patience_s=0)
        with suppress(Busy):  # the other process is draining the spool, so nothing was forgotten
            issue(device.database, choice(busy_cluster), (), issuer, places)
        clean(device.database, patience_ms=0)  # without effect while the other process reads

    return act


def drain_lock(device):
    return os.path.join(device.folder, "ingest.lock")


def drain(busy_cluster, device):
    source = SpoolSource(
        busy_cluster.spool, drain_lock(device), device.me, "host", shared=False, rules=Rules
    )
    ingest(device.database, source, device.now_us)


def import_history(busy_cluster, device):
    job = Job(device.me, "host", Rules())
    Import(device.database, busy_cluster.history, importer("zsh"), job).run()


def redact(busy_cluster, device):
    """Redact every event with the shared text, published or not."""
    for event in sorted(dump(device.database).events):
        if SHARED in event.command:
            device.redact(event)


LOCAL = {
    "forget by text": forget_by(lambda _: Choice(text=SHARED)),
    "forget by time": forget_by(lambda busy_cluster: Choice(since_us=busy_cluster.border_us)),
    "forget what is old": forget_by(
        lambda busy_cluster: Choice(since_us=0, until_us=busy_cluster.border_us)
    ),
    "redact": redact,
    "retention": lambda busy_cluster, device: device.retain(busy_cluster.border_us),
    "pin": lambda busy_cluster, device: device.pin(busy_cluster.desktop.session, pinned=True),
    "unpin": lambda busy_cluster, device: device.pin(busy_cluster.session, pinned=False),
    "a command that ends": lambda busy_cluster, device: device.finish(busy_cluster.running),
    "ingest": drain,
    "import": import_history,
}

# ---- commands that use the store: a lock lets one of them run at a time ----


def compact(_busy_cluster, device):
    with small_segment_limit(0):
        device.push()


def rebuild_database(busy_cluster, device):
    with suppress(Busy):  # the other process has written, so the old database stays
        rebuild(device.context(), None)


STORE = {
    "push": lambda _, device: device.push(),
    "pull": lambda _, device: device.pull(),
    "sync": lambda _, device: device.sync(),
    "compaction": compact,
    "repair": lambda _, device: device.repair(),
    "rebuild": rebuild_database,
}
COMMANDS = LOCAL | STORE
PAIRS = [
    (first, second)
    for first in COMMANDS
    for second in COMMANDS
    if not (first in STORE and second in STORE)
]

# ---- one command inside another ----


def steps_of(busy_cluster, first):
    """Return the number of steps of a command.

    Steps are requests to the store, statements and commits of the database, and outbox files.
    """
    busy_cluster.reset()
    _watch(busy_cluster.laptop)
    before = busy_cluster.laptop.crash_points.count
    COMMANDS[first](busy_cluster, busy_cluster.laptop)
    return busy_cluster.laptop.crash_points.count - before


def overlap(busy_cluster, first, second, step):
    """Run `second` at a step of `first`; assert what must hold at once and after the next syncs."""
    busy_cluster.reset()
    laptop = busy_cluster.laptop

    def run_second():
        with in_second_process(laptop):
            carry_out(busy_cluster, second)
            require_copies_reported(busy_cluster)

    _watch(laptop)
    laptop.crash_points.run_at(step, run_second)
    try:
        carry_out(busy_cluster, first)
        require_copies_reported(busy_cluster)
        if "retention" in (first, second):
            excuse_retained(busy_cluster)
        require_settled(busy_cluster)
    except Exception as error:
        error.add_note(f"{second} at step {step} of {first}")
        raise


def excuse_retained(busy_cluster):
    """Note as lost what arrived during retention and was removed before it was published."""
    laptop = busy_cluster.laptop
    here = records_of(laptop.dump())
    removed = {record for record in laptop.unpublished - here if is_old(busy_cluster, record)}
    laptop.environment.maybe_lost |= removed
    laptop.unpublished -= removed


def is_old(busy_cluster, record):
    return type(record) is Event and record.key.started_at_us < busy_cluster.border_us


def carry_out(busy_cluster, command):
    """Run a command and note the records that it made."""
    laptop = busy_cluster.laptop
    before = laptop.dump()
    COMMANDS[command](busy_cluster, laptop)
    busy_cluster.register(before, laptop.dump())


def _watch(device):
    """Count each statement outside a transaction as a step, too."""
    connection = device.database.connection

    def trace(_cursor, _sql, _bindings):
        if not connection.in_transaction:
            device.crash_points.tick()
        return True

    connection.set_exec_trace(trace)


def require_settled(busy_cluster):
    """Let both devices sync; assert the invariants and that no removed text is in any file."""
    laptop = busy_cluster.laptop
    laptop.database.connection.set_exec_trace(None)
    carry_out(busy_cluster, "ingest")
    converge(*busy_cluster.cluster)
    require_all(busy_cluster.cluster)
    assert forgotten_copies.copies(laptop.database).get(laptop.me) is None
    assert laptop.database.value("SELECT count(*) FROM outgoing") == 0
    require_copies_reported(busy_cluster)
    made = {record.command for record in laptop.environment.made if type(record) is Event}
    removed = made - {event.command for event in laptop.dump().events}
    with open(f"{laptop.path}-wal", "rb") as file:
        log = file.read()
    assert not [text for text in removed if text in log]


def require_copies_reported(busy_cluster):
    """Assert that each own segment with a forgotten record is reported as a forgotten copy."""
    laptop = busy_cluster.laptop
    reported = forgotten_copies.copies(laptop.database).get(laptop.me, [])
    missing = [object_id.hex() for object_id in holding_forgotten(busy_cluster) - set(reported)]
    assert not missing, f"segments hold a forgotten record and are not reported: {missing}"


def holding_forgotten(busy_cluster):
    """Return the ids of own segments, in store or outbox, that hold a forgotten record."""
    laptop = busy_cluster.laptop
    journal = laptop.outbox.read()
    held = {
        **busy_cluster.environment.objects,
        **dict(laptop.outbox.objects(journal) if journal else ()),
    }
    own = {
        key: data
        for key, data in held.items()
        if key.startswith(object_names.segments_of(laptop.me))
    }
    cover, holding = Cover(dump(laptop.database).tombstones), set()
    for key, payload in opened(busy_cluster.environment, own, [laptop]).items():
        history = segment.decode(payload)
        if any(cover.event(event.key) for event in history.events):
            holding.add(object_names.parsed(key).object_id)
    return holding
