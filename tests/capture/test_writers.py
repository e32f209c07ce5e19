"""Shells write while ingest drains, again and again; in the long run it is killed on the way."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import pytest

from capture.box import DEVICE, Box, dead_pid, head, session
from capture.kill import forked, kill_at, outcome
from hx.core.model import FINISHED, Event, EventKey
from spooled import end, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHELLS = 8
COMMANDS_A_FILE = 60


def expected(number: int, commands: int) -> Iterator[Event]:
    for seq in range(1, commands + 1):
        yield Event(
            EventKey(seq * 1_000, DEVICE, bytes.fromhex(session(number)), seq),
            f"shell {number} command {seq}".encode(),
            b"/w",
            exit_status=seq % 3,
            duration_us=500,
            host=b"box",
            shell=b"zsh",
            flags=FINISHED,
        )


def shell(spool: Path, number: int, commands: int) -> None:
    """Writes its records in pieces, appending, and moves to a new file now and then."""
    chance = random.Random(number)
    for seq in range(1, commands + 1):
        generation = (seq - 1) // COMMANDS_A_FILE
        path = spool / f"{session(number)}.{generation}"
        if not path.exists():
            append(path, head(number, generation), chance)
        append(path, start(seq, f"shell {number} command {seq}"), chance)
        append(path, end(seq, seq % 3), chance)


def append(path: Path, data: bytes, chance: random.Random) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    cut = chance.choice([0, len(data), chance.randrange(len(data))])
    for piece in (data[:cut], data[cut:]):
        os.write(descriptor, piece)
    os.close(descriptor)


def is_running(pid: int) -> bool:
    """Looks, and does not wait: its end is asked for later."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def finish(box: Box, writers: list[int], commands: int) -> None:
    """The shells are gone: the rest is drained, every event is there once, no file is left."""
    assert [outcome(pid) for pid in writers] == [0] * SHELLS
    box.ingest(tidy=True)
    wanted = sorted(e for number in range(SHELLS) for e in expected(number, commands))
    assert box.events() == wanted
    assert box.faults() == {}
    assert list(box.spool.iterdir()) == []
    assert box.database.execute("SELECT * FROM spool_file").fetchall() == []


def test_eight_shells_write_while_ingest_runs_again_and_again(tmp_path):
    commands = 200
    Box(tmp_path).close()
    writers = [forked(lambda n=n: shell(tmp_path / "spool", n, commands)) for n in range(SHELLS)]
    box = Box(tmp_path)
    rounds = 0
    while any(map(is_running, writers)):
        box.ingest(tidy=rounds % 5 == 0)
        rounds += 1
    finish(box, writers, commands)
    box.close()


def test_two_drains_at_once_take_every_event_once(tmp_path):
    """The one that finds the lock held goes on; nobody fails."""
    commands = 100
    Box(tmp_path).close()
    writers = [forked(lambda n=n: shell(tmp_path / "spool", n, commands)) for n in range(SHELLS)]

    def drain() -> None:
        box = Box(tmp_path)
        for _ in range(40):
            box.ingest(tidy=True)

    drains = [forked(drain) for _ in range(3)]
    assert [outcome(pid) for pid in drains] == [0] * 3
    box = Box(tmp_path)
    finish(box, writers, commands)
    box.close()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_eight_shells_write_while_ingest_is_killed_at_random(tmp_path, seed):
    commands, chance = 1_000, random.Random(seed)
    Box(tmp_path).close()
    writers = [forked(lambda n=n: shell(tmp_path / "spool", n, commands)) for n in range(SHELLS)]

    def drain(call: int) -> None:
        kill_at(call)
        while True:
            Box(tmp_path).ingest(tidy=True)

    killed = 0
    while any(map(is_running, writers)) or killed < 50:
        call = int(chance.expovariate(1 / 1_500)) + 1
        assert outcome(forked(lambda call=call: drain(call))) == -signal.SIGKILL
        killed += 1
    box = Box(tmp_path)
    finish(box, writers, commands)
    box.close()


def test_a_shell_that_dies_in_the_middle_of_a_record_loses_only_that(box):
    data = start(1, "whole") + end(1) + start(2, "torn")
    box.begin(P=dead_pid())
    box.write(data[:-5])
    box.ingest(tidy=True)
    assert box.commands() == ["whole"]
    assert list(box.spool.iterdir()) == []
