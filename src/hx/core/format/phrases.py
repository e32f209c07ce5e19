"""Secrets that people write down or type: recovery words, invitation codes, fingerprints.

Recovery words are BIP-39: 16 random bytes as 12 English words, four bits of them a checksum. The
bytes are used as they are, without the PBKDF2 of BIP-39. An invitation code is 28 characters of
Crockford's base32: 16 random bytes and 12 bits of BLAKE2b(bytes, person "hx1-code-check"). Source:
docs/format.md, "Keys".
"""

from __future__ import annotations

import re
import secrets
from unicodedata import normalize

from hx.core.derivation import derive
from hx.core.errors import InputError
from hx.core.event_name import ALPHABET, blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mnemonic import Mnemonic

SECRET_BYTES = 16
_WORDS = 12
_WORD_BITS = 11
_LEAST_LETTERS = 3  # of a word; a code has at most nine runs of so many letters
_WORD = re.compile(r"[^\W\d_]+")
_NUMBERED = re.compile(r"(?<!\d)(\d{1,2})[\W_]*([^\W\d_]+)")
_CODE_CHARACTERS = 28
_CHECK_BITS = 12
_LOOKALIKES = str.maketrans("oil", "011", "- \t\r\n")


def new_secret() -> bytes:
    """Return 16 random bytes for recovery words or an invitation."""
    return secrets.token_bytes(SECRET_BYTES)


def words_of(entropy: bytes) -> list[str]:
    """Return the twelve recovery words for 16 bytes."""
    return _bip39().to_mnemonic(entropy).split()


def entropy_of(text: str) -> bytes:
    """Return the 16 bytes of twelve words, however they are set apart.

    Raises InputError with a hint about the wrong word.
    """
    if _is_code(text):
        raise InputError(
            "this is an invitation code, and recovery words are needed here",
            "`hx sync join` takes the code",
        )
    bip39, words = _bip39(), words_in(text)
    for number, word in enumerate(words, 1):
        if word not in bip39.wordlist:
            raise InputError(
                f"word {number} of the recovery words is not in the word list: {word[:20]!r}",
                _nearest(word, bip39.wordlist),
            )
    if len(words) != _WORDS:
        raise InputError(
            f"there must be {_WORDS} recovery words, and these are {len(words)}",
            "type all words in their order, with blanks between them",
        )
    if not bip39.check(" ".join(words)):
        raise InputError(
            "the recovery words do not fit together",
            "all words are in the list: compare each with the sheet, and the order of the words",
        )
    return bytes(bip39.to_entropy(words))


def words_in(text: str) -> list[str]:
    """Return the words of a sheet: numbers, commas, quotes and line ends only set them apart.

    Where the words are numbered from 1 to 12, the numbers give the order: a sheet of several
    columns may be copied one column after the other.
    """
    text = normalize("NFKC", text).lower()
    numbered = [(int(number), word) for number, word in _NUMBERED.findall(text)]
    if sorted(number for number, _ in numbered) == [*range(1, _WORDS + 1)]:
        return [word for _, word in sorted(numbered)]
    return _WORD.findall(text)


def has_all_words(text: str) -> bool:
    """Return whether a text holds as many words as a sheet has."""
    return len(words_in(text)) >= _WORDS


def _nearest(word: str, wordlist: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, wordlist, n=1)
    return f"did you mean {near[0]}?" if near else "compare it with the sheet"


def _bip39() -> Mnemonic:
    from mnemonic import Mnemonic

    return Mnemonic("english")


def fingerprint_words(digest: bytes, count: int = 6) -> list[str]:
    """Return the first bits of a digest as words of 11 bits, for two people to compare."""
    bits = int.from_bytes(digest, "big")
    shift = 8 * len(digest) - _WORD_BITS
    wordlist = _bip39().wordlist
    return [wordlist[bits >> (shift - _WORD_BITS * i) & 0x7FF] for i in range(count)]


def code_of(secret: bytes) -> str:
    """Return the invitation code for 16 bytes, as seven groups of four characters."""
    number = int.from_bytes(secret, "big") << _CHECK_BITS | _check(secret)
    shifts = range(5 * (_CODE_CHARACTERS - 1), -1, -5)
    letters = "".join(ALPHABET[number >> shift & 31] for shift in shifts)
    return "-".join(letters[i : i + 4] for i in range(0, _CODE_CHARACTERS, 4))


def secret_of(code: str) -> bytes:
    """Return the 16 bytes of a code in any grouping and case. Raises InputError for a typo."""
    if sum(len(word) >= _LEAST_LETTERS for word in words_in(code)) >= _WORDS:
        raise InputError(
            "these are recovery words, and an invitation code is needed here",
            "`hx sync recover` takes the words",
        )
    letters = code.lower().translate(_LOOKALIKES)
    invalid = next((letter for letter in letters if letter not in ALPHABET), None)
    if invalid is not None:
        raise InputError(
            f"an invitation code cannot contain {invalid!r}",
            "it has only digits and letters, and no u",
        )
    if len(letters) != _CODE_CHARACTERS:
        raise InputError(
            f"an invitation code has {_CODE_CHARACTERS} characters; this one has {len(letters)}",
            "type it as `hx sync invite` printed it",
        )
    number = 0
    for letter in letters:
        number = number << 5 | ALPHABET.index(letter)
    secret = (number >> _CHECK_BITS).to_bytes(SECRET_BYTES, "big")
    if number & (1 << _CHECK_BITS) - 1 != _check(secret):
        raise InputError(
            "the invitation code is mistyped: its check characters are wrong",
            "compare it letter by letter with what `hx sync invite` printed",
        )
    return secret


def _is_code(text: str) -> bool:
    try:
        secret_of(text)
    except InputError:
        return False
    return True


def _check(secret: bytes) -> int:
    """Return the 12 check bits of a code."""
    digest = blake2b(secret, digest_size=32, person=b"hx1-code-check").digest()
    return int.from_bytes(digest[:2], "big") >> (16 - _CHECK_BITS)


def invite_id(secret: bytes) -> bytes:
    """Return the id of the invitation, which is a part of its store key."""
    return derive(secret, b"hx1-invite-id")[:16]


def invite_key(secret: bytes) -> bytes:
    """Return the key that seals the invitation."""
    return derive(secret, b"hx1-invite-key")
