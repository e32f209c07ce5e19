"""Sample states of the picker, and frames without their attributes."""

from __future__ import annotations

import re

from hx.picker.model import Details, Row, State

NOW_US = 1_700_000_000_000_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400

# how many seconds ago, exit, microseconds, device, command
_RUNS = [
    (5, 0, 10_000, None, "git status"),
    (65, 2, 190_000_000, None, "make test"),
    (
        4 * MINUTE,
        0,
        62_000_000,
        "buildbox",
        "cargo build --release --target x86_64-unknown-linux-musl --features 'full,tls'",
    ),
    (3 * HOUR, 255, 4_000_000, None, "ssh web-3.prod.example.org"),
    (26 * HOUR, 0, 12_000_000, None, "for f in *.png; do\n  convert $f ${f%.png}.webp\ndone"),
    (2 * DAY, 127, None, "laptop", "docker run --rm -it -v $PWD:/src ghcr.io/x/y:latest"),
    (9 * DAY, 0, 1, None, "echo 日本語テキスト > ファイル.txt"),
    (40 * DAY, None, None, None, "printf '\x1b[31mred\x07'\t\u202eevil"),
    (400 * DAY, -1, 7_000_000, "a-rather-long-hostname", "vim README.md"),
]


def row(place: int) -> Row:
    ago_s, status, duration_us, device, text = _RUNS[place]
    started_at_us = NOW_US - ago_s * 1_000_000
    return Row(place, text, 100 + place, started_at_us, status, duration_us, device)


def found(place: int, letters: str) -> Row:
    """Return the row with these letters marked as matched, each after the one before it."""
    plain_row, index, matched = row(place), -1, []
    for letter in letters:
        index = plain_row.text.index(letter, index + 1)
        matched.append(index)
    return plain_row._replace(matched=tuple(matched))


EVERYTHING = State(
    rows=tuple(map(row, range(len(_RUNS)))),
    matches=len(_RUNS),
    total=len(_RUNS),
    complete=True,
    now_us=NOW_US,
)
TYPED = EVERYTHING._replace(
    query="it",
    cursor=2,
    rows=(found(0, "it"), found(4, "it"), found(5, "it")),
    matches=3,
    total=250_000,
    selected=1,
)
DETAILS = Details(104, "/home/ann/src/pictures", "github.com/ann/pictures", "main", "ann-pc.local",
                  "laptop", 42, 7)  # fmt: skip

_ATTRIBUTES = re.compile(r"\x1b\[[0-9;]*m")


def plain(lines: list[str]) -> list[str]:
    """Return the lines without their attributes; fail if they have any other escape sequence."""
    stripped = [_ATTRIBUTES.sub("", line) for line in lines]
    assert not any("\x1b" in line for line in stripped)
    return stripped


def drawing(lines: list[str]) -> str:
    """Return the lines as one text without attributes and trailing blanks, for a snapshot."""
    return "\n".join(line.rstrip() for line in plain(lines))
