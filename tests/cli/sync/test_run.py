"""`hx sync`: dry runs, verbose output, interrupted and concurrent syncs, and a purge."""

from __future__ import annotations

import random
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cli.home_folders import tree
from cli.mounts import read_only
from cli.vaults import is_error, vault

LARGE, MANY = 400_000, 60  # bytes of a command, commands: several segments


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


def files(folder, part="o"):
    return sorted(str(path.relative_to(folder)) for path in (folder / part).rglob("*.hx"))


# ---- dry runs and verbose output ----


@pytest.mark.parametrize("part", [[], ["push"]])
def test_a_dry_run_reports_what_would_be_pushed_and_writes_nothing(pair, part):
    laptop, _ = pair
    laptop.record("make")
    assert laptop.hx("find").code == 0
    before, rows = {**tree(laptop.folder), **secrets_of(laptop)}, dump(laptop)
    preview = laptop.sync(*part, "--dry-run")
    assert preview["dry_run"] is True
    assert preview["pushed"]["events"] == 1
    assert "would push: 1 event in 1 object" in laptop.hx("sync", *part, "--dry-run").out
    assert {**tree(laptop.folder), **secrets_of(laptop)} == before
    assert dump(laptop) == rows
    pushed = laptop.sync(*part)["pushed"]
    assert pushed == {**preview["pushed"], "removed": pushed["removed"]}
    assert "would push: nothing new" in laptop.hx("sync", *part, "--dry-run").out


def secrets_of(member):
    return {name: entry for name, entry in tree(member.home).items() if "hx.db" not in name}


def dump(member):
    """Return all rows of these tables, which a dry run must not change."""
    with member.database() as database:
        tables = "event", "segment", "manifest", "vault", "roster_record", "location", "unpublished"
        return [list(database.execute(f"SELECT * FROM {table}")) for table in tables]


def test_verbose_prints_one_line_per_object(pair):
    laptop, desktop = pair
    laptop.record("make")
    lines = laptop.hx("sync", "--verbose").err.splitlines()
    written = {line.split()[-1] for line in lines if line.startswith("written ")}
    assert written >= set(files(laptop.folder))
    assert len(written) == 2
    lines = desktop.hx("sync", "pull", "--verbose").err.splitlines()
    assert {line.split()[-1] for line in lines if line.startswith("imported ")} >= written
    assert desktop.hx("sync", "--verbose").err == ""


def test_a_missing_segment_is_named_by_verbose(pair):
    laptop, desktop = pair
    laptop.record("make")
    laptop.sync()
    [key] = files(laptop.folder)
    (laptop.folder / key).unlink()
    assert re.search(
        f"^pending not arrived +{key}", desktop.hx("sync", "--verbose").err, re.MULTILINE
    )


def test_with_nothing_new_a_sync_writes_nothing_into_the_store(pair):
    laptop, desktop = pair
    laptop.record("make")
    for member in (laptop, desktop, laptop, desktop):
        member.sync()
    before = tree(laptop.folder)
    assert laptop.sync()["pushed"]["objects"] == desktop.sync()["pushed"]["objects"] == 0
    assert tree(laptop.folder) == before


# ---- interrupted ----


