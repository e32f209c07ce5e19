"""The database made anew: equal to the old one, or the old one stays; whole whenever killed."""

from __future__ import annotations

import os
import signal

import apsw
import pytest

from dump import dump
from hx.core.errors import Busy
from hx.core.model import FINISHED, Keys
from hx.database.connection import open_database
from hx.sync.context import SyncContext
from hx.sync.rebuild import rebuild
from sync.cluster import converge, new_cluster
from sync.invariants import require_all

LOCAL = "meta", "spool_file", "spool_fault", "vault", "roster_record", "manifest", "segment"


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        for device in cluster.devices:
            for _ in range(3):
                cluster.environment.pass_time()
                device.record()
        converge(*cluster)
        yield cluster


def rows(database, tables=LOCAL):
    return {table: sorted(database.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}


def rebuilt(device, border_us=None):
    return rebuild(device.context(), border_us)


def test_a_rebuilt_database_holds_the_same_and_goes_on_as_the_old_one(cluster):
    laptop, desktop = cluster.devices
    events = sorted(laptop.dump().events)
    laptop.keep(events[0])
    laptop.pin(events[0].key.session_id, pinned=True)
    laptop.forget(Keys(frozenset([events[1].key])))
    desktop.redact(next(e for e in events[2:] if e.key.device_id == desktop.me))
    converge(*cluster)
    before, local = laptop.dump(), rows(laptop.database)
    found = rebuilt(laptop)
    assert not found.differences
    assert found.unpublished_events == 0
    assert found.totals["event"] == 5
    assert laptop.dump() == before
    assert rows(laptop.database) == local
    require_all(cluster)
    laptop.record()
    converge(*cluster)
    require_all(cluster)


def test_what_only_this_database_has_comes_along_and_is_still_to_be_published(cluster):
    laptop, desktop = cluster.devices
    running, fresh = laptop.record(finished=False), laptop.record()
    laptop.forget(Keys(frozenset([fresh.key])))
    late = laptop.record()
    before = laptop.dump()
    found = rebuilt(laptop)
    assert not found.differences
    assert found.unpublished_events == 2
    assert laptop.dump() == before
    laptop.finish(running)
    converge(*cluster)
    require_all(cluster)
    ended = running._replace(flags=FINISHED, exit_status=1, duration_us=9)
    assert {late, ended} <= desktop.dump().events


def test_what_the_store_has_lost_comes_along(cluster):
    laptop, desktop = cluster.devices
    for key in [
        key for key in cluster.environment.objects if key.startswith(f"o/{desktop.me.hex()}")
    ]:
        cluster.environment.objects.pop(key)
        laptop.view.held.pop(key)
    before = laptop.dump()
    found = rebuilt(laptop)
    assert not found.differences
    assert found.unpublished_events == 3
    assert laptop.dump() == before
    desktop.view.receive()
    desktop.repair()
    converge(*cluster)
    require_all(cluster)


def test_retention_is_applied_and_does_not_reach_the_store(cluster):
    laptop, _ = cluster.devices
    border = sorted(laptop.dump().events)[3].key.started_at_us
    laptop.retain(border)
    before = laptop.dump()
    assert not rebuilt(laptop, border).differences
    assert laptop.dump() == before
    assert len(before.events) == 3
    converge(*cluster)
    require_all(cluster)


@pytest.mark.parametrize(
    ("damage", "counts"),
    [
        ("DELETE FROM event WHERE id = 1", ("event", 0, 1, 0)),
        ("UPDATE event SET exit_status = 77 WHERE id = 1", ("event", 0, 0, 1)),
        ("UPDATE pin SET pinned = 0", ("pin", 0, 0, 1)),
    ],
)
def test_a_database_that_is_not_what_the_store_says_stays_and_the_difference_is_told(
    cluster, damage, counts
):
    laptop = cluster.devices[0]
    laptop.pin(next(iter(laptop.dump().events)).key.session_id, pinned=True)
    converge(*cluster)
    with laptop.database.transaction():
        laptop.database.execute("DELETE FROM unpublished")
        laptop.database.execute(damage)
    before = laptop.dump()
    (found,) = rebuilt(laptop).differences
    assert found[:4] == counts
    assert len(found.examples) == 1
    assert laptop.dump() == before


def test_nobody_who_writes_meanwhile_is_overtaken(cluster):
    laptop = cluster.devices[0]
    second = open_database(laptop.path)
    context = laptop.context()

    def write(done, _size):
        if done == 1:
            with second.transaction():
                second.set_meta("written", "meanwhile")

    context.tell = write
    with pytest.raises(Busy):
        rebuild(context, None)
    assert laptop.database.meta("written") == "meanwhile"
    assert not rebuilt(laptop).differences
    assert second.meta("written") == "meanwhile"
    assert dump(second) == laptop.dump()
    second.close()


class Killer(apsw.VFS):
    """The file system of a process that is killed at its write, cut or sync number `at`."""

    def __init__(self, number):
        self.calls_left = number
        super().__init__("killer", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802
        return DoomedFile(self, name, flags)

    def tick(self):
        self.calls_left -= 1
        if not self.calls_left:
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedFile(apsw.VFSFile):
    def __init__(self, killer, name, flags):
        self.killer = killer
        super().__init__("unix", name, flags)

    def xWrite(self, data, offset):  # noqa: N802
        self.killer.tick()
        super().xWrite(data, offset)

    def xTruncate(self, size):  # noqa: N802
        self.killer.tick()
        super().xTruncate(size)

    def xSync(self, flags):  # noqa: N802
        self.killer.tick()
        super().xSync(flags)


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.long)])
def test_whenever_it_is_killed_the_database_is_whole_and_nothing_is_left(cluster, mode, stride):
    laptop = cluster.devices[0]
    laptop.record()
    laptop.database.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    before = laptop.dump()
    laptop.close()
    at = 1
    while killed_at(laptop, at, mode):
        at += stride
        database = open_database(laptop.path)
        assert dump(database) == before
        assert database.value("PRAGMA integrity_check") == "ok"
        database.close()
        assert {name[:5] for name in os.listdir(os.path.dirname(laptop.path))} == {"hx.db"}
    assert at > 100
    laptop.open()


def killed_at(device, at, mode):
    """Whether a process that rebuilds the database was killed before it had written `at` times."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = rebuild_killed(device, at, mode)
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def rebuild_killed(device, at, mode):
    killer = Killer(at)
    database = open_database(device.path)
    assert database.value("PRAGMA journal_mode") == mode
    context = SyncContext(database, device.store, device.me, device.keyring(), device.now_us)
    found = rebuild(context, None)
    killer.unregister()
    return len(found.differences)
