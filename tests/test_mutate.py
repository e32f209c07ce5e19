"""`make mutate` reports the faults that the tests of a module do not notice."""

from __future__ import annotations

import pytest

from faults import mutants
from mutate import nearest, survivors
from reached import MOST_BYTES, forked

MODULE = '''"""A module, and not a fault."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    LEFT = 1


def youngest(ages):
    """The docstring says x = 1."""
    return [age for age in ages if age < 18]


def first_row(database):
    return database.execute("SELECT id FROM t WHERE a = 1 AND b < 2").fetchone()
'''


def faults(source):
    return {(mutant.line, mutant.new) for mutant in mutants(source)}


def test_faults_are_made_in_code_and_in_sql_and_in_nothing_else():
    made = faults(MODULE)
    assert {line for line, _ in made} == {10, 14}
    assert {new for line, new in made if line == 10} == {"(age <= 18)", "19", "(17)"}
    sql = [new for line, new in made if line == 14]
    assert len(sql) == 3
    assert any("a = 0 AND" in new for new in sql)
    assert any("= 1 OR b" in new for new in sql)
    assert any("b <= 2" in new for new in sql)


@pytest.mark.parametrize(
    ("source", "new"),
    [
        ("a and b", "(a or b)"),
        ("if not a:\n    b()", "(a)"),
        ("if a:\n    b()", "(not (a))"),
        ("a == b", "(a != b)"),
        ("raise a", "pass"),
        ("x = any(a)", "all"),
        ("x = True", "False"),
    ],
)
def test_each_kind_of_fault_is_made(source, new):
    assert new in {found for _, found in faults(source)}


@pytest.fixture
def tree(tmp_path):
    """Make a source tree with a module, and tests that do not check its limit of 18."""
    module = tmp_path / "src" / "hx" / "ages.py"
    module.parent.mkdir(parents=True)
    module.write_text("def is_young(age):\n    return age < 18\n")
    (module.parent / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["long"]\n')
    (tmp_path / "tests").mkdir()
    weak_test = "from hx.ages import is_young\n\n\ndef test_it():\n    assert is_young(3)\n"
    (tmp_path / "tests" / "test_ages.py").write_text(weak_test)
    return tmp_path


def test_unnoticed_faults_are_printed_with_their_line_and_the_module_is_not_changed(tree):
    module, lines = tree / "src" / "hx" / "ages.py", []
    before = module.read_text()
    assert nearest(module, tree) == [tree / "tests" / "test_ages.py"]
    tests = ["tests/test_ages.py"]
    unnoticed = survivors(module, tests, tree, lines.append)
    assert {mutant.new for mutant in unnoticed} == {"(age <= 18)", "19", "(17)"}
    assert "src/hx/ages.py:2: age < 18  ->  (age <= 18)" in lines
    assert module.read_text() == before
    strong_test = "    assert is_young(17)\n    assert not is_young(18)\n"
    with (tree / tests[0]).open("a") as file:
        file.write(strong_test)
    assert survivors(module, tests, tree, lines.append) == []


def test_the_nearest_tests_of_a_module_without_any_are_those_of_its_folder(tree):
    (tree / "tests" / "test_ages_of_others.py").touch()
    tests, source = tree / "tests", tree / "src" / "hx"
    both = [tests / "test_ages.py", tests / "test_ages_of_others.py"]
    assert nearest(source / "ages.py", tree) == both
    assert nearest(source / "folder" / "age.py", tree) == [tests]


def test_tests_that_fail_without_a_fault_are_an_error(tree):
    (tree / "tests" / "test_ages.py").write_text("def test_it():\n    assert False\n")
    with pytest.raises(SystemExit, match="do not pass"):
        survivors(tree / "src" / "hx" / "ages.py", ["tests/test_ages.py"], tree, print)


def test_tests_that_are_not_there_are_an_error(tree):
    with pytest.raises(SystemExit, match=r"cannot run .*test_absent"):
        survivors(tree / "src" / "hx" / "ages.py", ["tests/test_absent.py"], tree, print)


def test_a_fault_that_wants_all_memory_is_noticed():
    assert forked(lambda: len(bytearray(MOST_BYTES)) < 0, 10) == "failed"
    assert forked(lambda: len(bytearray(1000)) < 0, 10) == ""