@pytest.fixture
def pair_with_much_to_push(pair):
    """Give the first member so much to push that a signal arrives before the end."""
    laptop, desktop = pair
    generator = random.Random(1)
    with (laptop.cwd / ".zsh_history").open("w") as file:
        for number in range(MANY):
            text = generator.randbytes(LARGE // 2).hex()
            file.write(f": {1_700_000_000 + number}:0;echo {text}\n")
    assert f"{MANY} new" in laptop.hx("import").out
    return laptop, desktop


def interrupt(member, *part, when):
    """Run `hx sync` and interrupt it as soon as `when()` is true; return its stderr."""
    process = member.start("sync", *part)
    while not when():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("the machine was faster than the signal")
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    return err


def test_an_interrupted_push_continues_with_the_same_objects(pair_with_much_to_push):
    laptop, desktop = pair_with_much_to_push
    interrupt(laptop, "push", when=lambda: files(laptop.folder))
    objects_before = files(laptop.folder)
    assert desktop.sync()["pulled"]["events"] == 0  # segments without a manifest are not read
    laptop.sync()
    assert set(objects_before) <= set(files(laptop.folder))
    pulled = desktop.sync()["pulled"]
    assert (pulled["events"], pulled["objects"]) == (MANY, len(files(laptop.folder)))
    assert desktop.history == laptop.history
    assert not list((laptop.home / "outbox").iterdir())


def test_an_interrupted_pull_keeps_its_events_and_continues(pair_with_much_to_push):
    laptop, desktop = pair_with_much_to_push
    laptop.sync()
    with desktop.database() as database:
        sql = "SELECT count(*) FROM segment WHERE status = 'imported'"
        interrupt(desktop, "pull", when=lambda: database.value(sql))
        imported = database.value("SELECT count(*) FROM event")
    assert 0 < imported < MANY
    assert desktop.sync()["pulled"]["events"] == MANY - imported
    assert desktop.history == laptop.history


def test_a_read_only_store_can_be_pulled_from_and_is_pushed_to_later(pair):
    laptop, desktop = pair
    desktop.record("echo theirs")
    desktop.sync()
    laptop.record("echo mine")
    before = tree(laptop.folder)
    with read_only(laptop.folder):
        for part in ([], ["push"]):
            assert is_error(laptop.hx("sync", *part), 5, "read-only", "with write access")
        assert laptop.commands == ["echo mine", "echo theirs"]
        assert laptop.sync("status")["unpublished"] == 1
        assert "read-only" in laptop.sync("status")["store"]["outcome"]
        assert laptop.sync("pull")["pulled"]["pending"] == 0
    assert tree(laptop.folder) == before
    assert laptop.sync()["pushed"]["events"] == 1
    desktop.sync()
    assert desktop.history == laptop.history


# ---- concurrent ----


def test_concurrent_syncs_give_the_result_of_sequential_ones(pair):
    laptop, desktop = pair
    for round_ in range(3):
        for number, member in enumerate(pair):
            member.record(f"echo {round_} of {member.name}", session=f"{number + 1:032x}")
        processes = [member.start("sync") for member in (laptop, laptop, desktop, desktop)]
        for process in processes:
            _, err = process.communicate(timeout=60)
            assert process.returncode in (0, 3), err
    for member in (laptop, desktop, laptop):
        member.sync()
    assert laptop.history == desktop.history
    assert len(laptop.history) == 6


def test_commands_recorded_during_a_sync_are_not_lost(pair):
    laptop, desktop = pair
    stop = threading.Event()
    count = 0

    def record():
        nonlocal count
        while not stop.is_set():
            laptop.record(f"echo {count}")
            count += 1
            stop.wait(0.002)

    def drain():
        while not stop.is_set():
            assert laptop.hx("find", "--limit", "1").code in (0, 1)

    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(record), pool.submit(drain)]
        try:
            for _ in range(4):
                laptop.sync()
        finally:
            stop.set()
        for future in futures:
            future.result()
    laptop.sync()
    desktop.sync()
    assert (
        desktop.commands == laptop.commands == sorted(f"echo {number}" for number in range(count))
    )


# ---- purge ----


def test_a_purge_deletes_the_files_of_an_interrupted_sync(pair):
    laptop, _ = pair
    laptop.record("make")
    laptop.sync()
    for name in ("journal", "000000.hx", "000001.hx.0123abcd.tmp"):
        (laptop.home / "outbox" / name).write_bytes(b"sealed")
    assert laptop.hx("setup", "--undo", "--purge", "--yes", "--anyway").code == 0
    assert not laptop.home.exists()
