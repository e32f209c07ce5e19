"""Recovery words and invitation codes: they are read as written, and typos are detected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.errors import InputError
from hx.core.event_name import ALPHABET
from hx.core.format import keys, phrases

secrets = st.binary(min_size=16, max_size=16)
# test vectors of BIP-39 (github.com/trezor/python-mnemonic/blob/master/vectors.json)
ZERO_WORDS = "abandon " * 11 + "about"
LETTER_WORDS = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"


@pytest.mark.parametrize(
    ("entropy", "words"), [(bytes(16), ZERO_WORDS), (b"\x80" * 16, LETTER_WORDS)]
)
def test_recovery_words_are_those_of_bip39(entropy, words):
    assert phrases.words_of(entropy) == words.split()
    assert phrases.entropy_of(words) == entropy


@given(secrets)
def test_recovery_words_are_read_as_they_were_written(entropy):
    words = phrases.words_of(entropy)
    assert len(words) == 12
    assert phrases.entropy_of("  " + "\n".join(words).upper()) == entropy


def test_a_wrong_recovery_word_is_reported_with_the_nearest_word():
    with pytest.raises(InputError) as caught:
        phrases.entropy_of(LETTER_WORDS.replace("doctor", "docter"))
    assert "word 6" in caught.value.message
    assert caught.value.hint == "did you mean doctor?"
    with pytest.raises(InputError, match="word 1 ") as caught:
        phrases.entropy_of("qqqqqqqq " + LETTER_WORDS)
    assert caught.value.hint == "compare it with the sheet"


@pytest.mark.parametrize("text", ["", "letter advice", LETTER_WORDS + " letter"])
def test_too_few_or_too_many_recovery_words_are_counted(text):
    with pytest.raises(InputError, match="there must be 12 recovery words"):
        phrases.entropy_of(text)


def test_swapped_recovery_words_are_detected():
    with pytest.raises(InputError, match="do not fit together"):
        phrases.entropy_of(LETTER_WORDS.replace("amount doctor", "doctor amount"))


@given(secrets)
def test_words_and_codes_are_told_apart(secret):
    words, code = " ".join(phrases.words_of(secret)), phrases.code_of(secret)
    with pytest.raises(InputError, match="these are recovery words") as raised:
        phrases.secret_of(words)
    assert "hx sync recover" in raised.value.hint
    with pytest.raises(InputError, match="this is an invitation code") as raised:
        phrases.entropy_of(code)
    assert "hx sync join" in raised.value.hint


def test_recovery_keys_are_derived_from_the_entropy():
    entropy = bytes(range(16))
    recovery = keys.recovery_keys(entropy)
    assert recovery.sign_seed == keys.derive(entropy, b"hx1-rec-sign")
    assert recovery.box_seed == keys.derive(entropy, b"hx1-rec-box")


@given(secrets, st.sampled_from(["", " ", "-", "\t"]), st.booleans())
def test_a_code_is_read_in_any_grouping_and_case(secret, gap, upper):
    code = phrases.code_of(secret)
    assert [len(group) for group in code.split("-")] == [4] * 7
    typed = code.replace("-", gap)
    assert phrases.secret_of(typed.upper() if upper else typed) == secret
    assert phrases.secret_of(typed.replace("1", "l").replace("0", "O")) == secret


def test_a_code_with_one_letter_wrong_is_refused():
    """With 12 check bits one typo in 4,096 passes; none of these 868 does."""
    code = phrases.code_of(bytes(range(16))).replace("-", "")
    for place, right in enumerate(code):
        for letter in set(ALPHABET) - {right}:
            with pytest.raises(InputError, match="mistyped"):
                phrases.secret_of(code[:place] + letter + code[place + 1 :])


@pytest.mark.parametrize("typed", ["", "abcd", "0" * 27, "0" * 29])
def test_a_code_of_another_length_is_refused(typed):
    with pytest.raises(InputError, match=f"this one has {len(typed)}"):
        phrases.secret_of(typed)


@pytest.mark.parametrize("letter", ["u", "!", "\u0661", "\u00e9"])
def test_a_letter_that_no_code_contains_is_reported(letter):
    with pytest.raises(InputError, match="an invitation code cannot contain"):
        phrases.secret_of("0" * 27 + letter)


def test_name_and_key_of_an_invitation_are_derived_separately():
    secret = bytes(range(16))
    assert phrases.invite_id(secret) == keys.derive(secret, b"hx1-invite-id")[:16]
    assert phrases.invite_key(secret) == keys.derive(secret, b"hx1-invite-key")
    assert len({phrases.new_secret(), phrases.new_secret()}) == 2


def test_a_fingerprint_is_written_as_words_of_its_first_bits():
    digest = bytes([0b00000000, 0b00100000, 0b00001000]) + b"\xff" * 29
    assert phrases.fingerprint_words(digest, 2) == ["ability", "able"]
    words = phrases.fingerprint_words(digest)
    assert len(words) == 6
    assert words[2:] == [phrases.fingerprint_words(digest, 6)[2], *["zoo"] * 3]


SHEET = phrases.words_of(bytes(range(16)))


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"{n:>4} {word:<10}" for n, word in enumerate(SHEET, 1)),
        " ".join(f"{n}. {word}" for n, word in enumerate(SHEET, 1)),
        "\r\n".join(f"{n}) {word.title()}" for n, word in enumerate(SHEET, 1)),
        "".join(f"{n}{word}" for n, word in enumerate(SHEET, 1)),
        ", ".join(SHEET),
        " ".join(f"\u201c{word}\u201d" for word in SHEET),
        "\ufeff" + "\u00a0".join(SHEET),
        "- " + "\n- ".join(SHEET),
        # a sheet of two columns that is copied one column after the other
        "\n".join(f"{n} {SHEET[n - 1]}" for n in [*range(1, 13, 2), *range(2, 13, 2)]),
    ],
)
def test_a_sheet_is_read_however_its_words_are_set_apart(text):
    assert phrases.entropy_of(text) == bytes(range(16))
