"""Several shells write while ingest runs repeatedly; the long test also kills it at random."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import pytest

from capture.ingestion import DEVICE, Ingestion, ended_pid, header_record, session_hex
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
            EventKey(seq * 1_000, DEVICE, bytes.fromhex(session_hex(number)), seq),
            f"shell {number} command {seq}".encode(),
            b"/w",
            exit_status=seq % 3,
            duration_us=500,
            host=b"box",
            shell=b"zsh",
            flags=FINISHED,
        )


def write_as_shell(spool: Path, number: int, commands: int) -> None:
    """Append records in pieces, and move to a new file from time to time, as a shell does."""
    generator = random.Random(number)
    for seq in range(1, commands + 1):
        generation = (seq - 1) // COMMANDS_A_FILE
        path = spool / f"{session_hex(number)}.{generation}"
        if not path.exists():
            append(path, header_record(number, generation), generator)
        append(path, start(seq, f"shell {number} command {seq}"), generator)
        append(path, end(seq, seq % 3), generator)


def append(path: Path, data: bytes, generator: random.Random) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    split = generator.choice([0, len(data), generator.randrange(len(data))])
    for piece in (data[:split], data[split:]):
        os.write(descriptor, piece)
    os.close(descriptor)


def is_running(pid: int) -> bool:
    """Return whether the process runs, without waiting for it and without collecting its status."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def finish(ingestion: Ingestion, writers: list[int], commands: int) -> None:
    """Ingest the rest after the shells have ended; check that each event is there once."""
    assert [outcome(pid) for pid in writers] == [0] * SHELLS
    ingestion.ingest(tidy=True)
    expected_events = sorted(e for number in range(SHELLS) for e in expected(number, commands))
    assert ingestion.events() == expected_events
    assert ingestion.faults() == {}
    assert list(ingestion.spool.iterdir()) == []
    assert ingestion.database.execute("SELECT * FROM spool_file").fetchall() == []


def test_eight_shells_write_while_ingest_runs_repeatedly(tmp_path):
    commands = 200
    Ingestion(tmp_path).close()
    writers = [
        forked(lambda n=n: write_as_shell(tmp_path / "spool", n, commands)) for n in range(SHELLS)
    ]
    ingestion = Ingestion(tmp_path)
    rounds = 0
    while any(map(is_running, writers)):
        ingestion.ingest(tidy=rounds % 5 == 0)
        rounds += 1
    finish(ingestion, writers, commands)
    ingestion.close()


def test_concurrent_ingests_take_every_event_once(tmp_path):
    """An ingest that finds the lock taken returns without an error."""
    commands = 100
    Ingestion(tmp_path).close()
    writers = [
        forked(lambda n=n: write_as_shell(tmp_path / "spool", n, commands)) for n in range(SHELLS)
    ]

    def drain() -> None:
        ingestion = Ingestion(tmp_path)
        for _ in range(40):
            ingestion.ingest(tidy=True)

    drains = [forked(drain) for _ in range(3)]
    assert [outcome(pid) for pid in drains] == [0] * 3
    ingestion = Ingestion(tmp_path)
    finish(ingestion, writers, commands)
    ingestion.close()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_eight_shells_write_while_ingest_is_killed_at_random(tmp_path, seed):
    commands, generator = 1_000, random.Random(seed)
    Ingestion(tmp_path).close()
    writers = [
        forked(lambda n=n: write_as_shell(tmp_path / "spool", n, commands)) for n in range(SHELLS)
    ]

    def drain(call: int) -> None:
        kill_at(call)
        while True:
            Ingestion(tmp_path).ingest(tidy=True)

    killed = 0
    while any(map(is_running, writers)) or killed < 50:
        call = int(generator.expovariate(1 / 1_500)) + 1
        assert outcome(forked(lambda call=call: drain(call))) == -signal.SIGKILL
        killed += 1
    ingestion = Ingestion(tmp_path)
    finish(ingestion, writers, commands)
    ingestion.close()


def test_a_shell_killed_within_a_record_loses_only_that_record(ingestion):
    data = start(1, "whole") + end(1) + start(2, "torn")
    ingestion.begin(P=ended_pid())
    ingestion.write(data[:-5])
    ingestion.ingest(tidy=True)
    assert ingestion.commands() == ["whole"]
    assert list(ingestion.spool.iterdir()) == []
