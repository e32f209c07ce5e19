"""The vault file: what shows that a place is this vault's, and what is never replaced."""

from __future__ import annotations

import pytest

from hx.core.errors import NotAVault
from hx.core.format import genesis, object_names
from hx.core.format.keys import generate
from hx.sync.pull import require_vault
from hx.sync.push import mend_vault_file
from sync.cluster import new_cluster

KEY = object_names.VAULT_KEY


@pytest.fixture
def laptop():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster.devices[0]


def other_vault_file():
    return genesis.make(1, 5, generate(), generate())[0]


def without_manifests(laptop):
    for key in [key for key in laptop.view.held if key.startswith("m/")]:
        del laptop.view.held[key]
    context = laptop.context()
    context.list_manifests()
    return context


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is missing"), (b"", "is damaged"), (other_vault_file(), "another vault")],
)
def test_without_a_known_manifest_only_the_pinned_vault_file_will_do(laptop, content, message):
    context = without_manifests(laptop)
    require_vault(context)
    laptop.view.held.pop(KEY)
    if content is not None:
        laptop.view.held[KEY] = content
    with pytest.raises(NotAVault, match=message):
        require_vault(context)
    mend_vault_file(context)
    assert laptop.view.held.get(KEY) == content


@pytest.mark.parametrize("content", [None, b"", b"HXS1"])
def test_what_is_lost_is_put_back_where_a_known_head_lies(laptop, content):
    pinned = laptop.view.held.pop(KEY)
    if content is not None:
        laptop.view.held[KEY] = content
    context = laptop.context()
    context.list_manifests()
    mend_vault_file(context)
    assert laptop.view.held[KEY] == pinned
    assert context.vault_file_restored


def test_a_valid_vault_file_of_another_vault_is_never_replaced(laptop):
    pinned, other = laptop.view.held[KEY], other_vault_file()
    laptop.view.held[KEY] = other
    context = laptop.context()
    context.list_manifests()
    mend_vault_file(context)
    assert laptop.view.held[KEY] == other
    assert laptop.view.held[object_names.vault_file_of(context.vault.vault_id)] == pinned
    assert not context.vault_file_restored
