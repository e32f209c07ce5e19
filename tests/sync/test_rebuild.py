"""Rebuilding the database: it is equal to the old one or the old one stays, even after a kill."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import apsw
import pytest

from database.sync.ledger_rows import unpublished
from dump import dump
from hx.core.errors import Busy
from hx.core.model import FINISHED, Keys, Window
from hx.database.connection import open_database
from hx.database.queries import imports
from hx.database.sync.rebuild import to_rewrite
from hx.sync.context import SyncContext
from hx.sync.rebuild import rebuild
from sync.cluster import converge, new_cluster
from sync.invariants import require_all
from sync.losses import lose, own_segments

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


def of_device(history, device):
    return sorted(event for event in history.events if event.key.device_id == device.me)


def rebuilt(device, border_us=None):
    return rebuild(device.context(), border_us)


def test_a_rebuilt_database_is_equal_and_continues_to_sync(cluster):
    laptop, desktop = cluster.devices
    events = sorted(laptop.dump().events)
    laptop.keep(events[0])
    laptop.pin(events[0].key.session_id, pinned=True)
    laptop.forget(Keys(frozenset([events[1].key])))
    desktop.redact(next(event for event in events[2:] if event.key.device_id == desktop.me))
    converge(*cluster)
    before, local = laptop.dump(), rows(laptop.database)
    report = rebuilt(laptop)
    assert not report.differences
    assert report.unpublished_events == 0
    assert report.totals["event"] == 5
    assert laptop.dump() == before
    assert rows(laptop.database) == local
    require_all(cluster)
    laptop.record()
    converge(*cluster)
    require_all(cluster)


def test_a_rebuilt_database_knows_which_import_brought_which_event(cluster):
    laptop, _ = cluster.devices
    events = [laptop.record() for _ in range(4)]
    marks = "SELECT started_at_us, seq, import FROM event ORDER BY 1, 2"
    number = imports.begin(laptop.database, "/a history", "zsh", 7)
    imports.add(laptop.database, number, imports.Brought(4, 0, 0))
    for event in events[::2]:
        laptop.database.execute(
            "UPDATE event SET import = ? WHERE started_at_us = ? AND seq = ?",
            (number, event.key.started_at_us, event.key.seq),
        )
    before, runs = list(laptop.database.execute(marks)), imports.runs(laptop.database)
    assert [run.here for run in runs] == [2]
    assert not rebuilt(laptop).differences
    assert list(laptop.database.execute(marks)) == before
    assert imports.runs(laptop.database) == runs


def test_unpublished_records_are_kept_and_still_to_be_published(cluster):
    laptop, desktop = cluster.devices
    running, forgotten = laptop.record(finished=False), laptop.record()
    laptop.forget(Keys(frozenset([forgotten.key])))
    late = laptop.record()
    before = laptop.dump()
    report = rebuilt(laptop)
    assert not report.differences
    assert report.unpublished_events == 2
    assert laptop.dump() == before
    laptop.finish(running)
    converge(*cluster)
    require_all(cluster)
    ended = running._replace(flags=FINISHED, exit_status=1, duration_us=9)
    assert {late, ended} <= desktop.dump().events


@pytest.mark.parametrize("number", [0, 1], ids=["own", "of another device"])
def test_records_that_the_store_lost_are_kept(cluster, number):
    laptop, author = cluster.devices[0], cluster.devices[number]
    lose(cluster, *own_segments(cluster, author))
    running = laptop.record(finished=False)
    before = laptop.dump()
    report = rebuilt(laptop)
    assert not report.differences
    assert report.unpublished_events == 4
    assert laptop.dump() == before
    to_publish = {running} if author is not laptop else set(of_device(before, laptop))
    assert unpublished(laptop.database) == {event.key.started_at_us for event in to_publish}
    laptop.finish(running)
    author.view.receive()
    author.repair()
    converge(*cluster)
    require_all(cluster)


def test_retention_is_applied_and_does_not_change_the_store(cluster):
    laptop, _ = cluster.devices
    events = sorted(laptop.dump().events)
    border_us = events[3].key.started_at_us
    for _ in ("then", "and where it had been applied before"):
        assert not rebuilt(laptop, border_us).differences
        assert sorted(laptop.dump().events) == events[3:]
        laptop.retain(border_us)
    converge(*cluster)
    require_all(cluster)


def test_of_forgotten_records_that_the_store_still_holds_neither_text_nor_space_is_left(cluster):
    laptop, desktop = cluster.devices
    gone = [desktop.record() for _ in range(200)]
    converge(*cluster)
    laptop.forget(Keys(frozenset(event.key for event in gone)))
    laptop.push()
    assert not rebuilt(laptop).differences
    content = Path(laptop.path).read_bytes()
    assert not [event.command for event in gone if event.command in content]
    assert laptop.database.value("PRAGMA freelist_count") == 0


def test_a_segment_with_forgotten_records_is_marked_for_rewriting_where_the_mark_was_lost(cluster):
    laptop, _ = cluster.devices
    laptop.forget(Keys(frozenset([of_device(laptop.dump(), laptop)[0].key])))
    (before,) = to_rewrite(laptop.database)
    with laptop.database.transaction():
        laptop.database.execute("UPDATE segment SET rewrite = 0")
    assert not rebuilt(laptop).differences
    assert to_rewrite(laptop.database) == [before]


@pytest.mark.parametrize(
    ("damage", "counts"),
    [
        ("DELETE FROM event WHERE id = 1", ("event", 0, 1, 0)),
        ("UPDATE event SET exit_status = 77 WHERE id = 1", ("event", 0, 0, 1)),
        ("UPDATE pin SET pinned = 0", ("pin", 0, 0, 1)),
    ],
)
def test_a_database_that_differs_from_the_store_stays_and_the_difference_is_reported(
    cluster, damage, counts
):
    laptop = cluster.devices[0]
    laptop.pin(next(iter(laptop.dump().events)).key.session_id, pinned=True)
    converge(*cluster)
    with laptop.database.transaction():
        laptop.database.execute("DELETE FROM unpublished")
        laptop.database.execute(damage)
    before = laptop.dump()
    (difference,) = rebuilt(laptop).differences
    assert difference[:4] == counts
    assert len(difference.examples) == 1
    assert laptop.dump() == before


def test_a_rebuild_does_not_overwrite_a_concurrent_write(cluster):
    laptop = cluster.devices[0]
    second = open_database(laptop.path)
    context = laptop.context()

    def write(done, _size):
        if done == 1:
            with second.transaction():
                second.set_meta("written", "meanwhile")

    context.report_progress = write
    with pytest.raises(Busy):
        rebuild(context, None)
    assert laptop.database.meta("written") == "meanwhile"
    assert not rebuilt(laptop).differences
    assert second.meta("written") == "meanwhile"
    assert dump(second) == laptop.dump()
    second.close()


class Killer(apsw.VFS):
    """A file system that kills its process at its n-th write, truncate or sync."""

    def __init__(self, number):
        self.calls_left = number
        super().__init__("killer", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802
        return CountedFile(self, name, flags)

    def tick(self):
        self.calls_left -= 1
        if not self.calls_left:
            os.kill(os.getpid(), signal.SIGKILL)


class CountedFile(apsw.VFSFile):
    """A file whose calls the Killer counts."""

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
def test_a_kill_at_any_call_leaves_a_whole_database_and_no_other_file(cluster, mode, stride):
    laptop = cluster.devices[0]
    laptop.record()
    laptop.database.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    before = laptop.dump()
    laptop.close()
    number = 1
    while killed_at(laptop, number, mode):
        number += stride
        database = open_database(laptop.path)
        assert dump(database) == before
        assert database.value("PRAGMA integrity_check") == "ok"
        database.close()
        assert {name[:5] for name in os.listdir(os.path.dirname(laptop.path))} == {"hx.db"}
    assert number > 100
    laptop.open()


def killed_at(device, number, mode):
    """Rebuild the database in a process that is killed at a call; return whether it was."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = rebuild_killed(device, number, mode)
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def rebuild_killed(device, number, mode):
    killer = Killer(number)
    database = open_database(device.path)
    assert database.value("PRAGMA journal_mode") == mode
    context = SyncContext(database, device.store, device.me, device.keyring(), device.now_us)
    report = rebuild(context, None)
    killer.unregister()
    return len(report.differences)


def test_a_rebuilt_database_knows_what_is_spared_and_since_when_a_tombstone_is_known(cluster):
    laptop, desktop = cluster.devices
    until_tomorrow = Window(0, laptop.now_us + 24 * 3_600_000_000)
    desktop.skew_us = laptop.skew_us
    desktop.forget(until_tomorrow)
    converge(*cluster)
    spared = laptop.record()
    laptop.keep(spared)
    assert spared.key.spared
    noted = "SELECT known_at_us, known_boot_us, known_boot_id FROM tombstone"
    before, since = laptop.dump(), list(laptop.database.execute(noted))
    cluster.environment.pass_time()
    assert not rebuilt(laptop).differences
    assert laptop.dump() == before
    assert list(laptop.database.execute(noted)) == since
    laptop.redact(spared)
    converge(*cluster)
    require_all(cluster)
    [event] = desktop.dump().events
    assert (event.key, event.revision) == (spared.key, 1)
