"""The importer for bash: one command on each line; with HISTTIMEFORMAT a time stamp before it.

A stamp is a line such as `#1700000000`. A command after a stamp may have several lines;
hx.core.shell_files.bash_history says where it ends.
"""

from __future__ import annotations

import re

from hx.core.model import MAX_COMMAND_BYTES
from hx.core.shell_files.bash_history import Groups, content, stamp
from hx.core.shell_files.recognition import BASH, marked
from hx.importers import CUT, ImportedEntry, seconds_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.importers import Reading

KIND = b"bash"
PLACES: tuple[str, ...] = ()
IS_TEXT = True
RESTAMPS = True
_OF_ZSH = re.compile(rb": (\d{9,11}):\d{1,9};")  # the file was also written by zsh


def recognises(head: bytes) -> bool:
    return marked(head) == BASH


def read(reading: Reading) -> Iterator[ImportedEntry]:
    """Return the entries; the time of a line without a stamp is unknown."""
    is_cut = False
    for group in Groups(reading.lines(restored=False), MAX_COMMAND_BYTES):
        digits = stamp(group[0])
        lines = group if digits is None else group[1:]
        is_cut = not lines
        command = b"\n".join(map(content, lines)).strip(b"\n")
        at_us = None if digits is None else seconds_us(digits)
        if digits is None and command[:2] == b": " and (other := _OF_ZSH.match(command)):
            at_us, command = seconds_us(other[1]), command[other.end() :]
        if reading.takes(command):
            yield ImportedEntry(command, at_us, shell=KIND)
    if is_cut:
        reading.fault(CUT)
