"""Which lines without a time are of a file that was imported before, and which are another file's.

A copy of this machine's file that has grown, was trimmed, renamed or rotated adds only what is new.
Another machine's file adds all of its lines, although both have the same common commands.
"""

from __future__ import annotations

import os
import random
from array import array

import pytest

from hx.core.event_name import digest64
from hx.core.import_matching.align import NEW, align
from hx.core.import_matching.evidence import believed
from hx.core.merge import History
from hx.core.model import FINISHED, Event, EventKey
from importers.import_target import FIRST_S, SECOND_US

REAL = os.path.join(os.path.dirname(__file__), "../../../shared/data/commands.txt")
COMMON = (
    b"ls|cd|cd ..|git status|ls -la|git diff|make|vim|exit|git log|pwd|git add .|git commit"
    b"|git push|git pull|docker ps|top|clear|df -h|htop|python3|ll|make test|ssh server|cat|history"
).split(b"|")
HABITS = {b"git add .": b"git commit", b"git commit": b"git push", b"cd ..": b"ls", b"cd": b"ls"}


def real_commands():
    if os.path.exists(REAL):
        with open(REAL, "rb") as file:
            return file.read().splitlines()
    return [b"command %d --of %d" % (number, number % 97) for number in range(40_000)]


COMMANDS = real_commands()


def history(generator, length, common=0.6, own=300):
    """Return a history of one machine: the commands that all use, habits, and some of its own."""
    mine = generator.sample(COMMANDS, own)
    weights = [1 / (rank + 1) for rank in range(len(COMMON))]
    own_weights = [1 / (rank + 1) ** 0.8 for rank in range(own)]
    lines = []
    while len(lines) < length:
        habit = HABITS.get(lines[-1]) if lines else None
        if habit and generator.random() < 0.6:
            lines.append(habit)
        elif generator.random() < common:
            lines += generator.choices(COMMON, weights)
        else:
            lines += generator.choices(mine, own_weights)
    return lines


def hashes(lines):
    return array("q", map(digest64, lines))


def new_lines(imported, lines):
    """Return the indexes of the lines that are new."""
    statuses = align(list(hashes(imported)), hashes(lines))
    return [index for index, status in enumerate(statuses) if status == NEW]


def generators(name):
    """Return random generators for the samples of a test: the same ones in each run."""
    return [random.Random(f"{name} {number}") for number in range(60)]


def length_of(generator):
    return generator.randint(40, 400)


def test_another_machines_file_adds_nearly_all_of_its_lines():
    """Of short files a few lines in a row may be equal by chance."""
    lost = whole = 0
    for generator in generators("another file"):
        common = generator.uniform(0.2, 0.8)
        imported = history(generator, length_of(generator), common)
        lines = history(generator, length_of(generator), common)
        lost += len(lines) - len(new_lines(imported, lines))
        whole += len(lines)
    assert lost <= 0.002 * whole


@pytest.mark.parametrize("common", [0.5, 0.7, 0.85])
@pytest.mark.parametrize(("length", "other"), [(5_000, 1_000), (40_000, 3_212), (3_212, 40_000)])
def test_another_machines_long_file_adds_all_of_its_lines(length, other, common):
    generator = random.Random(f"{length} {other} {common}")
    imported, lines = history(generator, length, common), history(generator, other, common)
    assert len(lines) - len(new_lines(imported, lines)) <= 0.001 * len(lines)


@pytest.mark.parametrize("generator", generators("trimmed"))
def test_a_trimmed_and_grown_copy_adds_only_what_is_new(generator):
    imported = history(generator, length_of(generator))
    kept = imported[int(generator.uniform(0, 0.8) * len(imported)) :]
    lines = kept + history(generator, generator.randint(0, 100))
    assert new_lines(imported, lines) == [*range(len(kept), len(lines))]


@pytest.mark.parametrize("generator", generators("older"))
def test_an_older_copy_adds_only_what_is_older(generator):
    length, older = length_of(generator), generator.randint(1, 400)
    whole = history(generator, older + length)
    lines = whole[: older + int(generator.uniform(0.3, 1) * length)]
    assert new_lines(whole[older:], lines) == [*range(older)]


