"""A command line of hx that is forked behaves as one that is started anew."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest

from cli.forks import HX, run_to_its_end
from cli.machine import SESSION, Machine
from cli.vaults import vault


@pytest.fixture
def both_ways(machine, monkeypatch):
    """Run a command line of the machine anew and forked; return both results."""

    def run(*arguments, **options):
        monkeypatch.setenv("HX_TESTS_START", "anew")
        anew = machine.hx(*arguments, **options)
        monkeypatch.delenv("HX_TESTS_START")
        return anew, machine.hx(*arguments, **options)

    return run


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["--version"], 0),
        (["find", "--help"], 0),  # argparse ends it
        (["find", "--all", "--json"], 0),
        (["find", b"gr\xc3\xbc\xff", "--all"], 0),
        (["find", "--exit"], 2),
        (["fnd"], 2),
        (["sync"], 6),
        (["config"], 0),
    ],
    ids=str,
)
def test_it_prints_the_same_and_ends_with_the_same_code(machine, both_ways, line, code):
    machine.record("make")
    machine.record(b"echo gr\xc3\xbc\xff")
    machine.hx("find")
    anew, forked = both_ways(*line)
    assert anew == forked
    assert forked.code == code


def test_it_has_the_folder_and_the_variables_that_are_given(machine, both_ways, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    machine.record("make", cwd=inner)
    machine.record("ls")
    machine.hx("find")
    anew, forked = both_ways("find", "--here", "--json", cwd=inner)
    assert anew.commands == forked.commands == ["make"]
    for each in both_ways("pin", env={"HX_SESSION": SESSION}):
        assert SESSION in each.out


def test_it_has_the_input_that_is_given(machine, both_ways, tmp_path):
    at = ("--store", f"folder:{_folder(tmp_path / 'store')}", "--custody", "file")
    assert Machine(_folder(tmp_path / "other")).hx("sync", "init", *at, "--json").code == 0
    errors = set()
    for given in ("abandon " * 100_000, None):
        anew, forked = both_ways("sync", "recover", *at, "--words-file", "-", stdin=given)
        assert anew == forked
        errors.add(forked.err)
    assert len(errors) == 2


def test_it_has_the_time_zone_that_is_given(machine, both_ways):
    machine.record("make", at=1_700_000_000_000_000)
    printed = {
        zone: both_ways("show", machine.hx("find", "--json").json[0]["id"], env={"TZ": zone})
        for zone in ("Asia/Tokyo", "America/New_York", "Asia/Tokyo-1")
    }
    assert all(anew == forked for anew, forked in printed.values())
    assert printed["Asia/Tokyo"] != printed["America/New_York"]


def _folder(path):
    path.mkdir()
    return path


def test_it_has_the_umask_of_the_caller(tmp_path):
    modes = set()
    for umask in (0o022, 0o077):
        before = os.umask(umask)
        try:
            (member,) = vault(_folder(tmp_path / oct(umask)), "laptop")
        finally:
            os.umask(before)
        files = [path for path in member.folder.rglob("*") if path.is_file()]
        (mode,) = {path.stat().st_mode & 0o777 for path in files}
        modes.add(mode)
    assert modes == {0o644, 0o600}


def test_several_at_a_time_each_have_their_own_result(machine):
    machine.record("make")
    results = {}

    def run(word):
        results[word] = machine.hx(word)

    threads = [threading.Thread(target=run, args=(word,)) for word in ("--version", "find", "fnd")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {word: result.code for word, result in results.items()} == {
        "--version": 0,
        "find": 0,
        "fnd": 2,
    }


def test_one_that_takes_too_long_is_ended_and_the_next_one_runs(machine, tmp_path):
    environment = {"LANG": "C.UTF-8", "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    with pytest.raises(subprocess.TimeoutExpired):
        run_to_its_end([HX, "sync"], input=None, env=environment, cwd=tmp_path, timeout=0)
    assert machine.hx("--version").code == 0
