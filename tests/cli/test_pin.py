"""Which session `hx pin` pins, and that the last pin wins even if a clock was wrong."""

import os
import time

import pytest

from cli.machine import OTHER_DEVICE, OTHER_SESSION, SESSION
from hx.core.merge import History
from hx.core.model import Pin
from hx.database.join import join


def pins(machine):
    with machine.database() as database:
        rows = database.execute("SELECT session_id, pinned FROM pin")
        return {session.hex(): bool(pinned) for session, pinned in rows}


@pytest.fixture
def two_sessions(record):
    record("make", session=SESSION)
    record("ls", session=OTHER_SESSION)


@pytest.mark.usefixtures("two_sessions")
class TestWhichSession:
    def test_it_is_the_session_of_this_shell(self, machine, hx):
        assert hx("pin", env={"HX_SESSION": SESSION}).out == f"pinned: session {SESSION}\n"
        assert pins(machine) == {SESSION: True}

    def test_outside_a_recorded_shell_it_is_the_last(self, machine, hx):
        hx("pin")
        assert pins(machine) == {OTHER_SESSION: True}

    def test_with_last_it_is_the_last_other_than_this_one(self, machine, hx):
        hx("pin", "--last", env={"HX_SESSION": OTHER_SESSION})
        assert pins(machine) == {SESSION: True}

    def test_the_first_digits_of_its_id_name_it(self, machine, hx):
        assert hx("pin", SESSION[:18], OTHER_SESSION.upper()).code == 0
        assert pins(machine) == {SESSION: True, OTHER_SESSION: True}

    def test_the_name_of_an_event_in_it_names_it(self, machine, hx):
        hx("pin", hx("find", "--json", "make").json[0]["id"])
        assert pins(machine) == {SESSION: True}

    def test_digits_that_two_share_pin_none(self, machine, hx):
        result = hx("pin", "00064")
        assert (result.code, result.out) == (2, "")
        assert "several sessions" in result.err
        assert pins(machine) == {}

    def test_one_unknown_name_pins_none(self, machine, hx):
        result = hx("pin", SESSION, "zzzzzz")
        assert (result.code, result.out) == (1, "")
        assert "zzzzzz" in result.err
        assert pins(machine) == {}

    def test_last_and_a_name_exclude_each_other(self, hx):
        assert hx("pin", "--last", SESSION).code == 2


def test_without_a_session_the_exit_code_is_1(hx):
    assert hx("pin").code == hx("unpin", "--last").code == 1


def test_unpin_undoes_a_pin(machine, hx, record):
    record("make")
    hx("pin")
    assert hx("unpin").out == f"unpinned: session {SESSION}\n"
    assert pins(machine) == {SESSION: False}
    assert hx("unpin").out == f"unpinned: session {SESSION} (it was already)\n"


def test_a_pin_from_a_fast_clock_can_be_undone(machine, hx, record):
    record("make")
    ahead_us = time.time_ns() // 1000 + 10**12
    future_pin = Pin(bytes.fromhex(SESSION), True, ahead_us, OTHER_DEVICE)
    with machine.database() as database, database.transaction():
        join(database, History(pins=frozenset([future_pin])))
    hx("unpin", SESSION)
    assert pins(machine) == {SESSION: False}


def test_a_pinned_session_can_be_forgotten(machine, hx, record):
    record("make")
    hx("pin")
    hx("forget", "--session", SESSION, "--yes")
    assert hx("find").code == 1
    assert os.path.exists(machine.home)
