"""Time the commands whose time must not grow with the history, at 5,000,000 and 100,000 events.

python bench/large.py [EVENTS]      5,000,000 by default; takes minutes and 3 GB of disk

Each history has one imported session, and one session of a shell that stayed open for a tenth as
many commands, at most 100,000. Whole processes take turns; the ratio is that of the medians.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

from find import size_row
from histories import write_session, write_zsh
from picker import first_row_ms, hx_picker
from timing import Row, medians_ms, print_table, program, run_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEW = 100_000
_TYPED = 100_000
_TIMES = 9
_BYTES_AN_EVENT = 600  # of the disk, at most: for the history, the database and its log
_CONSTANT = 2.0
_COMMANDS = {  # name -> (arguments, highest ratio of the two times; None: it may grow)
    "find, common text": (["find", "kubectl get pods"], _CONSTANT),
    "find, rare text": (["find", "zyxquux"], _CONSTANT),
    "find, absent text": (["find", "nosuchthing"], _CONSTANT),
    "find, what failed": (["find", "--failed"], _CONSTANT),
    "find, distinct": (["find", "--unique", "git"], _CONSTANT),
    "find, two rare letters": (["find", "zy"], None),
    "search, common words": (["search", "git", "commit"], _CONSTANT),
    "search, rare word": (["search", "zyxquux"], _CONSTANT),
    "search, absent word": (["search", "nosuchthing"], _CONSTANT),
    "search, letters apart": (["search", "kgp"], _CONSTANT),
    "last": (["last"], _CONSTANT),
    "status": (["status"], _CONSTANT),
    "stats": (["stats"], None),
}


def main() -> None:
    count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 5_000_000
    with tempfile.TemporaryDirectory(prefix="hx-bench-", ignore_cleanup_errors=True) as folder:
        needed = (count + _FEW) * _BYTES_AN_EVENT
        if shutil.disk_usage(folder).free < needed:
            raise SystemExit(f"bench: {folder} needs {needed >> 20:,} MiB; set TMPDIR")
        print_table(_rows(folder, count))


def _rows(folder: str, count: int) -> Iterator[Row]:
    few, many = os.path.join(folder, "few"), os.path.join(folder, "many")
    _make_history(few, _FEW)
    yield _import_row(_make_history(many, count), count)
    yield size_row(os.path.join(many, "hx"), count + min(_TYPED, count // 10))
    hx = program("hx") or "hx"
    for name, (words, at_most) in _COMMANDS.items():
        commands = [([hx, *words], _environment(home)) for home in (few, many)]
        medians_ms(commands, 1)  # a first run fills the caches
        yield _row(name, count, medians_ms(commands, _TIMES), at_most)
    pickers = [hx_picker(home) for home in (few, many)]
    for query in ("", "kubectl get p", "zyxquux"):
        name = f"picker, first row, {query!r}" if query else "picker, first row"
        yield _row(name, count, first_row_ms(pickers, query), _CONSTANT)


def _make_history(folder: str, count: int) -> float:
    """Make a history with this many imported events; return the milliseconds of the import."""
    spool = os.path.join(folder, "hx", "spool")
    os.makedirs(spool, 0o700)
    os.chmod(os.path.join(folder, "hx"), 0o700)
    history = os.path.join(folder, "history")
    write_zsh(history, count)
    hx = program("hx") or "hx"
    taken_ms = run_ms([hx, "import", "--from", "zsh", history], _environment(folder))
    os.remove(history)
    write_session(spool, min(_TYPED, count // 10))
    run_ms([hx, "status"], _environment(folder))
    return taken_ms


def _environment(folder: str) -> dict[str, str]:
    home = os.path.join(folder, "hx")
    return {"HX_HOME": home, "HOME": folder, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def _import_row(taken_ms: float, count: int) -> Row:
    rate = count / taken_ms * 1e3
    return Row(f"import of {count:,} zsh lines", f"{rate:,.0f} events/s", "", "", "", None)


def _row(name: str, count: int, taken_ms: list[float], at_most: float | None) -> Row:
    few_ms, many_ms = taken_ms
    ratio = many_ms / few_ms
    return Row(
        f"{name}, {count:,} events",
        f"{many_ms:.1f} ms",
        f"{few_ms:.1f} ms ({_FEW:,})",
        f"{ratio:.3g}",
        "grows" if at_most is None else f"<= {at_most:g} x",
        None if at_most is None else ratio <= at_most,
    )


main()
