"""Object names: every object has one store key, and no other text is a store key."""

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
    MOVED,
    NOTICE,
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
    Name(NOTICE, A, B): f"k/{'0c' * 16}/notice-{'ab' * 16}.hx",
    Name(INVITE, object_id=B): f"j/{'0c' * 16}.hx",
    Name(GENESIS, object_id=B): f"hx-vault-{'0c' * 16}.hx",
    Name(MOVED, A, b"\x0c" * 8 + bytes(8)): f"m/moved-{'ab' * 16}-{'0c' * 8}.hx",
}
SIXTEEN = st.binary(min_size=16, max_size=16)
names_of_all_kinds = st.one_of(
    st.just(Name(GENESIS)),
    st.builds(Name, st.sampled_from([SEGMENT, BLOB]), SIXTEEN, SIXTEEN),
    st.builds(Name, st.just(SLOT), SIXTEEN, SIXTEEN, SIXTEEN),
    st.builds(lambda device, object_id: Name(NOTICE, device, object_id), SIXTEEN, SIXTEEN),
    st.builds(lambda object_id: Name(INVITE, object_id=object_id), SIXTEEN),
    st.builds(lambda vault_id: Name(GENESIS, object_id=vault_id), SIXTEEN),
    st.builds(lambda device, rand: Name(MOVED, device, rand[:8] + bytes(8)), SIXTEEN, SIXTEEN),
    st.builds(
        lambda device, rand, seq: Name(MANIFEST, device, rand[:8] + bytes(8), seq=seq),
        SIXTEEN,
        SIXTEEN,
        st.integers(1, 10**12 - 1),
    ),
)


@pytest.mark.parametrize(("name", "key"), KEYS.items(), ids=list(KEYS.values()))
def test_each_kind_has_its_form_of_key(name, key):
    assert spelled(name) == key
    assert parsed(key) == name


@given(names_of_all_kinds)
def test_a_key_names_exactly_one_object(name):
    assert parsed(spelled(name)) == name


@pytest.mark.parametrize("key", KEYS.values())
def test_a_variation_of_a_key_is_no_key(key):
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
    assert [text for text in near if text != key and parsed(text)] == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"m/{'ab' * 16}-000000000000-{'0c' * 8}.hx",  # seq numbers begin with 1
        f"m/{'ab' * 16}-42-{'0c' * 8}.hx",
        f"m/{'ab' * 16}-\u0660{'0' * 10}1-{'0c' * 8}.hx",
        f"b/{'ab' * 16}/0d/{'0c' * 16}.hx",  # a folder that is not its first byte
        f"o/{'ab' * 15}/{'0c' * 16}.hx",
        f"o/{'AB' * 16}/{'0c' * 16}.hx",
        f"x/{'ab' * 16}/{'0c' * 16}.hx",
        f"hx-vault-{'00' * 16}.hx",  # no vault has this id
    ],
)
def test_a_text_similar_to_a_key_is_no_key(key):
    assert parsed(key) is None


@given(st.text(max_size=80))
def test_any_text_is_no_key_or_the_key_of_its_name(text):
    name = parsed(text)
    assert name is None or spelled(name) == text


def test_prefixes_select_their_kinds():
    keys = {name.kind: key for name, key in KEYS.items() if name != Name(GENESIS, object_id=B)}
    assert keys[MANIFEST].startswith(object_names.MANIFESTS)
    assert keys[MANIFEST].startswith(object_names.manifests_of(A))
    assert keys[SEGMENT].startswith(object_names.segments_of(A))
    assert keys[BLOB].startswith(object_names.blobs_of(A))
    assert keys[SLOT].startswith(object_names.SLOTS)
    assert keys[SLOT].startswith(object_names.slots_for(B))
    assert keys[INVITE].startswith(object_names.INVITES)
    assert keys[MOVED].startswith(object_names.MANIFESTS)
    assert keys[GENESIS] == object_names.VAULT_KEY
    assert KEYS[Name(GENESIS, object_id=B)].startswith(object_names.KEPT_VAULT_FILES)


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
def test_a_file_that_is_no_object_is_skipped_for_a_reason(base, reason):
    for key in (f"o/{'ab' * 16}/{base}", base):
        assert parsed(key) is None
        assert why_skipped(key) == reason
