"""Fixtures: a machine for one test, and its functions `hx(*args)` and `record(command, …)`."""

import pytest

from cli.machine import Machine


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def hx(machine):
    return machine.hx


@pytest.fixture
def record(machine):
    return machine.record
