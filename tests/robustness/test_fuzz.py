"""Fuzzing: every reader of bytes accepts nearly valid bytes or rejects them with a reason."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from pathlib import Path

import apsw
import pytest
from msgspec import msgpack

import forger
from hx import config
from hx.capture import pause, spool
from hx.config_rules import last_good
from hx.core import spool_records
from hx.core.errors import HxError
from hx.core.format import (
    genesis,
    invite,
    manifest,
    object_names,
    phrases,
    roster_records,
    segment,
    slot,
)
from hx.core.format.body import unpadded
from hx.core.format.envelope import (
    PLAIN,
    SEALED,
    open_kind,
    seal,
    seal_invite,
    seal_open_kind,
    unseal,
)
from hx.core.format.keys import LABEL_ROSTER, box, key_id, sign
from hx.core.format.object_names import Name, spelled
from hx.core.format.roster import evaluate
from hx.core.format.roster_records import Record
from hx.core.format.verdict import Fault
from hx.core.merge import History
from hx.core.model import (
    FINISHED,
    IMPORTED,
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Evidence,
    Keys,
    Pin,
    Tombstone,
    WholeSession,
    Window,
)
from hx.custody import key_set
from hx.custody.files import read_note
from hx.custody.key_files import KeyFile
from hx.device import read_keys
from hx.importers import Reading
from hx.importers.registry import detected, importer
from hx.setup import state as setup_state
from hx.sync.outbox import Outbox
from importers.foreign_databases import Hishtory, Histdb, Mcfly
from robustness.mutations import mutated
from roster_fixtures import (
    FIRST,
    GENESIS,
    RECOVERY,
    VAULT,
    adds,
    closes,
    device,
    epoch,
    invites,
    keys,
    revokes,
)
from spooled import complete, end, header, start

SEED = int(os.environ.get("HX_SEED", "1"))
FEW = 1_000  # inputs for each reader in every run
MANY = 1_000_000  # inputs for all readers together in a long run
TYPED = (Fault, HxError)

ME, SESSION, ORIGIN = device(FIRST), b"\x0e" * 16, b"\x81" + bytes(15)
KEY = EventKey(1_700_000_000_000_000, ME, SESSION, 1)
ARTIFACT_KEY = ArtifactKey(5, ME, SESSION, b"\x0a" * 16, KEY)


def full_history():
    """Return a history with every kind of record."""
    spared = (bytes([1]) * 16, bytes([2]) * 16)
    events = [
        Event(KEY._replace(seq=seq, spared=spared[: seq % 3]),
              b"make %d" % seq, b"/srv", 0, (0, 1), 5, b"url", b"main",
              b"box", b"ann", b"zsh", b"pts/1", FINISHED) for seq in range(1, 9)
    ]  # fmt: skip
    origin = EventKey(1, ORIGIN, ORIGIN, 2)
    events.append(Event(origin, b"old", b"", flags=FINISHED, origin=IMPORTED))
    kept, evidence = ARTIFACT_KEY._replace(spared=spared), Evidence(1, (1, 2), (b"line",))
    scopes = [
        Window(0, 9, None),
        WholeSession(SESSION),
        Keys(frozenset([KEY, origin]), frozenset([ARTIFACT_KEY])),
    ]
    return History(
        frozenset(events),
        frozenset([Artifact(kept, b"log", "file", 3, bytes(32), (), 0, evidence)]),
        frozenset([Pin(SESSION, True, 7, ME)]),
        frozenset(
            Tombstone(bytes([number]) * 16, 3, ME, scope) for number, scope in enumerate(scopes)
        ),
    )


RECORDS = [
    adds(RECOVERY, "two"),
    invites(FIRST, "door"),
    adds("door", "three"),
    closes(FIRST, "door", "three"),
    epoch(FIRST, 1, "e"),
    revokes(FIRST, "three"),
]
VMK, SECRET = b"k" * 32, b"s" * 16
LISTED = manifest.Listed(b"\x01" * 16, 700, bytes(32), 3, 1, 9)
SEEN = manifest.Seen(device("two"), 4, bytes(32))
SEGMENTS = [segment.encode(part) for part in segment.cut(full_history())]
SEGMENTS.append(segment.encode(History()))
MANIFEST = manifest.encode(
    manifest.Manifest(ME, 7, 1, "box", (LISTED,), (SEEN,), tuple(RECORDS), bytes(16)),
    keys(FIRST).sign_seed,
    VAULT,
)
SLOT = slot.Slot(VAULT, ME, key_id(VMK), 1, VMK)
SLOT_KEY, SLOT_DATA = slot.sealed(SLOT, author=ME, box_pub=keys(FIRST).box_pub)
SLOT_PAYLOAD = msgpack.encode({"v": 1, **SLOT._asdict()})
INVITATION = invite.Invitation(GENESIS.sha256, ((1, VMK),), b"i" * 32, tuple(RECORDS), (SEEN,))
NAME = Name(object_names.SEGMENT, ME, b"\x0a" * 16)
OBJECT = seal(NAME, SEGMENTS[0], vault_id=VAULT, vmk=VMK)
BARE = seal(NAME, SEGMENTS[0], vault_id=VAULT, vmk=None)
GENESIS_DATA, _ = genesis.make(SEALED, 0, keys(FIRST), keys(RECOVERY))


class Scratch:
    """A folder in which readers of files find their input, and an outbox there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "file"
        self.folder = folder
        self.outbox = Outbox(str(folder))

    def write(self, data: bytes, name: str = "file") -> str:
        """Write a private file; return its path."""
        path = self.folder / name
        with open(path, "wb", opener=lambda target, flags: os.open(target, flags, 0o600)) as file:
            file.write(data)
        return str(path)


