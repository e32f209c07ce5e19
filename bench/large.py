"""What does not grow with the history: five million events beside a hundred thousand.

python bench/large.py [EVENTS]      5,000,000 unless told; takes minutes, and 3 GB meanwhile

Each history is one imported session, and a shell that stayed open for a tenth as many commands, at
most 100,000. Whole processes in turns; the ratio is that of the medians.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

from histories import write_session, write_zsh
from looking import size_row
from machine import Row, in_turns_ms, print_table, program, run_ms
from picking import first_row_ms, hx_picker

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEW = 100_000
_TYPED = 100_000
_TIMES = 9
_BYTES_AN_EVENT = 600  # of the disk, at most: history, database and its log
_FLAT = 2.0
_COMMANDS = {  # what is asked, and how often longer it may take than of the few
    "find, common text": (["find", "kubectl get pods"], _FLAT),
    "find, rare text": (["find", "zyxquux"], _FLAT),
    "find, absent text": (["find", "nosuchthing"], _FLAT),
    "find, what failed": (["find", "--failed"], _FLAT),
    "find, distinct": (["find", "--unique", "git"], _FLAT),
    "find, two rare letters": (["find", "zy"], None),
    "search, common words": (["search", "git", "commit"], _FLAT),
    "search, rare word": (["search", "zyxquux"], _FLAT),
    "search, absent word": (["search", "nosuchthing"], _FLAT),
    "search, letters apart": (["search", "kgp"], _FLAT),
    "last": (["last"], _FLAT),
    "status": (["status"], _FLAT),
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
    _fill(few, _FEW)
    yield _filled(_fill(many, count), count)
    yield size_row(os.path.join(many, "hx"), count + min(_TYPED, count // 10))
    hx = program("hx") or "hx"
    for name, (words, at_most) in _COMMANDS.items():
        commands = [([hx, *words], _environment(home)) for home in (few, many)]
        in_turns_ms(commands, 1)  # what is read for the first time
        yield _row(name, count, in_turns_ms(commands, _TIMES), at_most)
    pickers = [hx_picker(home) for home in (few, many)]
    for query in ("", "kubectl get p", "zyxquux"):
        name = f"picker, first row, {query!r}" if query else "picker, first row"
        yield _row(name, count, first_row_ms(pickers, query), _FLAT)


def _fill(folder: str, count: int) -> float:
    """Milliseconds of the import."""
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


def _filled(taken_ms: float, count: int) -> Row:
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
