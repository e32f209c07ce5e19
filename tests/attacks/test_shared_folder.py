"""Another user of the machine may write into the folder of hx."""

from __future__ import annotations

import pytest

from cli.machine import Machine
from cli.vaults import is_error


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
@pytest.mark.parametrize(
    "line",
    [("find", "make"), ("last",), ("status",), ("setup", "--yes", "--shell", "bash"), ("import",)],
    ids=lambda line: line[0],
)
def test_no_command_opens_the_history_or_writes_a_hook_where_others_may_write(tmp_path, mode, line):
    machine = Machine(tmp_path)
    machine.home.mkdir()
    machine.home.chmod(mode)
    assert is_error(machine.hx(*line), 8, "other users may write into", "chmod 700")
    assert list(machine.home.iterdir()) == []


def test_doctor_names_the_folder_that_others_may_write_into(tmp_path):
    machine = Machine(tmp_path)
    machine.hx("find")
    machine.home.chmod(0o777)
    result = machine.hx("doctor")
    assert result.code == 8, result
    assert f"chmod 700 {machine.home}" in result.out
