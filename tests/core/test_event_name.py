"""Names of events: they are the same on every device, and any prefix finds them."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.event_name import ALPHABET, LENGTH, SHORT, digest64, ident, span, spelled
from hx.core.model import EventKey

KEY = EventKey(1_700_000_000_000_000, b"\x0d" * 16, b"\xaa" * 16, 7)
keys = st.builds(
    EventKey,
    st.integers(-(2**63), 2**63 - 1),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**63 - 1),
)


def test_an_ident_is_60_bits_of_a_hash_of_the_key():
    """Other programs and later versions must derive the same names, so the bits are tested."""
    data = (
        (1_700_000_000_000_000).to_bytes(8, "big")
        + b"\x0d" * 16
        + b"\xaa" * 16
        + (7).to_bytes(8, "big")
    )
    digest = blake2b(data, digest_size=8, person=b"hx1-event-ident\0").digest()
    assert ident(KEY) == int.from_bytes(digest, "big") >> 4
    assert spelled(ident(KEY)) == "546cg8eyyxy0"
    others = [KEY._replace(started_at_us=8), KEY._replace(device_id=b"\x0e" * 16),
              KEY._replace(session_id=b"\xab" * 16), KEY._replace(seq=8)]  # fmt: skip
    assert len({ident(key) for key in [KEY, *others]}) == 5


@given(keys, st.binary(max_size=40))
def test_hashes_are_those_of_the_bytes_also_below_zero(key, text):
    data = key[0].to_bytes(8, "big", signed=True) + key[1] + key[2] + key[3].to_bytes(8, "big")
    digest = blake2b(data, digest_size=8, person=b"hx1-event-ident").digest()
    assert ident(key) == int.from_bytes(digest, "big") >> 4
    short = blake2b(text, digest_size=8).digest()
    assert digest64(text) == int.from_bytes(short, "big", signed=True)


@given(keys)
def test_every_prefix_of_a_name_finds_it(key):
    number = ident(key)
    name = spelled(number)
    assert 0 <= number < 1 << 60
    assert len(name) == LENGTH
    assert set(name) <= set(ALPHABET)
    assert name.startswith(spelled(number, SHORT))
    for length in range(1, LENGTH + 1):
        low, high = span(name[:length])
        assert low <= number < high
        assert high - low == 32 ** (LENGTH - length)
    assert span(name) == (number, number + 1)


@given(st.integers(0, 2**60 - 1), st.integers(0, 2**60 - 1))
def test_names_sort_as_their_numbers_do(first, second):
    assert (spelled(first) < spelled(second)) == (first < second)


def test_letters_that_look_like_digits_are_read_as_digits():
    assert span("O1iL") == span("0111")
    assert span("K7") == span("k7")


@pytest.mark.parametrize(
    "text", ["", "u", "k-7", "k 7", "\u0661", "0" * 13, "\u00e9", "%", "\u017f"]
)
def test_a_text_that_is_no_name_has_no_span(text):
    assert span(text) is None


@given(st.binary())
def test_a_digest_fits_an_integer_of_sqlite(data):
    assert -(2**63) <= digest64(data) < 2**63
    digest = blake2b(data, digest_size=8).digest()
    assert digest64(data) % 2**64 == int.from_bytes(digest, "big")
