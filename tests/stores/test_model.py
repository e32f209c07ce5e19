"""Any calls in any order: a store behaves as a dictionary that refuses to overwrite."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hx.stores import Exists, Missing, StoredObject
from stores.objects import DEVICE, OTHER, blob, manifest, segment

KEYS = [segment(1), segment(2), segment(1, OTHER), blob(1), manifest(1), manifest(2, OTHER)]
PREFIXES = ["", "m/", "o/", f"o/{DEVICE.hex()}/", "b", "k/", "zzz"]
CALLS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(KEYS), st.sampled_from([b"", b"a", b"ab", b"b"])),
    st.tuples(st.just("get"), st.sampled_from(KEYS), st.integers(0, 3)),
    st.tuples(st.just("delete"), st.sampled_from(KEYS), st.none()),
    st.tuples(st.just("list"), st.sampled_from(PREFIXES), st.none()),
)


def expected(model, operation, key, value):
    """Return what a call should return, and apply the call to the model."""
    if operation == "list":
        return sorted(
            StoredObject(name, len(data)) for name, data in model.items() if name.startswith(key)
        )
    if operation == "get":
        return model[key][: value + 1] if key in model else Missing
    if operation == "delete":
        model.pop(key, None)
        return None
    return None if model.setdefault(key, value) == value else Exists


def returned(store, operation, key, value):
    arguments = () if value is None else (value,)
    try:
        result = getattr(store, operation)(key, *arguments)
        return sorted(result) if operation == "list" else result
    except (Exists, Missing) as error:
        return type(error)


@pytest.mark.parametrize("kind", ["in_memory", "on_tmpfs"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(calls=st.lists(CALLS, max_size=20))
def test_a_store_is_a_dictionary_that_refuses_to_overwrite(kind, request, calls):
    place = request.getfixturevalue(kind)
    model: dict[str, bytes] = {}
    store = place.open()
    for call in calls:
        assert returned(store, *call) == expected(model, *call), call
    for entry in store.list(""):
        store.delete(entry.key)
    if kind == "on_tmpfs":
        assert place.files() == set()
        shutil.rmtree(place.path)
        place.path.mkdir()