def read_object(data, _):
    for suite in (SEALED, PLAIN):
        with contextlib.suppress(Fault):
            unseal(data, expect=spelled(NAME), vault_id=VAULT, suite=suite, vmks={key_id(VMK): VMK})
    open_kind(data, expect=object_names.VAULT_KEY, vault_id=None, suite=None)


def read_padded(data, _):
    """Read padding and compression, which only a member could have sealed."""
    with contextlib.suppress(Fault):
        unpadded(data, 1 << 20)
    for codec in (0, 1):
        with contextlib.suppress(Fault):
            unpadded(forger.padded(data, codec=codec, plain_len=len(SEGMENTS[0])), 1 << 20)


def read_segment(data, _):
    segment.require_origins(segment.decode(data))


def read_slot(data, _):
    data = seal_open_kind(
        object_names.parsed(SLOT_KEY), box(keys(FIRST).box_pub, data), vault_id=VAULT, suite=SEALED
    )
    slot.opened(data, expect=SLOT_KEY, vault_id=VAULT, box_seed=keys(FIRST).box_seed)


def read_invite(data, _):
    invite.decode(data)
    name = object_names.parsed(invite.store_key(SECRET))
    key = phrases.invite_key(SECRET)
    invite.opened(seal_invite(name, data, vault_id=VAULT, suite=1, key=key), secret=SECRET)


def read_genesis(data, _):
    genesis.read(
        seal_open_kind(Name(object_names.GENESIS), data, vault_id=object_names.NIL, suite=SEALED)
    )


def read_record(data, _):
    roster_records.decode(data)


def read_roster(data, _):
    seed = keys(FIRST).sign_seed
    forged = Record(keys(FIRST).sign_pub, data, sign(seed, LABEL_ROSTER, VAULT, data))
    evaluate(GENESIS, [*RECORDS, forged])


def read_journal(data, scratch):
    journal = scratch.outbox.read() if scratch.write(data, "journal") else None
    if journal is not None:
        for key, _ in scratch.outbox.objects(journal):
            assert object_names.parsed(key)


