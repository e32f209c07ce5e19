"""What one machine forgets is nowhere after all have synced, and comes back from nowhere."""

from __future__ import annotations

import shutil
import time
from hashlib import blake2b
from zlib import crc32

import pytest

from cli.machine import DAY_US, HOUR_US, SECOND_US
from cli.vaults import Member, vault
from hx.core.merge import History
from hx.core.model import Artifact, ArtifactKey, EventKey
from hx.database.join import join
from hx.device import identity
from robustness.store_folder import objects, opener

CANARY = "CANARY-7qZx"
SESSION = "%032x"


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    return vault(tmp_path_factory.mktemp("vault"), "one", "two")


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "one", "two")


@pytest.fixture
def canary(request):
    """A text that no other test uses."""
    return f"{CANARY}{crc32(request.node.name.encode()):08x}"


def sync(*members):
    """One after the other."""
    for member in members:
        member.sync(code=None)


def require_nowhere(members, text):
    """In no answer, in no file of hx, in no object of the store whoever's keys open it."""
    wanted = text.encode().lower()
    opened, held = opener(*members), objects(members[0])
    for member in members:
        assert member.hx("find", "--json", text).json == []
        files = [path for path in member.home.rglob("*") if path.is_file()]
        assert [path for path in files if wanted in path.read_bytes().lower()] == []
        assert not [*(member.home / "outbox").glob("*")]
    for key, data in held.items():
        payload = opened(key, data) if key[:2] in ("o/", "m/") else data
        assert wanted not in (data + payload).lower(), key
    assert {key[:2] for key in held} >= {"o/", "m/"}


def require_somewhere(members, text):
    """The look itself finds what is there."""
    with pytest.raises(AssertionError):
        require_nowhere(members, text)


def same(one, other):
    """Equal histories, whatever the order of what began at one time."""
    by_id = [{event["id"]: event for event in member.history} for member in (one, other)]
    return by_id[0] == by_id[1]


def now_us():
    return time.time_ns() // 1000


def stamp(at_us):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_us // SECOND_US))


def forgotten(member):
    return member.sync("status", code=None)["forgotten"]


def names(devices):
    return [one["device"] for one in devices]


# ---- every form ----


def by_event(member, text, _at_us, _session):
    return [member.hx("find", "--json", text).json[0]["id"]]


