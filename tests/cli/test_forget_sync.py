"""What one machine forgets is in no file and no object after all have synced, and stays so."""

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
    return vault(tmp_path_factory.mktemp("vault"), "laptop", "desktop")


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


@pytest.fixture
def canary(request):
    """Return a text that no other test uses."""
    return f"{CANARY}{crc32(request.node.name.encode()):08x}"


def sync(*members):
    """Sync these members one after the other, with any exit code."""
    for member in members:
        member.sync(code=None)


def require_nowhere(members, text):
    """Check that the text is in no result, no file of hx and no decrypted object of the store."""
    needle = text.encode().lower()
    decrypt, store_objects = opener(*members), objects(members[0])
    for member in members:
        assert member.hx("find", "--json", text).json == []
        files = [path for path in member.home.rglob("*") if path.is_file()]
        assert [path for path in files if needle in path.read_bytes().lower()] == []
        assert not [*(member.home / "outbox").glob("*")]
    for key, data in store_objects.items():
        payload = decrypt(key, data) if key[:2] in ("o/", "m/") else data
        assert needle not in (data + payload).lower(), key
    assert {key[:2] for key in store_objects} >= {"o/", "m/"}


def require_found(members, text):
    """Check that `require_nowhere` fails, so that a later success proves something."""
    with pytest.raises(AssertionError):
        require_nowhere(members, text)


def have_equal_histories(first, second):
    """Return whether two members have equal histories, in whatever order."""
    by_id = [{event["id"]: event for event in member.history} for member in (first, second)]
    return by_id[0] == by_id[1]


def now_us():
    return time.time_ns() // 1000


def rfc3339(at_us):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_us // SECOND_US))


def forgotten_report(member):
    return member.sync("status", code=None)["forgotten"]


def names(devices):
    return [device["device"] for device in devices]


# ---- every form of forget ----


def by_event(member, text, _at_us, _session):
    return [member.hx("find", "--json", text).json[0]["id"]]


