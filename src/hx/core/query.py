"""What the user asked for, as a value; and the text conditions that follow from it."""

from __future__ import annotations

from hx.core.record import NamedTuple


class Query(NamedTuple):
    """Filters are joined by AND; None asks nothing."""

    text: str = ""  # contained in the command, as it stands
    exact_case: bool = False
    cwd: bytes | None = None
    repo: bytes | None = None
    session_id: bytes | None = None
    device: str | None = None  # name, or the first digits of its id
    host: bytes | None = None
    exit_status: int | None = None
    failed: bool | None = None  # True: failed, False: succeeded
    since_us: int | None = None
    until_us: int | None = None
    limit: int | None = 50  # None: all
    unique: bool = False  # distinct commands, each at its newest run
    reverse: bool = False  # oldest of the found ones first

    @property
    def filtered(self) -> bool:
        """Whether anything but the text narrows the search."""
        return any(value is not None for value in self[2:11])


def smart_case(text: str) -> bool:
    """A capital letter asks for exactly this spelling."""
    return text != text.lower()


def words_of_three(text: str) -> list[str]:
    """The distinct runs of three characters that the trigram index knows; none for short text."""
    return sorted({text[i : i + 3] for i in range(len(text) - 2)})


def like_pattern(text: str) -> str:
    """LIKE pattern for text anywhere; its escape character is the backslash."""
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


def glob_pattern(text: str) -> str:
    """GLOB pattern that finds text in either case, letters beyond ASCII too."""
    return "*" + "".join(map(_either_case, text)) + "*"


def _either_case(character: str) -> str:
    cases = {c for c in (character, character.lower(), character.upper()) if len(c) == 1}
    if len(cases) == 1:
        return f"[{character}]" if character in "*?[" else character
    return f"[{''.join(sorted(cases))}]"
