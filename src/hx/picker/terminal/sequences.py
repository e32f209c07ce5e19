"""Escape sequences -> keys, as xterm, rxvt, the Linux console, kitty and others send them."""

from __future__ import annotations

from hx.picker.model import Key

ESC = 0x1B
PASTE_BEGINS = Key("paste-begins")
PASTE_ENDS = b"\x1b[201~"

_MOST = 64  # bytes of parameters; no key has more
_MOST_STRING = 4096  # bytes of a reply of the terminal
_STRINGS = b"]P_^"  # second byte of a reply that ends with BEL or ESC \
_LETTERS = {
    "A": "up",
    "B": "down",
    "C": "right",
    "D": "left",
    "F": "end",
    "H": "home",
    "P": "f1",
    "Q": "f2",
    "S": "f4",
    "Z": "shift-tab",
}
_AFTER_O = _LETTERS | {"R": "f3", "M": "enter", "a": "ctrl-up", "b": "ctrl-down"}
_AFTER_O |= {"c": "ctrl-right", "d": "ctrl-left"}
_KEYPAD = dict(zip("jklmnopqrstuvwxy", "*+,-./0123456789", strict=True))
_NUMBERS = {1: "home", 2: "insert", 3: "delete", 4: "end", 5: "page-up", 6: "page-down"}
_NUMBERS |= {7: "home", 8: "end", 11: "f1", 12: "f2", 13: "f3", 14: "f4", 15: "f5", 17: "f6"}
_NUMBERS |= {18: "f7", 19: "f8", 20: "f9", 21: "f10", 23: "f11", 24: "f12"}
_CONTROLS = {0: "ctrl-space", 9: "tab", 13: "enter", 27: "esc", 127: "backspace"}
_CODES = {8: "backspace", 9: "tab", 13: "enter", 27: "esc", 127: "backspace", 57414: "enter"}
# bits of the modifier parameter minus one; locks are higher bits
_SHIFT, _ALT, _CTRL, _OTHERS = 1, 2, 4, 56
_MODIFIERS = ("ctrl-", _CTRL), ("alt-", _ALT), ("shift-", _SHIFT)
_FIRST_TEXT, _FIRST_PRIVATE, _LAST_PRIVATE, _LAST = 32, 0xD800, 0xF8FF, 0x10FFFF

# a key (None: an unknown sequence), and the index behind it
KeyAndEnd = tuple[Key | None, int]


def control(byte: int) -> Key:
    """Return the key of a control byte other than ESC."""
    return Key(_CONTROLS.get(byte) or f"ctrl-{chr(byte + 64).lower()}")


def sequence(data: bytes, index: int) -> KeyAndEnd | None:
    """Return the key that begins with the ESC at index `index`; None: more bytes are needed."""
    second = data[index + 1 : index + 2]
    if not second:
        return None
    if second == b"[":
        return _csi(data, index + 2)
    if second == b"O":
        return _ss3(data, index + 2)
    if second in _STRINGS:
        return _string(data, index + 2)
    return _twice(data, index) if second == b"\x1b" else _alt(data, index + 1)


def alone(data: bytes) -> Key | None:
    """Return the key of an unfinished sequence after which nothing comes."""
    if data in (b"\x1b", b"\x1b\x1b"):
        return Key("esc")
    decoded = _alt(data, 1) if len(data) == 2 and data.isascii() else None  # noqa: PLR2004
    return decoded[0] if decoded else None


def _twice(data: bytes, index: int) -> KeyAndEnd | None:
    """Return the key of ESC ESC: before [ or O it is Alt with a key, else it is the key Esc."""
    third = data[index + 2 : index + 3]
    if not third:
        return None
    if third not in b"[O":
        return Key("esc"), index + 1
    decoded = sequence(data, index + 1)
    if decoded is None or decoded[0] is None or decoded[0] in (PASTE_BEGINS, Key("esc")):
        return decoded
    return _with(decoded[0].name, _ALT), decoded[1]


