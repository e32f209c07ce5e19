"""Import origins: their names come from host names of any bytes."""

from __future__ import annotations

import pytest

from hx.core.merge import History
from hx.core.model import IMPORTED, MAX_LABEL_BYTES, Event, EventKey, Keys, Tombstone
from hx.core.query import Query
from hx.database.event_detail import device_names, name_origins, rename_device
from hx.database.join import join
from hx.database.queries.stats import DEVICE, tallies
from hx.database.queries.status import figures

AUTHOR, OTHER, ORIGIN = b"\x01" * 16, b"\x03" * 16, b"\x81" * 16

NAMES = {
    b"box": "box",
    b"caf\xc3\xa9": "café",
    b"h\xff": "h\ufffd",
    b"h\0x": "h\0x",
    b"h\n\x1b[31m": "h\n\x1b[31m",
    b"\xed\xa0\x80": "\ufffd\ufffd\ufffd",  # half of a surrogate pair
    b"h" * 100_000: "h" * MAX_LABEL_BYTES,
    b"\xff" * 30: "\ufffd" * (MAX_LABEL_BYTES // 3),
    b"": "laptop",
    None: "laptop",
}


@pytest.mark.parametrize("host", NAMES, ids=lambda host: repr(host)[:20])
def test_an_origin_is_named_after_its_host_or_else_its_author(database, host):
    event = Event(EventKey(1, ORIGIN, b"\xa0" * 16, 1), b"ls", b"", host=host, origin=IMPORTED)
    with database.transaction():
        rename_device(database, AUTHOR, "laptop")
        join(database, History(frozenset({event})))
        name_origins(database, AUTHOR)
    assert device_names(database)[ORIGIN] == NAMES[host]


def test_an_import_of_another_host_is_not_counted_as_a_device(database):
    with database.transaction():
        for author in (AUTHOR, ORIGIN):
            key = EventKey(5, author, author, 1)
            join(database, History(frozenset({Event(key, b"ls", b"")})))
        rename_device(database, AUTHOR, "laptop")
        rename_device(database, ORIGIN, "old server")
    assert figures(database).devices == 1


@pytest.mark.parametrize("device_id", [AUTHOR, OTHER])
def test_a_device_without_events_is_not_counted(database, device_id):
    keys = {author: EventKey(5, author, author, 1) for author in (AUTHOR, OTHER)}
    with database.transaction():
        join(database, History(frozenset(Event(key, b"ls", b"") for key in keys.values())))
        rename_device(database, AUTHOR, "laptop")
    assert figures(database).devices == 2
    tombstone = Tombstone(b"\x02" * 16, 9, AUTHOR, Keys(frozenset({keys[device_id]})))
    with database.transaction():
        join(database, History(tombstones=frozenset({tombstone})))
    assert figures(database).devices == len(tallies(database, Query(), DEVICE, int)) == 1
