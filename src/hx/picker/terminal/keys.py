"""The decoder from bytes of a terminal to keys. Unknown or broken sequences never become text.

Names of keys: "enter", "tab", "esc", "backspace", "delete", "up", "page-up", "home", "f1",
"ctrl-r", "alt-x", "alt-backspace", "ctrl-left"; modifiers in the order ctrl, alt, shift. Alt with
a letter is one key, with and without Caps Lock.
"""

from __future__ import annotations

from codecs import getincrementaldecoder

from hx.picker.model import Key
from hx.picker.terminal.sequences import ESC, PASTE_BEGINS, PASTE_ENDS, alone, control, sequence

_MOST_PASTED = 65536  # bytes of one paste; the rest is dropped
_FIRST_TEXT, _DELETE, _LAST_C1 = 32, 0x7F, "\x9f"
_CTRL_C = b"\x03"


def typed_ahead(data: bytes) -> bytes:
    """Undo what the driver did before the terminal was raw: Enter came as a line feed."""
    return data.replace(b"\n", b"\r")


class Decoder:
    """Decodes bytes; it keeps an unfinished sequence until its rest or a timeout comes."""

    def __init__(self) -> None:
        self._text = getincrementaldecoder("utf-8")("ignore")
        self._kept = b""
        self._pasted: bytes | None = None  # not None: inside a paste
        self._is_silent = False

    @property
    def is_waiting(self) -> bool:
        """Return whether to call `flush` when nothing comes for some time."""
        return bool(self._kept or self._pasted is not None) and not self._is_silent

    @property
    def may_be_esc(self) -> bool:
        """Return whether the unfinished sequence is the key Esc if nothing follows."""
        return self._pasted is None and self._kept == b"\x1b"

    def feed(self, data: bytes) -> list[Key]:
        keys: list[Key] = []
        if self._pasted is not None and self._is_silent and data == _CTRL_C:
            self._end_paste(self._kept, keys)  # a paste without an end must not trap the user
        self._is_silent = False
        if self._pasted is not None:
            data = self._paste(data, keys)
        self._keys(data, keys)
        return keys

    def flush(self) -> list[Key]:
        """Return the key that is complete because nothing followed.

        A paste goes on: its rest must not be taken for keys.
        """
        self._is_silent = True
        if self._pasted is not None:
            return []
        key = alone(self._kept) if self._kept else None
        self._kept = b""
        return [key] if key else []

    def _keys(self, data: bytes, keys: list[Key]) -> None:
        if self._pasted is not None:
            return
        data, index = self._kept + data, 0
        self._kept = b""
        while index < len(data):
            if _is_text(data[index]):
                index = self._read_text(data, index, keys)
                continue
            self._text.decode(b"", final=True)  # drop a character that was broken off
            decoded = (
                (control(data[index]), index + 1) if data[index] != ESC else sequence(data, index)
            )
            if decoded is None:
                self._kept = data[index:]
                return
            key, index = decoded
            if key == PASTE_BEGINS:
                self._pasted = b""
                data, index = self._paste(data[index:], keys), 0
            elif key:
                _add(keys, key)

    def _read_text(self, data: bytes, index: int, keys: list[Key]) -> int:
        end = index + 1
        while end < len(data) and _is_text(data[end]):
            end += 1
        shown = self._text.decode(data[index:end])
        text = "".join(letter for letter in shown if not "\x7f" <= letter <= _LAST_C1)
        if text:
            _add(keys, Key("text", text))
        return end

    def _paste(self, data: bytes, keys: list[Key]) -> bytes:
        """Return the bytes behind the paste; none while it has not ended."""
        data = self._kept + data
        self._kept = b""
        end = data.find(PASTE_ENDS)
        if end >= 0:
            self._end_paste(data[:end], keys)
            return data[end + len(PASTE_ENDS) :]
        safe = max(0, len(data) - len(PASTE_ENDS) + 1)
        self._kept = data[safe:]
        self._pasted = ((self._pasted or b"") + data[:safe])[:_MOST_PASTED]
        return b""

    def _end_paste(self, last: bytes, keys: list[Key]) -> None:
        pasted = ((self._pasted or b"") + last)[:_MOST_PASTED]
        self._pasted, self._kept = None, b""
        keys.append(Key("paste", pasted.decode("utf-8", "ignore")))


def _is_text(byte: int) -> bool:
    return byte >= _FIRST_TEXT and byte != _DELETE


def _add(keys: list[Key], key: Key) -> None:
    """Append a key; letters that came together are one key, so that hx searches once."""
    if keys and key.name == keys[-1].name == "text":
        key = Key("text", keys.pop().text + key.text)
    keys.append(key)
