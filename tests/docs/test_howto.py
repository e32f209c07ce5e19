"""CONTRIBUTING.md says all that a new command, shell, importer and store need.

Each test does what the steps of a page say in a fresh copy of the tree, and looks whether the toy
works there and the tests of the copy know it. If the page lacks any one of the steps, they fail.
"""

from __future__ import annotations

import json

import pytest

from docs import toys
from docs.howto import Guide, Step, TreeCopy, follow, follow_and_check, numbered

TABLE, GENERATE = "src/hx/cli/table.py", "tests/docs/generate.py"
SHELLS, TERMINAL = "src/hx/shells/__init__.py", "tests/shells/terminal.py"
REGISTRY, ABOUT = "src/hx/importers/registry.py", "src/hx/cli/commands/import_.py"
FORMATS, SOURCES = "tests/importers/test_formats.py", "tests/cli/sync/test_imports.py"
FOREIGN, TOOLS = "tests/importers/foreign_databases.py", "tests/importers/test_foreign_databases.py"
STORES, PLACES = "src/hx/stores/__init__.py", "tests/stores/conftest.py"


def write(says, name, text):
    return Step(says, lambda tree: tree.write(name, text))


def insert(says, name, before, text):
    return Step(says, lambda tree: tree.insert(name, before, text))


def append(says, name, text):
    return Step(says, lambda tree: tree.append(name, text))


MAKE_DOCS = Step("`make docs`", TreeCopy.make_docs)


# The page of the messages is made from the whole source, in seconds: one check of it is enough.
_GENERATED = "(generated and not messages)"


def check_command(tree):
    assert "count toys" in tree.hx("--help")
    assert tree.hx("toys", "events") == "events 0\n"
    tree.pytest("tests/docs/test_docs.py", "-k", "generated or toys")
    tree.pytest("tests/cli/test_toys.py")


A_COMMAND = Guide(
    "How to add a command",
    (
        write("`src/hx/cli/commands/NAME.py`", "src/hx/cli/commands/toys.py", toys.COMMAND),
        insert("`COMMANDS`", TABLE, '"completions": Command(', toys.COMMAND_ROW),
        insert("`OBJECTS`", GENERATE, '"doctor": {', toys.COMMAND_JSON),
        MAKE_DOCS,
        write("`tests/cli/test_NAME.py`", "tests/cli/test_toys.py", toys.COMMAND_TEST),
    ),
    check_command,
)


def check_shell(tree):
    tree.program("toy", toys.SHELL_PROGRAM)
    (tree.home / ".toyrc").write_text("# mine\n")
    assert tree.hx("completions", "toy") == "complete hx\n"
    assert "__hx" in tree.hx("init", "toy", "--off")
    assert ".toyrc" in tree.hx("setup", "--shell", "toy", "--yes")
    assert "hook.toy" in (tree.home / ".toyrc").read_text()
    tree.hx("setup", "--undo", "--yes")
    assert (tree.home / ".toyrc").read_text() == "# mine\n"
    tree.pytest("tests/docs/test_docs.py", "-k", f"{_GENERATED} or toy")
    tree.pytest("tests/shells/test_every_shell.py", "-k", "toy and becomes_one_event")


def hook(says, name):
    text = toys.hook_of_bash(name)
    return write(says, f"src/hx/shells/hooks/{name}.toy", text)


A_SHELL = Guide(
    "How to add a shell",
    (
        insert("`src/hx/shells/__init__.py`", SHELLS, "Shell(\n            FISH,", toys.SHELL),
        hook("`src/hx/shells/hooks/hx.NAME`", "hx"),
        hook("`hx-keys.NAME`", "hx-keys"),
        hook("`hx-off.NAME`", "hx-off"),
        write(
            "`src/hx/shells/completions/hx.NAME`",
            "src/hx/shells/completions/hx.toy",
            "complete hx\n",
        ),
        insert("`LOAD`", "tests/docs/test_docs.py", '"zsh": (\n        ["-f"]', toys.SHELL_LOAD),
        MAKE_DOCS,
        insert("it to `SHELLS`", TERMINAL, '"zsh", "fish")\nPOSIX', '"toy", '),
        insert("`PROMPT`", TERMINAL, 'RC_FILE = {"bash"', 'PROMPT["toy"] = PROMPT["bash"]\n'),
        insert("`RC_FILE`", TERMINAL, '"zsh": ".zshrc"', '"toy": ".toyrc", '),
    ),
    check_shell,
)


def check_importer(tree):
    assert "toy" in tree.hx("import", "--help")
    tree.pytest("tests/docs/test_docs.py", "-k", f"{_GENERATED} or import")
    tree.pytest(SOURCES, "-k", "toy or each")


def check_text(tree):
    log = tree.home / ".local/share/toy/log"
    log.parent.mkdir(parents=True)
    log.write_text("@1700000000 make toys\nwhat\n@1700000001 paint toys\n")
    (result,) = json.loads(tree.hx("import", "--json"))
    assert (result["kind"], result["new"]) == ("toy", 2)
    assert result["unreadable"] == [{"reason": "line without a time", "count": 1}]
    assert tree.hx("import").startswith(f"{log}: 0 new, 2 imported before")
    assert "paint toys" in tree.hx("find", "paint")
    tree.pytest(FORMATS, "-k", "toy or each")
    check_importer(tree)