FORMS = {
    "event": by_event,
    "match": lambda _member, text, _at, _session: ["--match", text],
    "session": lambda _member, _text, _at, session: ["--session", session],
    "time": lambda _member, _text, at_us, _session: [
        "--since",
        stamp(at_us - 2 * SECOND_US),
        "--until",
        stamp(at_us + 2 * SECOND_US),
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_what_one_machine_forgets_is_nowhere_after_all_have_synced(members, canary, form):
    one, two = members
    number = [*FORMS].index(form)
    at_us = now_us() - (number + 2) * DAY_US
    session = SESSION % (number + 0xF000)
    two.record(f"echo {canary}", at=at_us, session=session)
    two.record(f"echo {form} stays", at=at_us + 60 * SECOND_US, session=SESSION % (number + 0xA000))
    sync(two, one)
    require_somewhere(members, canary)
    done = one.hx("forget", *FORMS[form](one, canary, at_us, session), "--yes")
    assert "forgotten: 1 event (1 on two)" in done.out
    assert "until two syncs (last seen" in done.out
    require_somewhere(members, canary)
    sync(one, two, one)
    require_nowhere(members, canary)
    assert f"echo {form} stays" in one.commands
    assert same(one, two)


def test_this_device_takes_only_what_was_recorded_here(members, canary):
    one, two = members
    at_us = now_us() - 20 * DAY_US
    for member in (one, two):
        member.record(f"echo {canary} {member.name}", at=at_us)
    sync(two, one)
    window = ["--since", stamp(at_us - SECOND_US), "--until", stamp(at_us + 2 * SECOND_US)]
    shown = one.hx("forget", *window)
    assert "2 events to forget (1 here, 1 on two)" in shown.out
    assert one.hx("forget", *window, "--this-device", "--yes").code == 0
    sync(one, two, one)
    require_nowhere(members, f"{canary} one")
    assert f"echo {canary} two" in one.commands
    assert one.hx("forget", *window, "--all-devices", "--yes").code == 0
    sync(one, two)
    require_nowhere(members, canary)


# ---- artifacts: hx makes none yet, they come from others ----


def keep(member, command, text):
    """An artifact of the event that says so, as its machine would have made it."""
    with member.database() as database, database.transaction():
        me = identity(database, "box").device_id
        row = database.execute(
            "SELECT started_at_us, device_id, session_id, seq FROM event"
            " JOIN session ON session.id = session JOIN device ON device.id = device"
            " JOIN command ON command.id = command WHERE text LIKE ?",
            (f"%{command}%",),
        ).fetchone()
        event = EventKey(*row)
        key = ArtifactKey(now_us(), me, event.session_id, id_of(text), event)
        made = Artifact(key, text.encode(), "file", 5, bytes(32))
        join(database, History(artifacts=frozenset([made])))
    return key.artifact_id.hex()


def id_of(text):
    return blake2b(text.encode(), digest_size=16).digest()


def artifacts(member):
    with member.database() as database:
        return database.value("SELECT count(*) FROM artifact")


def test_the_artifacts_of_an_event_go_with_it(members, canary):
    one, two = members
    two.record(f"echo {canary}", at=now_us() - 30 * DAY_US)
    assert two.commands
    for number in range(2):
        keep(two, canary, f"log {canary} {number}")
    sync(two, one)
    assert artifacts(one) == 2
    shown = one.hx("forget", *by_event(one, canary, 0, 0))
    assert "1 event and 2 artifacts to forget (1 on two)" in shown.out
    done = one.hx("forget", *by_event(one, canary, 0, 0), "--yes", "--json").json
    assert (done["forgotten"], done["artifacts"]) == (1, 2)
    assert names(done["elsewhere"]["copies"]) == ["two"]
    sync(one, two)
    require_nowhere(members, canary)
    assert [artifacts(member) for member in members] == [0, 0]


def test_one_artifact_goes_and_its_event_stays(members, canary):
    one, two = members
    two.record(f"echo event of {canary[-6:]}", at=now_us() - 31 * DAY_US)
    assert two.commands
    going, staying = (keep(two, canary[-6:], f"{text} {canary[-6:]}") for text in (canary, "log"))
    sync(two, one)
    for wrong in ("12", "xyz0", "f" * 33):
        assert one.hx("forget", "--artifact", wrong, "--yes").code == 2
    assert one.hx("forget", "--artifact", "f" * 30, "--yes").code == 1
    assert one.hx("forget", "--artifact", going[:10], "--match", "x", "--yes").code == 2
    assert "1 artifact to forget" in one.hx("forget", "--artifact", going[:10]).out
    assert "forgotten: 1 artifact" in one.hx("forget", "--artifact", going[:10], "--yes").out
    sync(one, two)
    require_nowhere(members, canary)
    assert [artifacts(member) for member in members] == [1, 1]
    assert one.hx("forget", "--match", f"log {canary[-6:]}", "--yes").code == 0
    sync(one, two)
    assert [artifacts(member) for member in members] == [0, 0]
    assert staying not in str(one.hx("find", "--json").json)


# ---- what is still true of it ----


def test_the_status_says_who_knows_and_whose_copy_remains(pair):
    one, two = pair
    assert forgotten(one) is None
    one.record(f"echo {CANARY} one")
    two.record(f"echo {CANARY} two")
    sync(two, one)
    told = one.hx("forget", "--match", CANARY, "--yes").out
    assert "the other devices do not know yet: `hx sync` tells them" in told
    assert "an encrypted copy remains in the store until this device syncs" in told
    assert "an encrypted copy remains in the store until two syncs (last seen " in told
    for command in (["sync", "status"], ["status"]):
        out = one.hx(*command).out
        assert "the other devices do not know yet: run `hx sync`" in out
        assert "until two syncs (last seen " in out
    one.sync()
    out = one.hx("sync", "status").out
    assert "until two syncs (last seen " in out
    assert "this device syncs" not in out
    sync(two, one)
    assert "confirmed by two" in one.hx("sync", "status").out
    known = forgotten(one)
    assert (known["told"], names(known["confirmed"]), known["copies"]) == (True, ["two"], [])
    assert "forgotten" not in one.hx("status").out
    require_nowhere(pair, CANARY)


# ---- nothing comes back ----


def test_what_comes_late_from_a_forgotten_time_stays_away(members, canary):
    one, two = members
    assert one.hx("forget", "--since", "2h", "--yes").code == 0
    one.sync()
    two.record(f"echo {canary}", at=now_us() - HOUR_US)
    two.sync("push", code=None)  # before it hears
    assert one.sync()["pulled"]["dropped"] == 1
    assert names(forgotten(one)["copies"]) == ["two"]
    sync(two, one)
    require_nowhere(members, canary)
    assert forgotten(one)["copies"] == []


def test_what_waits_in_the_spool_when_the_order_comes_is_not_published(members, canary):
    one, two = members
    assert one.hx("forget", "--since", "2h", "--yes").code == 0
    one.sync()
    two.record(f"echo {canary}", at=now_us() - HOUR_US)
    assert two.sync()["pushed"]["events"] == 0
    require_nowhere(members, canary)


def test_what_comes_late_from_a_clock_that_is_ahead_stays_away(pair):
    """A window goes on for that device, as long as its manifests are dated ahead."""
    one, two = pair
    skew_us = 2 * HOUR_US
    two.record("make", at=now_us() + skew_us - 600 * SECOND_US)
    two.sync()
    shift_manifest(two, one, skew_us)
    two.record(f"echo {CANARY}", at=now_us() + skew_us - 300 * SECOND_US)
    assert one.hx("forget", "--since", "3h", "--yes").code == 0
    two.record("echo later", at=now_us() + skew_us + 300 * SECOND_US)
    two.sync("push", code=None)
    sync(one, two, one)
    require_nowhere(pair, CANARY)
    assert one.commands == two.commands == ["echo later"]


def test_what_comes_late_from_a_clock_that_is_behind_stays_away(members, canary):
    one, two = members
    assert one.hx("forget", "--since", "4h", "--until", "3h", "--yes").code == 0
    sync(one)
    two.record(f"echo {canary}", at=now_us() - 3 * HOUR_US - 60 * SECOND_US)
    sync(two, one)
    require_nowhere(members, canary)


def shift_manifest(author, reader, skew_us):
    """As if the clock of the author were so wrong: the date of its manifest, as it was read."""
    reader.sync()
    with reader.database() as database, author.database() as other:
        me = identity(other, "box").device_id
        sql = "UPDATE manifest SET at_us = at_us + ? WHERE device_id = ?"
        database.execute(sql, (skew_us, me))


@pytest.fixture
def imported(pair):
    """Both have imported the same history file, and each has a copy of it."""
    at = now_us() // SECOND_US - 86_400
    for member in pair:
        with (member.cwd / ".zsh_history").open("w") as file:
            file.write(f": {at}:0;make\n: {at + 9}:0;echo {CANARY}\n")
        assert "2 new" in member.hx("import").out
    sync(*reversed(pair))
    return pair


def test_the_same_history_file_brings_nothing_back_where_it_was_imported(imported):
    one, two = imported
    done = one.hx("forget", "--match", CANARY, "--yes").out
    assert "forgotten: 2 events (1 here, 1 on two)" in done
    sync(one, two)
    require_nowhere(imported, CANARY)
    for member in imported:
        assert "1 forgotten" in member.hx("import").out
    sync(one, two)
    require_nowhere(imported, CANARY)
    assert same(one, two)


def test_an_old_backup_of_a_machine_brings_nothing_back(pair, tmp_path):
    one, two = pair
    one.record(f"echo {CANARY} one")
    two.record(f"echo {CANARY} two")
    sync(one, two, one)
    shutil.copytree(two.home, tmp_path / "backup")
    assert one.hx("forget", "--match", CANARY, "--yes").code == 0
    sync(one, two, one)
    require_nowhere(pair, CANARY)
    shutil.rmtree(two.home)
    shutil.copytree(tmp_path / "backup", two.home)
    assert len(two.commands) == 2
    two.record("make")
    sync(two, one, two)
    require_nowhere(pair, CANARY)
    assert one.commands == two.commands == ["make"]


def test_an_old_backup_of_who_forgot_brings_nothing_back(pair, tmp_path):
    one, two = pair
    two.record(f"echo {CANARY}")
    sync(two, one)
    shutil.copytree(one.home, tmp_path / "backup")
    assert one.hx("forget", "--match", CANARY, "--yes").code == 0
    sync(one, two)
    shutil.rmtree(one.home)
    shutil.copytree(tmp_path / "backup", one.home)
    sync(one, two)
    require_nowhere(pair, CANARY)


def test_an_old_copy_of_the_store_brings_nothing_back(pair, tmp_path):
    one, two = pair
    one.record(f"echo {CANARY} one")
    two.record(f"echo {CANARY} two")
    sync(one, two, one)
    shutil.copytree(one.folder, tmp_path / "old")
    assert one.hx("forget", "--match", CANARY, "--yes").code == 0
    sync(one, two, one)
    shutil.rmtree(one.folder)
    shutil.copytree(tmp_path / "old", one.folder)
    sync(one, two, one)
    for member in pair:
        assert member.commands == []
    for member in (*pair, *pair):
        member.sync("repair", code=None)
    require_nowhere(pair, CANARY)


def test_a_machine_that_joins_later_hears_of_it_and_never_had_it(pair, tmp_path):
    one, two = pair
    two.record(f"echo {CANARY}")
    two.record("make")
    sync(two, one)
    assert one.hx("forget", "--match", CANARY, "--yes").code == 0
    one.sync()  # the other has not: its segment holds it still
    late = Member(tmp_path / "late", one.folder, "late")
    assert late.join(one.invite()).code == 0
    assert late.commands == ["make"]
    assert names(forgotten(late)["copies"]) == ["two"]
    sync(one, two, late)
    require_nowhere([one, two, late], CANARY)
    assert forgotten(late) is None
