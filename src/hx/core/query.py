"""What the user asked for, as a value; and how a text is asked of SQLite.

In any case means: a typed character finds itself, its small and its capital form, each where it
is one character. SQLite's LIKE knows that for ASCII; beyond ASCII a GLOB spells both forms out.
"""

from __future__ import annotations

from hx.core.record import NamedTuple

# which runs of a command are looked at
ALL, SESSION, DIRECTORY, REPOSITORY, DEVICE = "all", "session", "directory", "repository", "device"
SCOPES = (ALL, SESSION, DIRECTORY, REPOSITORY, DEVICE)

# SQLite takes patterns of 50,000 bytes; a character becomes at most 10 of them
MAX_PATTERN = 5_000
_MAX_INDEX_WORDS = 32
# Latin (but the dotless i), Greek, Cyrillic
_INDEX_FOLDS = (range(0x131), range(0x132, 0x180), range(0x386, 0x3CF), range(0x400, 0x500))


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
    reverse: bool = False  # the other way round

    @property
    def filtered(self) -> bool:
        """Whether anything but the text narrows the search."""
        return any(value is not None for value in self[2:11])


class Pattern(NamedTuple):
    """The right side of a comparison in SQL."""

    operator: str
    text: str


def smart_case(text: str) -> bool:
    """A capital letter asks for exactly this spelling."""
    return text != text.lower()


def pattern(
    text: str,
    *,
    exact_case: bool,
    at_start: bool = False,
    at_end: bool = False,
    scattered: bool = False,
) -> Pattern:
    """A pattern for text anywhere, or at an end; `scattered`: other text between its letters."""
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
    """What a letter finds when case does not count."""
    return {form for form in (letter, letter.lower(), letter.upper()) if len(form) == 1}


def index_words(text: str, *, exact_case: bool) -> list[str]:
    """Runs of three characters that the trigram index finds wherever text stands; may be none."""
    runs = {text[i : i + 3] for i in range(len(text) - 2)}
    return sorted(run for run in runs if exact_case or all(map(_index_folds, run)))[
        :_MAX_INDEX_WORDS
    ]


def _index_folds(letter: str) -> bool:
    """Whether the index sees both cases of a letter as one: it follows an older Unicode."""
    code = ord(letter)
    return any(code in block for block in _INDEX_FOLDS) or len(either_case(letter)) == 1
