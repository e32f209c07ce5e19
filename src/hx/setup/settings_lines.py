"""The lines that setup writes into config.toml: at its top, so that no table can precede them."""

from __future__ import annotations

import re

from hx.core.shell_files.rc_file import MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OURS = re.compile(rb'^(picker_\w+) = (true|false|"\w+") +%b\r?\n?' % re.escape(MARK), re.MULTILINE)


def with_values(text: bytes, values: Mapping[str, bool | str]) -> bytes:
    """Return the text with these settings, each in a line of its own before everything else.

    A line that setup wrote before is replaced; every other byte stays.
    """
    kept = {name: value for name, value in written(text).items() if name not in values}
    new = {name: _toml(value) for name, value in values.items()}
    lines = [f"{name} = {value}  ".encode() + MARK for name, value in (kept | new).items()]
    return b"".join(line + b"\n" for line in lines) + without(text)


def without(text: bytes) -> bytes:
    """Return the text without the lines that setup wrote."""
    return _OURS.sub(b"", text)


def written(text: bytes) -> dict[str, str]:
    """Return the settings that setup wrote, as they are spelled in the file."""
    return {name.decode(): value.decode() for name, value in _OURS.findall(text)}


def _toml(value: bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
