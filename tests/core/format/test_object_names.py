"""Store keys: every object has one, and nothing else is a store key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.format import object_names
from hx.core.format.object_names import (
    BLOB,
    GENESIS,
    INVITE,
    MANIFEST,
    SEGMENT,
    SLOT,
    Name,
    parsed,
    spelled,
    why_skipped,
)
from hx.core.format.verdict import CONFLICT_COPY, FOREIGN, TEMP

A, B, C = b"\xab" * 16, b"\x0c" * 16, b"\x01" * 16
KEYS = {
    Name(GENESIS): "hx-vault.hx",
    Name(MANIFEST, A, b"\x0c" * 8 + bytes(8), seq=42): (
        f"m/{'ab' * 16}-000000000042-{'0c' * 8}.hx"
    ),
    Name(SEGMENT, A, B): f"o/{'ab' * 16}/{'0c' * 16}.hx",
    Name(BLOB, A, B): f"b/{'ab' * 16}/0c/{'0c' * 16}.hx",
    Name(SLOT, A, B, C): f"k/{'0c' * 16}/{'01' * 16}-{'ab' * 16}.hx",
    Name(INVITE, object_id=B): f"j/{'0c' * 16}.hx",
}
SIXTEEN = st.binary(min_size=16, max_size=16)
names_of_all_kinds = st.one_of(
    st.just(Name(GENESIS)),
    st.builds(Name, st.sampled_from([SEGMENT, BLOB]), SIXTEEN, SIXTEEN),
    st.builds(Name, st.just(SLOT), SIXTEEN, SIXTEEN, SIXTEEN),
    st.builds(lambda thing: Name(INVITE, object_id=thing), SIXTEEN),
    st.builds(
        lambda device, rand, seq: Name(MANIFEST, device, rand[:8] + bytes(8), seq=seq),
        SIXTEEN,
        SIXTEEN,
        st.integers(1, 10**12 - 1),
    ),
)


@pytest.mark.parametrize(("name", "key"), KEYS.items(), ids=list(KEYS.values()))
def test_each_kind_has_its_place(name, key):
    assert spelled(name) == key
    assert parsed(key) == name


@given(names_of_all_kinds)
def test_a_key_names_exactly_one_object(name):
    assert parsed(spelled(name)) == name


@pytest.mark.parametrize("key", KEYS.values())
def test_nothing_near_a_key_is_one(key):
    near = [
        key.upper(),
        key + "\n",
        " " + key,
        "/" + key,
        "./" + key,
        key + ".hx",
        key.removesuffix(".hx"),
        key.replace(".", "_"),
        key.replace("/", "//") + "/",
        key.replace("-", "--"),
        key.replace("0", "\u0660", 1) + "\0",
    ]
    assert [one for one in near if one != key and parsed(one)] == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"m/{'ab' * 16}-000000000000-{'0c' * 8}.hx",  # seqs begin with 1
        f"m/{'ab' * 16}-42-{'0c' * 8}.hx",
        f"m/{'ab' * 16}-\u0660{'0' * 10}1-{'0c' * 8}.hx",
        f"b/{'ab' * 16}/0d/{'0c' * 16}.hx",  # another folder than its first byte
        f"o/{'ab' * 15}/{'0c' * 16}.hx",
        f"o/{'AB' * 16}/{'0c' * 16}.hx",
        f"x/{'ab' * 16}/{'0c' * 16}.hx",
    ],
)
def test_what_looks_like_a_key_is_none(key):
    assert parsed(key) is None


@given(st.text(max_size=80))
def test_any_text_is_a_key_that_spells_itself_or_none(text):
    name = parsed(text)
    assert name is None or spelled(name) == text


def test_prefixes_hold_what_they_say():
    every = {name.kind: key for name, key in KEYS.items()}
    assert every[MANIFEST].startswith(object_names.MANIFESTS)
    assert every[MANIFEST].startswith(object_names.manifests_of(A))
    assert every[SEGMENT].startswith(object_names.segments_of(A))
    assert every[BLOB].startswith(object_names.blobs_of(A))
    assert every[SLOT].startswith(object_names.SLOTS)
    assert every[SLOT].startswith(object_names.slots_for(B))
    assert every[INVITE].startswith(object_names.INVITES)
    assert every[GENESIS] == object_names.VAULT_KEY


SEGMENT_BASE = "0c" * 16


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        (f"~hx-{'ab' * 16}-8f3a.tmp", TEMP),
        (f".syncthing.{SEGMENT_BASE}.hx.tmp", TEMP),
        (f"~syncthing~{SEGMENT_BASE}.hx.tmp", TEMP),
        (f"{SEGMENT_BASE}.sync-conflict-20261124-101500-ABCDEFG.hx", CONFLICT_COPY),
        (f"{SEGMENT_BASE} (Ann's conflicted copy 2026-11-24).hx", CONFLICT_COPY),
        (f"{SEGMENT_BASE} (1).hx", CONFLICT_COPY),
        (".stfolder", FOREIGN),
        (".DS_Store", FOREIGN),
        ("desktop.ini", FOREIGN),
        ("holiday.jpg", FOREIGN),
        ("", FOREIGN),
    ],
)
def test_what_is_no_object_is_passed_over_for_a_reason(base, reason):
    for key in (f"o/{'ab' * 16}/{base}", base):
        assert parsed(key) is None
        assert why_skipped(key) == reason
