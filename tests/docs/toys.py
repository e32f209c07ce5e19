"""What the reader of CONTRIBUTING.md writes in the tests of its pages: toys of each kind."""

from __future__ import annotations

import os

from docs.generate import ROOT

COMMAND = """
from hx.cli.context import open_context


def run(arguments, config):
    given = parser("toys").parse_args(arguments)
    events = open_context(config).database.value("SELECT count(*) FROM event")
    if given.json:
        from hx.cli.events_output import print_json

        print_json({"toys": events})
    else:
        print(given.word, events)
    return 0


def parser(name):
    from hx.cli.parsers import Parser

    made = Parser(name, "Counts toys.")
    made.add_argument("word", nargs="?", default="toys", help="what to print")
    made.add_json()
    return made
"""
COMMAND_ROW = '"toys": Command("hx.cli.commands.toys", "Look", "count toys"),\n    '
COMMAND_JSON = '"toys": {"toys": "number of toys"},\n    '
COMMAND_TEST = """
def test_toys_counts_the_events(hx, record):
    record("make toys")
    assert hx("toys", "events").out == "events 1\\n"
"""

SHELL = """Shell(
            "toy",
            (2, 0),
            "{home}/.toyrc",
            ("{home}/.toy_history",),
            hook_parts=(
                ("@PLACES@\\n", "hx-places.bash"),
                ("@LINES@\\n", "hx-lines.bash"),
                ("@BLE@\\n", "hx-ble.bash"),
                ("@COMPLETION@\\n", "hx-completions.bash"),
            ),
        ),
        """
SHELL_LOAD = '"toy": (["--norc"], "echo find"),\n    '
SHELL_PROGRAM = '#!/bin/sh\nexec bash --rcfile "$HOME/.toyrc" "$@"\n'  # bash by another name


def hook_of_bash(name: str) -> str:
    """Return a file of the hook of bash as that of a shell that calls itself toy."""
    with open(os.path.join(ROOT, "src", "hx", "shells", "hooks", f"{name}.bash")) as file:
        return file.read().replace("\\0Sbash\\0", "\\0Stoy\\0")


TEXT_IMPORTER = """
from hx.importers import ImportedEntry

KIND = b"toy"
PLACES: tuple[str, ...] = ("{data}/toy/log",)
IS_TEXT = True
RESTAMPS = False


def recognises(head):
    return head.startswith(b"@1")
"""
TEXT_READ = """

def read(reading):
    for line in reading.lines():
        seconds, space, command = line.removeprefix(b"@").partition(b" ")
        if not (space and seconds.isdigit() and len(seconds) < 12):
            reading.fault("line without a time")
        elif reading.takes(command):
            yield ImportedEntry(command, int(seconds) * 1_000_000)
"""
TEXT_FORM = '"toy": b"@1700000000 %s\\n",\n    '
TEXT_SOURCE = """def toy(home: Path) -> Path:
    path = home / "log"
    path.write_bytes(b"".join(b"@1700000000 %s\\n" % command for command in commands()))
    return path


"""

DATABASE_IMPORTER = """
from hx.importers import ImportedEntry, databases

KIND = b"toy"
PLACES: tuple[str, ...] = ("{data}/toy/toy.db",)
IS_TEXT = False
RESTAMPS = False
LAYOUT = databases.Layout("toy", "1", "toys", {"toys": frozenset({"command", "at_s", "cwd"})})

recognises = databases.is_database
"""
DATABASE_OWNS = """

def owns(tables):
    return tables.keys() >= LAYOUT.needed.keys()
"""
DATABASE_READ = """

def read(reading):
    with databases.whole(reading, LAYOUT) as (connection, tables):
        chosen = databases.as_bytes(connection, ("command", "at_s", "cwd"), tables["toys"])
        sql = f"SELECT toys.rowid, {chosen} FROM toys WHERE 1"
        for _, command, at_s, cwd in databases.in_steps(connection, sql, "toys.rowid"):
            reading.done += 1
            text, at_us = databases.blob(command), databases.time_us(at_s)
            if at_us is None or not text:
                reading.fault(databases.NO_TIME if text else databases.NO_COMMAND)
            elif reading.takes(text, databases.blob(cwd)):
                yield ImportedEntry(text, at_us, cwd=databases.blob(cwd))
"""
DATABASE = '''class Toy:
    """A database of toys. Times are seconds after FIRST_S."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.connection = made(path, "CREATE TABLE toys (command, at_s, cwd)")

    def add(self, command: object, offset_s: int = 0, cwd: object = "/srv") -> None:
        row = (command, FIRST_S + offset_s, cwd)
        self.connection.execute("INSERT INTO toys VALUES (?, ?, ?)", row)


'''
DATABASE_SOURCE = """def toy(home: Path) -> Path:
    from importers.foreign_databases import Toy

    database = Toy(home / "toy.db")
    for index, value in enumerate(VALUES):
        database.add(value or f"echo {index}", index * 60, cwd=value)
    database.connection.close()
    return Path(database.path)


"""

STORE = """
from hx.stores import Exists, Missing, Store, StoredObject, not_a_store, require_key


class ToyStore(Store):
    stores = {}

    def __init__(self, place):
        self.objects = self.stores.setdefault(place, {})

    def list(self, prefix):
        objects = [*self.objects.items()]
        return (StoredObject(key, len(data)) for key, data in objects if key.startswith(prefix))

    def get(self, key, max_bytes):
        require_key(key)
        if key not in self.objects:
            raise Missing(f"{key} is not in the store")
        return self.objects[key][: max_bytes + 1]

    def put(self, key, data):
        require_key(key)
        if self.objects.setdefault(key, bytes(data)) != data:
            raise Exists(f"{key} is in the store, with other bytes")

    def delete(self, key):
        require_key(key)
        self.objects.pop(key, None)
"""
STORE_URL = """

def open_url(opening):
    if not opening.place.isalnum():
        raise not_a_store(opening.url)
    return ToyStore(opening.place)
"""
STORE_PLACE = """class ToyPlace:
    def __init__(self):
        self.url = f"toy:store{next(_number)}"

    def open(self, device_id=b"d" * 16):
        from hx.stores import open_store

        return open_store(self.url, device_id)


@pytest.fixture
def in_toy():
    return ToyPlace()


"""
