"""Whether a value that stands where secrets stand is one."""

from __future__ import annotations

_WORDS = frozenset(
    b"password passwd pass passphrase secret token key apikey api_key your mypassword none null"
    b" nil true false yes no undefined example required optional string str bool int stdin prompt"
    b" file env ask basic bearer digest".split()
)
_BEGINNINGS = (b"<", b"{{", b"...", b"***", b".*", b".+", b"[^", b"\\", b"(", b"^", b"@/", b"@./")
_FOLDERS = (
    *(b"~/", b"./", b"../", b"/etc/", b"/run/", b"/var/", b"/home/", b"/root/", b"/tmp/"),
    *(b"/usr/", b"/opt/", b"/dev/", b"/proc/", b"/mnt/", b"/srv/", b"/secrets/", b"/Users/"),
    *(b"file:", b"env:", b"id=", b"type=", b"fd:"),
)
_LEAST_LITERAL = 4  # characters beside variables that make a value a secret


def is_secret(text: bytes, start: int, end: int) -> bool:
    """Not a variable, a placeholder or a path."""
    value = text[start:end].strip()
    if not value or (value.isdigit() and len(value) <= 2):  # noqa: PLR2004
        return False
    if value.startswith((b"$", b"`")) or b"${" in value or b"$(" in value:
        return _has_literal(value, in_single=text[start - 1 : start] == b"'")
    return not (_is_placeholder(value.lower()) or value.startswith(_FOLDERS))


def _has_literal(value: bytes, *, in_single: bool) -> bool:
    """Whether something stays when what the shell puts in is taken away."""
    import re

    left = re.sub(rb"\$\{[^}]*+\}|\$\([^)]*+\)?|`[^`]*+`?|\$\w++|\$[@*#?$!-]", b"", value)
    if in_single and left == value:
        return True
    return len(left.strip(b"-_:./@ ")) >= _LEAST_LITERAL


def _is_placeholder(lowered: bytes) -> bool:
    if lowered in _WORDS or lowered.startswith(_BEGINNINGS):
        return True
    if lowered[:1] + lowered[-1:] in (b"[]", b"%%", b"{}"):
        return True
    if lowered.startswith((b"your", b"my-", b"my_", b"some-", b"some_", b"insert")):
        return not any(digit in lowered for digit in b"0123456789")
    return is_filler(lowered)


def is_filler(value: bytes) -> bool:
    """`xxxx`, `****`, `...`: one character again and again."""
    return len(value) > 1 and len(set(value)) == 1 and not value.isdigit()
