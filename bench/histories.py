"""Write a deterministic history of any length, as zsh history lines or as spool files of hx.

About half of the lines repeat an earlier command; `zyxquux` is in five of them.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = (
    "api web core auth billing infra docs client server worker queue cache proxy mobile search"
    " index ledger report metrics gateway"
).split()
_SHORT = (
    "ls|ls -la|pwd|clear|htop|git status|git diff|git pull|git push|git log --oneline -20|make"
    "|make test|cargo build|npm test|docker ps|docker compose up -d|kubectl get pods|df -h"
).split("|")
_PER_SESSION = 4_096


def commands(count: int, seed: int = 42) -> Iterator[tuple[int, int, str]]:
    """Yield (epoch seconds, duration in seconds, command) in the order of time."""
    generator = random.Random(seed)
    needles = {int(count * part) for part in (0.05, 0.3, 0.5, 0.7, 0.93)}
    pool: list[str] = []
    at_s, step_s = 1_500_000_000, max(1, 200_000_000 // count)
    for number in range(count):
        if number in needles:
            command = f"zyxquux --needle {number}"
        elif pool and generator.random() < 0.5:
            command = pool[int(len(pool) * generator.random() ** 3)]
        else:
            command = _new_command(generator)
            if len(pool) < 20_000:
                pool.append(command)
        at_s += generator.randint(1, 2 * step_s)
        yield at_s, generator.choice((0, 0, 0, 1, 2, 5, 30, 200)), command


def _new_command(generator: random.Random) -> str:
    word, other, number = (
        generator.choice(_WORDS),
        generator.choice(_WORDS),
        generator.randint(0, 9_999),
    )
    ending = generator.randint(0, 400), generator.choice(("py", "rs", "go", "md", "sh"))
    path = f"{word}/{other}_{ending[0]}.{ending[1]}"
    return generator.choice(
        (
            generator.choice(_SHORT),
            f"cd ~/src/{word}",
            f"vim {path}",
            f'git commit -m "fix {word} {other} #{number}"',
            f"git checkout -b feature/{word}-{number}",
            f"git show {generator.getrandbits(32):08x}",
            f"kubectl -n {word} logs -f {other}-{generator.getrandbits(40):010x}",
            f"docker exec -it {word}_{number % 60} bash",
            f"python {path} --{other}={number} --out /tmp/{word}-{number}.json",
            f"pytest {path} -k test_{other} -x -q",
            f"rg -n '{word}_{other}' {word}/ | head -{number % 60}",
            f"curl -s https://{word}.example.com/v1/{other}/{number} | jq .",
            f"ssh deploy@{word}-{number % 40}.internal",
        )
    )


def write_zsh(path: str, count: int) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for at_s, took_s, command in commands(count):
            file.write(f": {at_s}:{took_s};{command}\n")


def write_spool(folder: str, count: int) -> int:
    """Write the history as spool files of finished sessions; return their size in bytes."""
    os.makedirs(folder, 0o700, exist_ok=True)
    written = 0
    file = None
    for number, (at_s, took_s, command) in enumerate(commands(count)):
        begin_us = at_s * 1_000_000 + number % 1_000
        if number % _PER_SESSION == 0:
            if file:
                file.close()
            session = f"{begin_us:016x}{number:016x}"
            file = open(os.path.join(folder, f"{session}.0"), "wb")  # noqa: SIM115
            written += file.write(_header(session, begin_us, number // _PER_SESSION))
        seq = number % _PER_SESSION + 1
        exit_status = 1 if number % 17 == 0 else 0
        cwd = f"/home/ann/src/{_WORDS[len(command) % len(_WORDS)]}"
        written += file.write(
            f"\0HX1C\0n{seq}\0b{begin_us}\0e{begin_us + took_s * 1_000_000}\0x{exit_status}"
            f"\0p{exit_status}\0d{cwd}\0c{command}\0\0".encode()
        )
    if file:
        file.close()
    return written


def write_session(folder: str, count: int) -> None:
    """Write one session of a shell that stays open, in as many files as its hook would make."""
    session = f"{1_700_000_000_000_000:016x}{1:016x}"
    for number, (_, took_s, command) in enumerate(commands(count, seed=7)):
        if number % _PER_SESSION == 0:
            generation = number // _PER_SESSION
            path = os.path.join(folder, f"{session}.{generation}")
        begin_us = (1_700_000_000 + 600 * number) * 1_000_000
        exit_status = 1 if number % 17 == 0 else 0
        with open(path, "ab") as file:
            if number % _PER_SESSION == 0:
                file.write(_header(session, begin_us, 0).replace(b"\0g0", b"\0g%d" % generation))
            file.write(
                f"\0HX1C\0n{number + 1}\0b{begin_us}\0e{begin_us + took_s * 1_000_000}"
                f"\0x{exit_status}\0p{exit_status}\0d/home/ann\0c{command}\0\0".encode()
            )


def _header(session: str, begin_us: int, number: int) -> bytes:
    return (
        f"\0HX1H\0s{session}\0g0\0P1\0b{begin_us}\0Szsh\0V5.9\0hvm\0uann\0Tpts/{number % 20}"
        "\0L1\0d/home/ann\0\0"
    ).encode()