def _alt(data: bytes, index: int) -> KeyAndEnd | None:
    byte = data[index]
    if byte == 3:  # noqa: PLR2004  (Ctrl-C is held back by nothing)
        return Key("esc"), index
    if byte in (8, 127):
        return Key("alt-backspace"), index + 1
    if byte < _FIRST_TEXT:
        return _with(control(byte).name, _ALT), index + 1
    length = 1 + (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)  # noqa: PLR2004  (UTF-8)
    if len(data) < index + length:
        return None
    letter = data[index : index + length].decode("utf-8", "ignore").lower()
    return (Key(f"alt-{letter}") if letter else None), index + length


def _ss3(data: bytes, index: int) -> KeyAndEnd | None:
    while data[index : index + 1].isdigit():  # a modifier, on some terminals
        index += 1
    if index == len(data):
        return None
    letter = chr(data[index])
    if letter in _KEYPAD:
        return Key("text", _KEYPAD[letter]), index + 1
    name = _AFTER_O.get(letter)
    if data[index] < _FIRST_TEXT:
        return Key("alt-o"), index
    return (Key(name) if name else None), index + 1


def _string(data: bytes, index: int) -> KeyAndEnd | None:
    end = index
    while end < len(data) and data[end] >= _FIRST_TEXT:
        end += 1
    if end - index > _MOST_STRING:
        return None, index + _MOST_STRING
    if end == len(data) or data[end:] == b"\x1b":
        return None
    if data[end : end + 2] == b"\x1b\\":
        return None, end + 2
    return None, end + (data[end] == 7)  # noqa: PLR2004  (BEL)


def _csi(data: bytes, index: int) -> KeyAndEnd | None:
    end = index
    while end < len(data) and 0x20 <= data[end] < 0x40:  # noqa: PLR2004
        end += 1
    if end - index > _MOST:
        return None, index + _MOST
    rest = data[end:]
    if not rest:
        return None
    if end == index and rest[0] in b"M[":  # a mouse nobody asked for; a key of the Linux console
        return _counted(data, end)
    if not 0x40 <= rest[0] < 0x7F:  # noqa: PLR2004  (broken off)
        return None, end
    return _csi_key(data[index:end].decode("ascii"), chr(rest[0])), end + 1


def _counted(data: bytes, index: int) -> KeyAndEnd | None:
    length = 4 if data[index : index + 1] == b"M" else 2
    if len(data) < index + length:
        return None
    number = data[index + 1] - ord("A") + 1
    is_function = length == 2 and 1 <= number <= 5  # noqa: PLR2004
    return (Key(f"f{number}") if is_function else None), index + length


def _csi_key(parameters: str, final: str) -> Key | None:
    fields = parameters.split(";")
    if any(field.endswith(":3") for field in fields):  # the release of a key
        return None
    numbers = [field.partition(":")[0] or "1" for field in fields]
    if not all(number.isdigit() for number in numbers):
        return None
    first, second, third = ([int(number) for number in numbers] + [1, 1])[:3]
    if final == "u":
        return _coded(first, second - 1)
    if final == "~" and first == 27:  # noqa: PLR2004
        return _coded(third, second - 1)
    if (first, final) == (200, "~"):
        return PASTE_BEGINS
    name = _LETTERS.get(final) if final not in "~^" else _NUMBERS.get(first)
    return _with(name, _CTRL if final == "^" else second - 1) if name else None


def _coded(code: int, modifiers: int) -> Key | None:
    """Return the key of a character, by its number in Unicode; None if it is not known."""
    if code in _CODES:
        return _with(_CODES[code], modifiers)
    if not _FIRST_TEXT <= code <= _LAST or _FIRST_PRIVATE <= code <= _LAST_PRIVATE:
        return None
    letter = chr(code)
    if modifiers & (_CTRL | _ALT):
        return _with("space" if letter == " " else letter.lower(), modifiers & ~_SHIFT)
    if modifiers & _OTHERS:
        return None
    return Key("text", letter.upper() if modifiers & _SHIFT else letter)


def _with(name: str, modifiers: int) -> Key | None:
    if modifiers & _OTHERS:
        return None
    for prefix, bit in _MODIFIERS:
        if prefix in name:
            modifiers |= bit
            name = name.replace(prefix, "")
    return Key("".join(prefix for prefix, bit in _MODIFIERS if modifiers & bit) + name)