def read_name(data, _):
    key = data.decode("utf-8", "surrogateescape")
    name = object_names.parsed(key)
    if name is None:
        object_names.why_skipped(key)
    else:
        assert spelled(name) == key


def read_phrase(data, _):
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(HxError):
        phrases.secret_of(text)
    phrases.entropy_of(text)


def read_spool(data, scratch):
    parsed = spool_records.parse(data)
    facts = spool_records.Facts(SESSION, ME)
    for record in parsed.records[:1]:
        facts = spool_records.read_header(record, SESSION, ME)
    spool_records.assemble(parsed.records, facts, {})
    spool_records.ends_without_start(parsed.records)
    scratch.write(data, SESSION.hex() + ".0")
    for file in spool.files(str(scratch.folder)):
        spool.header(file, ME)


def read_history(kind):
    def read(data, scratch):
        path = scratch.write(data)
        reader = importer(kind) if kind else detected(path)
        for entry in reader.read(Reading(path)):
            assert entry.command

    return read


def read_settings(data, scratch):
    scratch.write(data, "config.toml")
    scratch.write(data, "rules.json")
    settings = config.load({"HX_HOME": str(scratch.folder)})
    assert set(settings.values) == {setting.name for setting in config.SETTINGS}
    last_good(str(scratch.folder / "rules.json"))
    setup_state.read(os.path.dirname(scratch.write(data, "setup.json")))
    pause.read(scratch.write(data, "pause"))


def read_keys_of_device(data, scratch):
    path = scratch.write(data)
    for read in (
        read_keys,
        read_note,
        lambda name: KeyFile(name).read(),
        lambda _: key_set.decode(data),
    ):
        with contextlib.suppress(HxError):
            read(path)


CODE = phrases.code_of(SECRET).encode()
WORDS = " ".join(phrases.words_of(bytes(range(16)))).encode()
SPOOL = header(h="box", u="ann", S="zsh", b=5) + start(1, "make") + end(1, 0) + complete(2, "ls")
SETTINGS = b'limit = 20\nignore = ["a*"]\nallow = []\nredact = true\n[redact_rules]\nx = "ab+c"\n'
RULES = b'{"ignore": ["a*"], "allow": [], "redact": true, "redact_rules": {"x": "ab+"}}'
SETUP = b'{"executable": "hx", "rc_files": ["a"], "made": [], "backups": [], "folders": []}'
BASH = b"#1700000000\nmake\nline\n#1700000001\nls\n"
ZSH = b": 1700000000:3;make \\\nagain\n: 1700000001:0;ls \x83\x20\n"
FISH = b"- cmd: make\\nx\n  when: 1700000000\n  paths:\n    - a\n- cmd: ls\n"
DEVICE = b"hx-device-1 %s\nsign %s\nbox %s\n" % (ME.hex().encode(), b"61" * 32, b"62" * 32)
SECRETS = key_set.encode(key_set.Secrets(keys(FIRST), {b"\x07" * 16: (1, VMK)}))
NOTE = b'custody = "file"\ndevice = "%s"\n' % ME.hex().encode()
JOURNAL = msgpack.encode(
    [3, [spelled(NAME), spelled(Name(object_names.MANIFEST, ME, bytes(16), seq=3))]]
)


def atuin():
    """Return the bytes of a small database of atuin."""
    database = apsw.Connection(":memory:")
    database.execute("PRAGMA page_size = 512")
    database.execute(
        "CREATE TABLE history (id TEXT PRIMARY KEY, timestamp INTEGER, duration INTEGER,"
        " exit INTEGER, command TEXT, cwd TEXT, session TEXT, hostname TEXT, deleted_at INTEGER)"
    )
    rows = [
        (f"{n:032x}", 1_700_000_000 * 10**9 + n, 5, 0, f"make {n}", "/srv", "s", "box:ann", None)
        for n in range(4)
    ]
    database.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return database.serialize("main")