FORMS = {
    "event": by_event,
    "match": lambda _member, text, _at, _session: ["--match", text],
    "session": lambda _member, _text, _at, session: ["--session", session],
    "time": lambda _member, _text, at_us, _session: [
        "--since",
        rfc3339(at_us - 2 * SECOND_US),
        "--until",
        rfc3339(at_us + 2 * SECOND_US),
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_forgotten_event_is_nowhere_after_all_have_synced(members, canary, form):
    laptop, desktop = members
    number = [*FORMS].index(form)
    at_us = now_us() - (number + 2) * DAY_US
    session = SESSION % (number + 0xF000)
    desktop.record(f"echo {canary}", at=at_us, session=session)
    desktop.record(
        f"echo {form} stays", at=at_us + 60 * SECOND_US, session=SESSION % (number + 0xA000)
    )
    sync(desktop, laptop)
    require_found(members, canary)
    result = laptop.hx("forget", *FORMS[form](laptop, canary, at_us, session), "--yes")
    assert "forgotten: 1 event (1 on desktop)" in result.out
    assert "until desktop syncs (last seen" in result.out
    require_found(members, canary)
    sync(laptop, desktop, laptop)
    require_nowhere(members, canary)
    assert f"echo {form} stays" in laptop.commands
    assert have_equal_histories(laptop, desktop)


def test_this_device_forgets_only_events_recorded_here(members, canary):
    laptop, desktop = members
    at_us = now_us() - 20 * DAY_US
    for member in (laptop, desktop):
        member.record(f"echo {canary} {member.name}", at=at_us)
    sync(desktop, laptop)
    window = ["--since", rfc3339(at_us - SECOND_US), "--until", rfc3339(at_us + 2 * SECOND_US)]
    result = laptop.hx("forget", *window)
    assert "2 events to forget (1 here, 1 on desktop)" in result.out
    assert laptop.hx("forget", *window, "--this-device", "--yes").code == 0
    sync(laptop, desktop, laptop)
    require_nowhere(members, f"{canary} laptop")
    assert f"echo {canary} desktop" in laptop.commands
    assert laptop.hx("forget", *window, "--all-devices", "--yes").code == 0
    sync(laptop, desktop)
    require_nowhere(members, canary)


# ---- artifacts, which hx does not make yet ----


def add_artifact(member, command, text):
    """Add an artifact to the event with this command, as its device would; return its id."""
    with member.database() as database, database.transaction():
        me = identity(database, "box").device_id
        row = database.execute(
            "SELECT started_at_us, device_id, session_id, seq FROM event"
            " JOIN session ON session.id = session JOIN device ON device.id = device"
            " JOIN command ON command.id = command WHERE text LIKE ?",
            (f"%{command}%",),
        ).fetchone()
        event = EventKey(*row)
        key = ArtifactKey(now_us(), me, event.session_id, artifact_id(text), event)
        artifact = Artifact(key, text.encode(), "file", 5, bytes(32))
        join(database, History(artifacts=frozenset([artifact])))
    return key.artifact_id.hex()


def artifact_id(text):
    return blake2b(text.encode(), digest_size=16).digest()


def artifact_count(member):
    with member.database() as database:
        return database.value("SELECT count(*) FROM artifact")


def test_the_artifacts_of_an_event_are_forgotten_with_it(members, canary):
    laptop, desktop = members
    desktop.record(f"echo {canary}", at=now_us() - 30 * DAY_US)
    assert desktop.commands
    for number in range(2):
        add_artifact(desktop, canary, f"log {canary} {number}")
    sync(desktop, laptop)
    assert artifact_count(laptop) == 2
    result = laptop.hx("forget", *by_event(laptop, canary, 0, 0))
    assert "1 event and 2 artifacts to forget (1 on desktop)" in result.out
    report = laptop.hx("forget", *by_event(laptop, canary, 0, 0), "--yes", "--json").json
    assert (report["forgotten"], report["artifacts"]) == (1, 2)
    assert names(report["elsewhere"]["copies"]) == ["desktop"]
    sync(laptop, desktop)
    require_nowhere(members, canary)
    assert [artifact_count(member) for member in members] == [0, 0]


def test_one_artifact_can_be_forgotten_without_its_event(members, canary):
    laptop, desktop = members
    desktop.record(f"echo event of {canary[-6:]}", at=now_us() - 31 * DAY_US)
    assert desktop.commands
    forgotten_id, kept_id = (
        add_artifact(desktop, canary[-6:], f"{text} {canary[-6:]}") for text in (canary, "log")
    )
    sync(desktop, laptop)
    for invalid_id in ("12", "xyz0", "f" * 33):
        assert laptop.hx("forget", "--artifact", invalid_id, "--yes").code == 2
    assert laptop.hx("forget", "--artifact", "f" * 30, "--yes").code == 1
    assert laptop.hx("forget", "--artifact", forgotten_id[:10], "--match", "x", "--yes").code == 2
    assert "1 artifact to forget" in laptop.hx("forget", "--artifact", forgotten_id[:10]).out
    assert (
        "forgotten: 1 artifact" in laptop.hx("forget", "--artifact", forgotten_id[:10], "--yes").out
    )
    sync(laptop, desktop)
    require_nowhere(members, canary)
    assert [artifact_count(member) for member in members] == [1, 1]
    assert laptop.hx("forget", "--match", f"log {canary[-6:]}", "--yes").code == 0
    sync(laptop, desktop)
    assert [artifact_count(member) for member in members] == [0, 0]
    assert kept_id not in str(laptop.hx("find", "--json").json)


# ---- what the status reports ----


def test_the_status_reports_who_confirmed_and_whose_copies_remain(pair):
    laptop, desktop = pair
    assert forgotten_report(laptop) is None
    laptop.record(f"echo {CANARY} laptop")
    desktop.record(f"echo {CANARY} desktop")
    sync(desktop, laptop)
    output = laptop.hx("forget", "--match", CANARY, "--yes").out
    assert "the other devices do not know yet: `hx sync` tells them" in output
    assert "an encrypted copy remains in the store until this device syncs" in output
    assert "an encrypted copy remains in the store until desktop syncs (last seen " in output
    for command in (["sync", "status"], ["status"]):
        out = laptop.hx(*command).out
        assert "the other devices do not know yet: run `hx sync`" in out
        assert "until desktop syncs (last seen " in out
    laptop.sync()
    out = laptop.hx("sync", "status").out
    assert "until desktop syncs (last seen " in out
    assert "this device syncs" not in out
    sync(desktop, laptop)
    assert "confirmed by desktop" in laptop.hx("sync", "status").out
    report = forgotten_report(laptop)
    assert (report["told"], names(report["confirmed"]), report["copies"]) == (True, ["desktop"], [])
    assert "forgotten" not in laptop.hx("status").out
    require_nowhere(pair, CANARY)


# ---- forgotten events are not restored ----


def test_an_event_from_a_forgotten_time_that_arrives_late_is_dropped(members, canary):
    laptop, desktop = members
    assert laptop.hx("forget", "--since", "2h", "--yes").code == 0
    laptop.sync()
    desktop.record(f"echo {canary}", at=now_us() - HOUR_US)
    desktop.sync("push", code=None)  # before it has read the tombstone
    assert laptop.sync()["pulled"]["dropped"] == 1
    assert names(forgotten_report(laptop)["copies"]) == ["desktop"]
    sync(desktop, laptop)
    require_nowhere(members, canary)
    assert forgotten_report(laptop)["copies"] == []


def test_an_event_in_the_spool_from_a_forgotten_time_is_not_published(members, canary):
    laptop, desktop = members
    assert laptop.hx("forget", "--since", "2h", "--yes").code == 0
    laptop.sync()
    desktop.record(f"echo {canary}", at=now_us() - HOUR_US)
    assert desktop.sync()["pushed"]["events"] == 0
    require_nowhere(members, canary)


def test_a_late_event_of_a_clock_that_is_ahead_is_dropped(pair):
    """The window of the tombstone is longer for a device whose manifests are dated ahead."""
    laptop, desktop = pair
    skew_us = 2 * HOUR_US
    desktop.record("make", at=now_us() + skew_us - 600 * SECOND_US)
    desktop.sync()
    shift_manifest(desktop, laptop, skew_us)
    desktop.record(f"echo {CANARY}", at=now_us() + skew_us - 300 * SECOND_US)
    assert laptop.hx("forget", "--since", "3h", "--yes").code == 0
    desktop.record("echo later", at=now_us() + skew_us + 300 * SECOND_US)
    desktop.sync("push", code=None)
    sync(laptop, desktop, laptop)
    require_nowhere(pair, CANARY)
    assert laptop.commands == desktop.commands == ["echo later"]


def test_a_late_event_of_a_clock_that_is_behind_is_dropped(members, canary):
    laptop, desktop = members
    assert laptop.hx("forget", "--since", "4h", "--until", "3h", "--yes").code == 0
    sync(laptop)
    desktop.record(f"echo {canary}", at=now_us() - 3 * HOUR_US - 60 * SECOND_US)
    sync(desktop, laptop)
    require_nowhere(members, canary)


def shift_manifest(author, reader, skew_us):
    """Shift the date of the author's manifest in the reader's database, as a wrong clock would."""
    reader.sync()
    with reader.database() as database, author.database() as author_database:
        me = identity(author_database, "box").device_id
        sql = "UPDATE manifest SET at_us = at_us + ? WHERE device_id = ?"
        database.execute(sql, (skew_us, me))


@pytest.fixture
def imported(pair):
    """Return two members that have imported copies of the same history file."""
    started_at_s = now_us() // SECOND_US - 86_400
    for member in pair:
        with (member.cwd / ".zsh_history").open("w") as file:
            file.write(f": {started_at_s}:0;make\n: {started_at_s + 9}:0;echo {CANARY}\n")
        assert "2 new" in member.hx("import").out
    sync(*reversed(pair))
    return pair


def test_importing_the_same_history_file_again_restores_nothing(imported):
    laptop, desktop = imported
    output = laptop.hx("forget", "--match", CANARY, "--yes").out
    assert "forgotten: 1 event (" in output  # of two copies of one line
    sync(laptop, desktop)
    require_nowhere(imported, CANARY)
    for member in imported:
        assert "1 forgotten" in member.hx("import").out
    sync(laptop, desktop)
    require_nowhere(imported, CANARY)
    assert have_equal_histories(laptop, desktop)


def test_an_old_backup_of_another_member_restores_nothing(pair, tmp_path):
    laptop, desktop = pair
    laptop.record(f"echo {CANARY} laptop")
    desktop.record(f"echo {CANARY} desktop")
    sync(laptop, desktop, laptop)
    shutil.copytree(desktop.home, tmp_path / "backup")
    assert laptop.hx("forget", "--match", CANARY, "--yes").code == 0
    sync(laptop, desktop, laptop)
    require_nowhere(pair, CANARY)
    shutil.rmtree(desktop.home)
    shutil.copytree(tmp_path / "backup", desktop.home)
    assert len(desktop.commands) == 2
    desktop.record("make")
    sync(desktop, laptop, desktop)
    require_nowhere(pair, CANARY)
    assert laptop.commands == desktop.commands == ["make"]


def test_an_old_backup_of_the_member_that_forgot_restores_nothing(pair, tmp_path):
    laptop, desktop = pair
    desktop.record(f"echo {CANARY}")
    sync(desktop, laptop)
    shutil.copytree(laptop.home, tmp_path / "backup")
    assert laptop.hx("forget", "--match", CANARY, "--yes").code == 0
    sync(laptop, desktop)
    shutil.rmtree(laptop.home)
    shutil.copytree(tmp_path / "backup", laptop.home)
    sync(laptop, desktop)
    require_nowhere(pair, CANARY)


def test_an_old_copy_of_the_store_restores_nothing(pair, tmp_path):
    laptop, desktop = pair
    laptop.record(f"echo {CANARY} laptop")
    desktop.record(f"echo {CANARY} desktop")
    sync(laptop, desktop, laptop)
    shutil.copytree(laptop.folder, tmp_path / "old")
    assert laptop.hx("forget", "--match", CANARY, "--yes").code == 0
    sync(laptop, desktop, laptop)
    shutil.rmtree(laptop.folder)
    shutil.copytree(tmp_path / "old", laptop.folder)
    sync(laptop, desktop, laptop)
    for member in pair:
        assert member.commands == []
    for member in (*pair, *pair):
        member.sync("repair", code=None)
    require_nowhere(pair, CANARY)


def test_a_member_that_joins_later_never_has_the_forgotten_event(pair, tmp_path):
    laptop, desktop = pair
    desktop.record(f"echo {CANARY}")
    desktop.record("make")
    sync(desktop, laptop)
    assert laptop.hx("forget", "--match", CANARY, "--yes").code == 0
    laptop.sync()  # the segment of the other member still has the event
    late = Member(tmp_path / "late", laptop.folder, "late")
    assert late.join(laptop.invite()).code == 0
    assert late.commands == ["make"]
    assert names(forgotten_report(late)["copies"]) == ["desktop"]
    sync(laptop, desktop, late)
    require_nowhere([laptop, desktop, late], CANARY)
    assert forgotten_report(late) is None
