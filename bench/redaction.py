"""Masking of secrets: the recall, the share of changed real commands, and the time per command."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from timing import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))
import fake_secrets
from hx.core.redaction.rules import Rules

_TURNS = 5


def rows() -> Iterator[Row]:
    rules = Rules()
    yield _recall(rules)
    commands = fake_secrets.real_commands()
    if not commands:
        yield Row("masking of real commands", "not here", "", "", "<= 0.5 %", None)
        return
    changed = sum(rules.masked(command) != command for command in commands) / len(commands)
    name = f"masking, {len(commands):,} real commands"
    yield Row(f"{name}: changed", f"{changed:.2%}", "", "", "<= 0.5 %", changed <= 0.005)
    cost_us = min(
        _cost_us(rules, commands) for _ in range(_TURNS)
    )  # the fastest turn is the least disturbed
    yield Row(f"{name}: each", f"{cost_us:.1f} us", "", "", "<= 15 us", cost_us <= 15)


def _recall(rules: Rules) -> Row:
    samples = list(fake_secrets.samples())
    found = sum(
        sample.secret not in rules.masked(sample.command.encode()).decode() for sample in samples
    )
    recall = found / len(samples)
    kinds = len({sample.kind for sample in samples})
    figure = f"masking, recall over {kinds} kinds x {len(fake_secrets.CONTEXTS)} contexts"
    return Row(figure, f"{recall:.2%}", "", "", ">= 98 %", recall >= 0.98)


def _cost_us(rules: Rules, commands: list[bytes]) -> float:
    started = time.process_time()
    for command in commands:
        rules.masked(command)
    return (time.process_time() - started) / len(commands) * 1e6