OF_EVERY_IMPORTER = (
    insert("`_ABOUT`", ABOUT, "atuin, hishtory, mcfly or", "toy, "),
    insert("`SOURCES`", SOURCES, '"zsh-histdb": histdb', '"toy": toy,\n    '),
    MAKE_DOCS,
)
A_TEXT_IMPORTER = Guide(
    "How to add an importer",
    (
        write("`KIND` (part", "src/hx/importers/toy.py", toys.TEXT_IMPORTER),
        append("`read` yields", "src/hx/importers/toy.py", toys.TEXT_READ),
        insert("`_MODULES`", REGISTRY, '"fish", "zsh", "bash")', '"toy", '),
        insert("`FORMS`", FORMATS, '"fish": b"', toys.TEXT_FORM),
        insert("`SOURCES`", SOURCES, "SOURCES: dict", toys.TEXT_SOURCE),
        *OF_EVERY_IMPORTER,
    ),
    check_text,
)


def check_database(tree):
    claims = ("further_column", "needed_column", "possible_time", "any_bytes", "not_utf_8")
    tree.pytest(TOOLS, "-k", f"each_database or (toy and ({' or '.join(claims)}))")
    check_importer(tree)


A_DATABASE_IMPORTER = Guide(
    "How to add an importer",
    (
        write("`KIND` (part", "src/hx/importers/toy.py", toys.DATABASE_IMPORTER),
        append("`read` yields", "src/hx/importers/toy.py", toys.DATABASE_READ),
        append("`owns(tables)`", "src/hx/importers/toy.py", toys.DATABASE_OWNS),
        insert("`_DATABASES`", REGISTRY, '"hishtory", "mcfly"', '"toy", '),
        insert("`foreign_databases.py`", FOREIGN, "class Histdb", toys.DATABASE),
        insert("`TOOLS`", TOOLS, '"mcfly": Mcfly', '"toy": made.Toy, '),
        insert("`TIMES`", TOOLS, "TEXTS = {", 'TIMES["toy"] = "toys", "at_s"\n'),
        insert(
            "`TEXTS`", TOOLS, "\n\ndef test_each_database", '\nTEXTS["toy"] = "toys", "command"\n'
        ),
        insert("`SOURCES`", SOURCES, "SOURCES: dict", toys.DATABASE_SOURCE),
        *OF_EVERY_IMPORTER,
    ),
    check_database,
)


def check_store(tree):
    for words in ("in_toy", "hint"):
        tree.pytest("tests/stores/test_contract.py", "-k", words)


A_STORE = Guide(
    "How to add a store",
    (
        write("`src/hx/stores/NAME.py`", "src/hx/stores/toy.py", toys.STORE),
        append("`open_url(", "src/hx/stores/toy.py", toys.STORE_URL),
        insert("`_MODULES`", STORES, '"memory": "hx.', '"toy": "hx.stores.toy", '),
        insert("`HINT`", STORES, "name a folder by its", "say toy:NAME, or "),
        insert("a fixture", PLACES, '@pytest.fixture(params=["in_memory"', toys.STORE_PLACE),
        insert("parameters of `place`", PLACES, '"in_memory", "on_disk"', '"in_toy", '),
    ),
    check_store,
)
GUIDES = {
    "a command": A_COMMAND,
    "a shell": A_SHELL,
    "an importer of text": A_TEXT_IMPORTER,
    "an importer of a database": A_DATABASE_IMPORTER,
    "a store": A_STORE,
}
STEPS = {
    f"{name}, without {step.says}": (guide, step.says)
    for name, guide in GUIDES.items()
    for step in guide.steps
}


@pytest.fixture
def tree(tmp_path):
    return TreeCopy(tmp_path)


@pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)
def test_who_does_what_the_page_says_has_done_all(tree, guide):
    follow_and_check(guide, tree)


@pytest.mark.long
@pytest.mark.parametrize(("guide", "says"), STEPS.values(), ids=STEPS)
def test_without_a_step_of_the_page_something_fails(tree, guide, says):
    with pytest.raises((AssertionError, FileNotFoundError)):  # the next step may need the file
        follow_and_check(guide, tree, leaving_out=says)


@pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)
def test_no_paragraph_of_the_page_is_left_out_here(guide):
    steps = [
        step
        for other in GUIDES.values()
        if other.heading == guide.heading
        for step in other.steps
    ]  # fmt: skip
    for paragraph in numbered(guide.heading):
        is_followed = any(step.says in paragraph for step in steps)
        assert is_followed or paragraph.startswith("Only if "), paragraph


def test_the_contract_detects_a_store_that_overwrites(tree):
    follow(A_STORE, tree)
    path = tree.root / "src/hx/stores/toy.py"
    broken = toys.STORE.replace("setdefault(key, bytes(data)) != data", "update({key: data})")
    path.write_text(broken + toys.STORE_URL)
    with pytest.raises(AssertionError, match="test_other_bytes_are_refused"):
        check_store(tree)
