"""The query of `hx find` as a value, and its text as a pattern of SQLite.

Without regard to case means: a character matches itself, its lower-case and its upper-case form,
where these are single characters. SQLite's LIKE does that for ASCII only. Beyond ASCII the pattern
is a GLOB that lists the forms of each character.
"""

from __future__ import annotations

from hx.core.record import NamedTuple

# Scopes: which runs of a command are searched
ALL, SESSION, DIRECTORY, REPOSITORY, DEVICE = "all", "session", "directory", "repository", "device"
SCOPES = (ALL, SESSION, DIRECTORY, REPOSITORY, DEVICE)

# SQLite accepts patterns of 50,000 bytes; one character takes at most 10 bytes of a pattern
MAX_PATTERN = 5_000
_MAX_INDEX_WORDS = 32
# Latin (except the dotless i), Greek, Cyrillic
_INDEX_FOLDS = (range(0x131), range(0x132, 0x180), range(0x386, 0x3CF), range(0x400, 0x500))


class Query(NamedTuple):
    """A query is a text and filters, joined by AND; a filter that is None is not applied."""

    text: str = ""  # is contained in the command literally
    exact_case: bool = False
    cwd: bytes | None = None
    repo: bytes | None = None
    session_id: bytes | None = None
    device: str | None = None  # its name, or the first digits of its id
    host: bytes | None = None
    exit_status: int | None = None
    failed: bool | None = None  # True: failed, False: succeeded
    since_us: int | None = None
    until_us: int | None = None
    limit: int | None = 50  # None: all
    unique: bool = False  # only the newest run of each command
    reverse: bool = False  # the oldest first

    @property
    def filtered(self) -> bool:
        """Return whether any filter besides the text narrows the search."""
        return any(value is not None for value in self[2:11])


class Pattern(NamedTuple):
    """The operator and the right side of a comparison in SQL."""

    operator: str
    text: str


def smart_case(text: str) -> bool:
    """Return whether the text has a capital letter; then a search by it is case-sensitive."""
    return text != text.lower()


def pattern(
    text: str,
    *,
    exact_case: bool,
    at_start: bool = False,
    at_end: bool = False,
    scattered: bool = False,
) -> Pattern:
    """Return a pattern that matches `text` anywhere, or at the start or end of a value.

    With `scattered`, other text may be between its letters.
    """
    if exact_case or not text.isascii():
        operator, gap = "GLOB ?", "*"
        letters = [_glob_letter(letter, exact_case=exact_case) for letter in text]
    else:
        operator, gap = "LIKE ? ESCAPE '\\'", "%"
        letters = ["\\" + letter if letter in "\\%_" else letter for letter in text]
    middle = (gap if scattered else "").join(letters)
    return Pattern(operator, ("" if at_start else gap) + middle + ("" if at_end else gap))


def _glob_letter(letter: str, *, exact_case: bool) -> str:
    forms = {letter} if exact_case else either_case(letter)
    if len(forms) > 1:
        return f"[{''.join(sorted(forms))}]"
    return f"[{letter}]" if letter in "*?[" else letter


def either_case(letter: str) -> set[str]:
    """Return the characters that a letter matches without regard to case."""
    return {form for form in (letter, letter.lower(), letter.upper()) if len(form) == 1}


def index_words(text: str, *, exact_case: bool) -> list[str]:
    """Return runs of three characters that the trigram index finds in each match of `text`.

    The list may be empty: the index cannot narrow such a search.
    """
    runs = {text[i : i + 3] for i in range(len(text) - 2)}
    return sorted(run for run in runs if exact_case or all(map(_index_folds, run)))[
        :_MAX_INDEX_WORDS
    ]


def _index_folds(letter: str) -> bool:
    """Return whether the index treats both cases of a letter as equal.

    The index folds case by an older version of Unicode, so only blocks that it knows count.
    """
    code = ord(letter)
    return any(code in block for block in _INDEX_FOLDS) or len(either_case(letter)) == 1
