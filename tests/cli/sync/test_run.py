"""A sync that is watched, tried, cut short, or not alone."""

from __future__ import annotations

import random
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cli.houses import tree
from cli.mounts import read_only
from cli.vaults import is_told, vault

LARGE, MANY = 400_000, 60  # bytes of a command, commands: several segments


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "one", "two")


def files(folder, part="o"):
    return sorted(str(path.relative_to(folder)) for path in (folder / part).rglob("*.hx"))


# ---- tried, and watched ----


@pytest.mark.parametrize("part", [[], ["push"]])
def test_a_dry_run_says_what_would_be_and_writes_nothing_anywhere(pair, part):
    one, _ = pair
    one.record("make")
    assert one.hx("find").code == 0
    before, rows = {**tree(one.folder), **secrets_of(one)}, dump(one)
    would = one.sync(*part, "--dry-run")
    assert would["dry_run"] is True
    assert would["pushed"]["events"] == 1
    assert "would push: 1 event in 1 object" in one.hx("sync", *part, "--dry-run").out
    assert {**tree(one.folder), **secrets_of(one)} == before
    assert dump(one) == rows
    did = one.sync(*part)["pushed"]
    assert did == {**would["pushed"], "removed": did["removed"]}
    assert "would push: nothing new" in one.hx("sync", *part, "--dry-run").out


def secrets_of(member):
    return {name: one for name, one in tree(member.home).items() if "hx.db" not in name}


def dump(member):
    """Everything in the database but what a reader notes of itself."""
    with member.database() as database:
        tables = "event", "segment", "manifest", "vault", "roster_record", "location", "unpublished"
        return [list(database.execute(f"SELECT * FROM {one}")) for one in tables]


def test_verbose_is_a_line_an_object(pair):
    one, other = pair
    one.record("make")
    told = one.hx("sync", "--verbose").err.splitlines()
    written = {line.split()[-1] for line in told if line.startswith("written ")}
    assert written >= set(files(one.folder))
    assert len(written) == 2
    told = other.hx("sync", "pull", "--verbose").err.splitlines()
    assert {line.split()[-1] for line in told if line.startswith("imported ")} >= written
    assert other.hx("sync", "--verbose").err == ""


def test_a_missing_segment_is_named_by_verbose(pair):
    one, other = pair
    one.record("make")
    one.sync()
    [key] = files(one.folder)
    (one.folder / key).unlink()
    assert re.search(
        f"^pending not arrived +{key}", other.hx("sync", "--verbose").err, re.MULTILINE
    )


def test_with_nothing_new_a_sync_writes_nothing_into_the_store(pair):
    one, other = pair
    one.record("make")
    for member in (one, other, one, other):
        member.sync()
    before = tree(one.folder)
    assert one.sync()["pushed"]["objects"] == other.sync()["pushed"]["objects"] == 0
    assert tree(one.folder) == before


# ---- cut short ----


@pytest.fixture
def loaded(pair):
    """The first has so much to push that one can come in between."""
    one, other = pair
    chance = random.Random(1)
    with (one.cwd / ".zsh_history").open("w") as file:
        for at in range(MANY):
            text = chance.randbytes(LARGE // 2).hex()
            file.write(f": {1_700_000_000 + at}:0;echo {text}\n")
    assert f"{MANY} new" in one.hx("import").out
    return one, other


def interrupted(member, *part, when):
    """`hx sync` that gets Ctrl-C once `when()` is so."""
    work = member.start("sync", *part)
    while not when():
        assert work.poll() is None, work.communicate()
    work.send_signal(signal.SIGINT)
    out, err = work.communicate(timeout=60)
    if work.returncode == 0:
        pytest.skip("the machine was faster than the signal")
    assert work.returncode == 130, err
    assert "Traceback" not in out + err
    return err


def test_a_push_that_is_interrupted_goes_on_with_the_same_objects(loaded):
    one, other = loaded
    interrupted(one, "push", when=lambda: files(one.folder))
    laid = files(one.folder)
    assert other.sync()["pulled"]["events"] == 0  # no manifest, no promise
    one.sync()
    assert set(laid) <= set(files(one.folder))
    pulled = other.sync()["pulled"]
    assert (pulled["events"], pulled["objects"]) == (MANY, len(files(one.folder)))
    assert other.history == one.history
    assert not list((one.home / "outbox").iterdir())


def test_a_pull_that_is_interrupted_keeps_what_it_has_and_goes_on(loaded):
    one, other = loaded
    one.sync()
    with other.database() as database:
        taken = "SELECT count(*) FROM segment WHERE status = 'imported'"
        interrupted(other, "pull", when=lambda: database.value(taken))
        kept = database.value("SELECT count(*) FROM event")
    assert 0 < kept < MANY
    assert other.sync()["pulled"]["events"] == MANY - kept
    assert other.history == one.history


def test_a_store_that_turns_read_only_can_be_pulled_from_and_is_completed_later(pair):
    one, other = pair
    other.record("echo theirs")
    other.sync()
    one.record("echo mine")
    before = tree(one.folder)
    with read_only(one.folder):
        for part in ([], ["push"]):
            assert is_told(one.hx("sync", *part), 5, "read-only", "with write access")
        assert one.commands == ["echo mine", "echo theirs"]
        assert one.sync("status")["unpublished"] == 1
        assert "read-only" in one.sync("status")["store"]["outcome"]
        assert one.sync("pull")["pulled"]["pending"] == 0
    assert tree(one.folder) == before
    assert one.sync()["pushed"]["events"] == 1
    other.sync()
    assert other.history == one.history


# ---- not alone ----


def test_two_syncs_at_once_are_as_one_after_the_other(pair):
    one, other = pair
    for round_ in range(3):
        for number, member in enumerate(pair):
            member.record(f"echo {round_} of {member.name}", session=f"{number + 1:032x}")
        running = [member.start("sync") for member in (one, one, other, other)]
        for work in running:
            _, err = work.communicate(timeout=60)
            assert work.returncode in (0, 3), err
    for member in (one, other, one):
        member.sync()
    assert one.history == other.history
    assert len(one.history) == 6


def test_what_is_recorded_while_a_sync_runs_is_lost_nowhere(pair):
    one, other = pair
    stop = threading.Event()
    count = 0

    def record():
        nonlocal count
        while not stop.is_set():
            one.record(f"echo {count}")
            count += 1
            stop.wait(0.002)

    def drain():
        while not stop.is_set():
            assert one.hx("find", "--limit", "1").code in (0, 1)

    with ThreadPoolExecutor() as pool:
        working = [pool.submit(record), pool.submit(drain)]
        try:
            for _ in range(4):
                one.sync()
        finally:
            stop.set()
        for work in working:
            work.result()
    one.sync()
    other.sync()
    assert other.commands == one.commands == sorted(f"echo {at}" for at in range(count))


# ---- and gone ----


def test_a_purge_takes_what_a_sync_that_was_cut_short_has_left(pair):
    one, _ = pair
    one.record("make")
    one.sync()
    for name in ("journal", "000000.hx", "000001.hx.0123abcd.tmp"):
        (one.home / "outbox" / name).write_bytes(b"sealed")
    assert one.hx("setup", "--undo", "--purge", "--yes").code == 0
    assert not one.home.exists()
