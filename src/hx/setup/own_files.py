"""What is hx's own in its folders, which may hold other files too."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase

from hx.capture import spool
from hx.core.record import NamedTuple
from hx.shells import SHELLS

_NAMES = (
    "hx.db",
    "hx.db-*",  # journal, log and its index
    "device.key",
    "device-*.key",
    *(f"custody{host}.{end}" for host in ("", "-*") for end in ("toml", "sealed", "key")),
    "ingest.lock",
    "import.lock",
    "sync.lock",
    "pause",
    "rules.json",
    "setup.json",
    *(f"hook.{shell}" for shell in SHELLS),
)
_OUTBOX = ("journal", "[0-9][0-9][0-9][0-9][0-9][0-9].hx")
_TORN = ".[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f].tmp"


class Places(NamedTuple):
    """Where hx keeps things."""

    data: str  # folder
    spool: str  # folder
    config: str  # file
    pause: str  # file
    runtime: str | None  # folder of text files of bash, beside other programs' files


def is_ours(name: str, patterns: tuple[str, ...] = _NAMES) -> bool:
    """Of a file in the data folder; what a crash left of one counts too."""
    return any(fnmatchcase(name, one) or fnmatchcase(name, one + _TORN) for one in patterns)


def outbox(data: str) -> str:
    """The folder of what is on its way to the store."""
    return os.path.join(data, "outbox")


def belongings(places: Places) -> list[str]:
    """Every file of hx, and none of anybody else."""
    folders = dict.fromkeys((places.data, os.path.dirname(places.pause)))
    paths = [os.path.join(one, name) for one in folders for name in _names(one) if is_ours(name)]
    way = outbox(places.data)
    paths += [os.path.join(way, name) for name in _names(way) if is_ours(name, _OUTBOX)]
    paths += [file.path for file in spool.files(places.spool)]
    paths += spool.text_files(places.spool)
    paths += spool.text_files(places.runtime) if places.runtime else []
    paths += [places.config]
    return [path for path in dict.fromkeys(paths) if os.path.lexists(path)]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
