"""What a server may send instead of SFTP: each is one of two errors, and memory stays bounded."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.stores import Denied
from hx.stores.ssh import packets
from hx.stores.ssh.packets import Attributes, Malformed, Reader
from hx.stores.ssh.sftp import AT_ONCE, BLOCK, Sftp

HELLO = b"\0\0\0\5\2\0\0\0\3"


class EndedError(Exception):
    pass


class Wire:
    """Bytes that a server sends, and those that it has got; at the end of them it is gone."""

    def __init__(self, data):
        self._data = data
        self.got = bytearray()

    def write(self, data):
        self.got += data

    def read(self, length):
        if length > len(self._data):
            raise EndedError
        part, self._data = self._data[:length], self._data[length:]
        return part


def status(request, code):
    body = struct.pack(">BIII", packets.STATUS, request, code, 0) + bytes(4)
    return struct.pack(">I", len(body)) + body


FRAMED = st.tuples(st.sampled_from([101, 102, 103, 104, 105, 201]), st.binary(max_size=60)).map(
    lambda each: struct.pack(">IB", len(each[1]) + 1, each[0]) + each[1]
)


@given(st.one_of(st.binary(max_size=200), st.lists(FRAMED, max_size=6).map(b"".join)))
def test_whatever_a_server_sends_is_an_error_of_the_session(data):
    for wire in (Wire(data), Wire(HELLO + data)):
        try:
            session = Sftp(wire, "box")
            for answer in session.ask((packets.LSTAT, b""), (packets.READDIR, b"")):
                assert answer.code >= 0
                for read in (packets.names, packets.room, lambda body: Reader(body).attributes()):
                    try:
                        read(answer.body)
                    except Malformed:
                        continue
            session.entries(b"handle")
        except (EndedError, Denied, Malformed):
            continue


def test_answers_may_come_in_any_order():
    session = Sftp(Wire(HELLO + status(2, 4) + status(1, 3) + status(3, 0)), "box")
    answers = session.ask(*[(packets.REMOVE, b"")] * 3)
    assert [answer.code for answer in answers] == [3, 4, 0]


def test_no_more_requests_wait_than_the_pipe_can_hold():
    count = 3 * AT_ONCE
    wire = Wire(HELLO + b"".join(status(number, 0) for number in range(1, count + 1)))
    session = Sftp(wire, "box")
    most = 0

    def requests():
        nonlocal most
        for number in range(count):
            most = max(most, number - done)
            yield packets.WRITE, bytes(BLOCK)

    done = 0
    for _ in session.ask_many(requests()):
        done += 1
    assert done == count
    assert most <= AT_ONCE


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        (struct.pack(">I", 0), Attributes(None, None)),
        (struct.pack(">IQ", 1, 7), Attributes(7, None)),
        (struct.pack(">IQIIIII", 15, 7, 1, 2, 0o644, 3, 4), Attributes(7, 0o644)),
        (
            struct.pack(">III", 0x80000000, 1, 1) + b"a" + struct.pack(">I", 0),
            Attributes(None, None),
        ),
    ],
)
def test_attributes_are_read_as_the_draft_says(body, attributes):
    reader = Reader(body)
    assert reader.attributes() == attributes
    assert reader.is_at_end
