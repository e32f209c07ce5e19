"""Time `hx stats` over a large history against atuin; both homes are made by find.py."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from timing import Row, medians_ms, program, ratio_row

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMES = 5
_AT_MOST = 1 / 10


def rows(folder: str, count: int) -> Iterator[Row]:
    common = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    environment = common | {"HX_HOME": os.path.join(folder, "hx"), "HOME": folder}
    commands = [([program("hx") or "hx", "stats"], environment)]
    atuin, home = program("atuin"), os.path.join(folder, "atuin")
    if atuin and os.path.isdir(home):
        commands.append(([atuin, "stats"], common | {"HOME": home, "ATUIN_SESSION": "0" * 32}))
    times_ms = medians_ms(commands, _TIMES)
    peer = times_ms[1] if len(times_ms) > 1 else None
    yield ratio_row(f"stats, {count:,} events", times_ms[0], peer, _AT_MOST, "<= 1/10 of atuin")