def database_of(tool):
    """Return the bytes of a small database of another tool."""
    with tempfile.TemporaryDirectory() as folder:
        database = tool(Path(folder) / "history.db")
        for n in range(4):
            database.add(f"make {n}", n)
        database.connection.pragma("journal_mode", "delete")
        data = database.connection.serialize("main")
        database.connection.close()
    return data


# name -> (reader, valid samples, cost of an input relative to a cheap one)
READERS = {
    "objects": (read_object, [OBJECT, BARE, SLOT_DATA, GENESIS_DATA], 2),
    "padding and compression": (read_padded, [BARE[224:], OBJECT], 2),
    "segments": (read_segment, SEGMENTS, 1),
    "manifests": (lambda data, _: manifest.decode(data), [MANIFEST], 1),
    "slots": (read_slot, [SLOT_PAYLOAD], 10),
    "invitations": (read_invite, [invite.encode(INVITATION)], 1),
    "first records": (read_genesis, [GENESIS_DATA[224:]], 1),
    "records of the roster": (read_record, [record.payload for record in RECORDS], 1),
    "rosters": (read_roster, [record.payload for record in RECORDS], 10),
    "journals": (read_journal, [JOURNAL], 2),
    "names": (read_name, [spelled(NAME).encode(), SLOT_KEY.encode(), b"hx-vault.hx"], 1),
    "codes and words": (read_phrase, [CODE, WORDS, CODE.lower()], 40),
    "spools": (read_spool, [SPOOL, SPOOL * 3], 2),
    "bash histories": (read_history("bash"), [BASH], 2),
    "zsh histories": (read_history("zsh"), [ZSH], 2),
    "fish histories": (read_history("fish"), [FISH], 2),
    "unknown histories": (read_history(""), [BASH, ZSH, FISH], 4),
    "settings": (read_settings, [SETTINGS, RULES, SETUP, b"1700000000\nasked\n"], 10),
    "keys": (read_keys_of_device, [DEVICE, SECRETS, NOTE], 4),
    "atuin databases": (read_history("atuin"), [atuin()], 10),
    "hishtory databases": (read_history("hishtory"), [database_of(Hishtory)], 10),
    "mcfly databases": (read_history("mcfly"), [database_of(Mcfly)], 10),
    "zsh-histdb databases": (read_history("zsh-histdb"), [database_of(Histdb)], 10),
}  # fmt: skip
SHARE = sum(1 / cost for _, _, cost in READERS.values())


@pytest.fixture(scope="module")
def scratch():
    with tempfile.TemporaryDirectory(prefix="hx-fuzz-") as folder:
        yield Scratch(Path(folder))


def feed(scratch, name, count):
    """Give a reader so many mutated inputs; return how many it accepted."""
    read, samples, _ = READERS[name]
    accepted = 0
    for number in range(count):
        data = mutated(random.Random(f"{name} {SEED} {number}"), samples)
        try:
            read(data, scratch)
            accepted += 1
        except TYPED:
            pass
        except BaseException as error:
            error.add_note(f"{name}, HX_SEED={SEED}, number {number}: {data[:2_000]!r}")
            raise
    return accepted


@pytest.mark.parametrize("name", READERS)
def test_valid_samples_are_accepted(scratch, name):
    read, samples, _ = READERS[name]
    for data in samples:
        with contextlib.suppress(TYPED if name in _MIXED else ()):
            read(data, scratch)


# readers that reject some of their samples
_MIXED = {"objects", "padding and compression", "keys", "codes and words", "journals"}


@pytest.mark.parametrize("name", READERS)
def test_nearly_valid_inputs_are_accepted_or_rejected_with_a_reason(scratch, name):
    feed(scratch, name, FEW if READERS[name][2] <= 10 else FEW // 10)


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_a_million_inputs_are_accepted_or_rejected_with_a_reason(scratch, name):
    feed(scratch, name, int(MANY / SHARE / READERS[name][2]) + 1)
