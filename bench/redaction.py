"""Masking of secrets: how many are found, how many real commands are changed, what one costs."""

from __future__ import annotations

import os
import sys
import time

from machine import Row

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))
import assembled
from hx.core.redact import Rules

_TURNS = 5


def rows() -> list[Row]:
    rules = Rules()
    made = [_recall(rules)]
    commands = assembled.real_commands()
    if not commands:
        return [*made, Row("masking of real commands", "not here", "", "", "<= 0.5 %", None)]
    changed = sum(rules.masked(command) != command for command in commands) / len(commands)
    cost_us = min(_cost_us(rules, commands) for _ in range(_TURNS))  # the least disturbed turn
    name = f"masking, {len(commands):,} real commands"
    return [
        *made,
        Row(f"{name}: changed", f"{changed:.2%}", "", "", "<= 0.5 %", changed <= 0.005),
        Row(f"{name}: each", f"{cost_us:.1f} us", "", "", "<= 15 us", cost_us <= 15),
    ]


def _recall(rules: Rules) -> Row:
    samples = list(assembled.samples())
    found = sum(
        sample.secret not in rules.masked(sample.command.encode()).decode() for sample in samples
    )
    recall = found / len(samples)
    kinds = len({sample.kind for sample in samples})
    figure = f"masking, recall over {kinds} kinds x {len(assembled.CONTEXTS)} contexts"
    return Row(figure, f"{recall:.2%}", "", "", ">= 98 %", recall >= 0.98)


def _cost_us(rules: Rules, commands: list[bytes]) -> float:
    started = time.process_time()
    for command in commands:
        rules.masked(command)
    return (time.process_time() - started) / len(commands) * 1e6