def test_a_rotated_file_adds_its_new_lines():
    """The old file is imported, then the one that replaced it, then both together."""
    lost = whole = 0
    for generator in generators("rotated"):
        old = history(generator, length_of(generator))
        new = history(generator, generator.randint(0, 100))
        lost += len(new) - len(new_lines(old, new))
        whole += len(new)
        assert new_lines(old + new, old + new) == []
    assert lost <= 0.005 * whole


def test_a_copy_from_which_lines_were_removed_adds_only_what_is_new():
    """At its end a line may be known by chance."""
    wrong = whole = 0
    for generator in generators("removed"):
        imported = history(generator, length_of(generator))
        removed = generator.uniform(0, 0.3)
        kept = [line for line in imported if generator.random() >= removed]
        lines = kept + history(generator, generator.randint(0, 60))
        wrong += len({*range(len(kept), len(lines))} ^ {*new_lines(imported, lines)})
        whole += len(lines)
    assert wrong <= 0.002 * whole


def test_a_grown_copy_is_known_beside_another_machines_file():
    """Both were imported here, in either order."""
    wrong = whole = 0
    for generator in generators("beside"):
        length = length_of(generator)
        mine, other = history(generator, length), history(generator, length)
        lines = mine + history(generator, generator.randint(0, 60))
        for imported in (mine + other, other + mine):
            wrong += len({*range(len(mine), len(lines))} ^ {*new_lines(imported, lines)})
            whole += len(lines)
    assert wrong <= 0.002 * whole


def test_a_frequent_text_is_little_evidence_and_a_rare_one_is_much():
    there = [1] * 90 + [*range(100, 110)]
    common = [(index, index) for index in range(3)]
    assert believed(there, [1] * 3 + [0] * 500, common) == []
    rare = [(index, index - 90) for index in range(90, 96)]
    assert believed(there, [*range(100, 106)] + [0] * 500, rare) == [rare]


def test_the_server_of_a_laptop_is_another_file(target):
    generator = random.Random(1)
    laptop, server = history(generator, 4_000), history(generator, 3_212)
    target.import_bytes(b"\n".join(laptop) + b"\n", "bash")
    counts = target.import_bytes(b"\n".join(server) + b"\n", "bash", name="server")
    assert (counts.new, counts.known) == (3_212, 0)
    grown = server + history(generator, 30)
    assert target.import_bytes(b"\n".join(grown) + b"\n", "bash", name="server").new == 30
    grown = laptop[900:] + history(generator, 50)
    assert target.import_bytes(b"\n".join(grown) + b"\n", "bash").new == 50


def zsh_bytes(lines, first_s=FIRST_S):
    return b"".join(b": %d:0;%s\n" % (first_s + 60 * at, line) for at, line in enumerate(lines))


def record_all(target, lines):
    events = (
        Event(
            EventKey((FIRST_S + 60 * at) * SECOND_US, target.device_id, b"\x0a" * 16, at + 1),
            line,
            b"/",
            0,
            shell=b"zsh",
            flags=FINISHED,
        )
        for at, line in enumerate(lines)
    )
    target.join(History(frozenset(events)))


@pytest.mark.parametrize("way", ["recorded", "imported with times"])
def test_another_machines_lines_without_times_are_not_events_with_a_time(target, way):
    generator = random.Random(way)
    mine, server = history(generator, 2_000), history(generator, 900)
    if way == "recorded":
        record_all(target, mine)
    else:
        target.import_bytes(zsh_bytes(mine), "zsh")
    counts = target.import_bytes(b"\n".join(server) + b"\n", "zsh", name="server")
    assert (counts.new, counts.duplicates, counts.known) == (900, 0, 0)
    older = history(generator, 500)
    counts = target.import_bytes(b"\n".join(older + mine) + b"\n", "zsh", name="mine")
    assert counts.new == 500
