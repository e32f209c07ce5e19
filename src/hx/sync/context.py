"""The context of one sync: store, database, keys, trust and listing, as every step sees them."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress

from hx.capture import clock
from hx.core.format import object_names
from hx.core.record import NamedTuple
from hx.database.sync import ledger
from hx.database.sync import vault as rows
from hx.stores import Denied, Exists, Missing, NotMounted, Placeholder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from hx.core.errors import StoreError
    from hx.core.format.genesis import Genesis
    from hx.core.format.keys import DeviceKeys
    from hx.core.format.object_names import Name
    from hx.core.format.roster import Member, Trust
    from hx.core.format.roster_records import Record
    from hx.core.format.slot import Slot
    from hx.core.moment import Moment
    from hx.custody.key_set import Secrets
    from hx.database.connection import Database
    from hx.database.sync.ledger import Verdict
    from hx.database.sync.vault import Vault
    from hx.stores import Store

_ROOM_OF_COUNTING = 1_024  # no more records count in a roster
MAX_UNNAMED = 64  # slots of one author that are tried although no record names their key
ELSEWHERE = "if the vault lies in another place now, or is lost: `hx sync move --help`"
KEY_ID = slice(56, 72)  # in a header: the id of the key that the object is sealed under


class Keyring:
    """The keys of this device and of its vault; custody is asked when the first key is needed.

    The roster vouches for a key when an epoch record of an enrolled device names its id.
    """

    def __init__(self, load: Callable[[], Secrets], store: Callable[[Secrets], None]) -> None:
        self._load = load
        self._store = store
        self._secrets: Secrets | None = None
        self._offered: dict[bytes, tuple[int, bytes]] = {}

    @property
    def secrets(self) -> Secrets:
        if self._secrets is None:
            self._secrets = self._load()
        return self._secrets

    @property
    def vmks(self) -> dict[bytes, bytes]:
        """Return key id -> vault key, for the keys in custody; the roster vouches for them."""
        return {key_id: vmk for key_id, (_, vmk) in self.secrets.vmks.items()}

    @property
    def offered(self) -> dict[bytes, bytes]:
        """Return key id -> vault key, for the keys of slots that the roster does not vouch for yet.

        Such a key may open only a manifest, because a manifest may carry the epoch record.
        """
        return {key_id: vmk for key_id, (_, vmk) in self._offered.items()}

    def key(self, key_id: bytes, *, offered: bool) -> bytes | None:
        """Return the vault key with this id; `offered`: also one that nobody vouches for yet."""
        known = self.secrets.vmks.get(key_id)
        if known is None and offered:
            known = self._offered.get(key_id)
        return None if known is None else known[1]

    def offer(self, slot: Slot) -> None:
        """Keep the key of a slot in memory until the roster vouches for it."""
        if slot.key_id not in self.secrets.vmks:
            self._offered[slot.key_id] = (slot.number, slot.vmk)

    def vouch(self, readable: Iterable[bytes], counting: Container[bytes] = ()) -> bool:
        """Take the offered keys with these ids into custody; return whether there was one.

        Custody has room for a number of keys. Those in `counting` have room of their own; a member
        could use up the rest with epochs that do not count. Keys beyond that stay in `offered`.
        """
        from hx.custody.key_set import MAX_KEYS  # a sync with nothing new needs no cryptography

        vouched: dict[bytes, tuple[int, bytes]] = {}
        for key_id in sorted(readable, key=lambda key_id: (key_id not in counting, key_id)):
            room = MAX_KEYS if key_id in counting else MAX_KEYS - _ROOM_OF_COUNTING
            if key_id in self._offered and len(self.secrets.vmks) + len(vouched) < room:
                vouched[key_id] = self._offered.pop(key_id)
        if vouched:
            self.keep(vouched)
        return bool(vouched)

    def keep(self, vmks: dict[bytes, tuple[int, bytes]]) -> None:
        """Take keys (id -> number and key) into custody.

        The caller does so before it seals anything under a key: a crash must not lose the key.
        """
        merged = self.secrets._replace(vmks={**self.secrets.vmks, **vmks})
        self._store(merged)
        self._secrets = merged


class ObjectNote(NamedTuple):
    """What hx did with one object, for `--verbose`."""

    key: str
    verdict: str
    detail: str = ""


class Pulled(NamedTuple):
    """What a pull did."""

    objects: int = 0  # segments taken
    events: int = 0  # that were not in the database
    forgotten: int = 0  # events that were in the database, and another device has forgotten
    dropped: int = 0  # events that were not joined because a tombstone covers them
    pending: int = 0  # objects that are pending after the pull, whenever they came
    rejected: int = 0


class GoneByClock(NamedTuple):
    """The events that have gone by time windows of one device whose clock is ahead."""

    maker: bytes  # device id
    ahead_us: int  # how far its clock seems to be ahead of the clock here
    events: dict[bytes, int]  # by device id


class SyncContext:
    """The store, keys, trust and listing of one sync.

    Until the sync ends, no other process changes the rows about the vault in the database.
    """

    def __init__(  # noqa: PLR0913  (all that a sync depends on)
        self,
        database: Database,
        store: Store,
        me: bytes,
        keyring: Keyring,
        now_us: int,
        *,
        moment: Callable[[], Moment] = clock.moment,
    ) -> None:
        vault = rows.read(database)
        assert vault is not None, "the caller has checked that there is a vault"
        self.database = database
        self.store = store
        self.vault: Vault = vault
        self.me = me
        self.keyring = keyring
        self.now_us = now_us
        self.moment = moment  # reads the clocks of this machine
        self.on_note: Callable[[ObjectNote], object] = lambda _note: None
        self.report_progress: Callable[[int, int], object] = lambda _done, _size: None
        self._genesis: Genesis | None = None
        self._trust: Trust | None = None
        self._supposed: frozenset[Record] = frozenset()
        self.listing: dict[str, Name] = {}  # the manifests in the store
        self.moved: list[tuple[str, Name]] = []  # notes in the store that the vault has moved
        self.vault_file = ""  # its state in the store, one of those in hx.sync.vault_file
        self.vault_file_restored = False  # this sync has put it back
        self.newcomers: list[Member] = []  # devices that this sync has enrolled here
        self.admitted: set[bytes] = set()  # ids of devices that this sync has admitted itself
        self.own_read: list[str] = []  # keys of own manifests that this database did not know
        self.shows_older_state = False  # the store holds own manifests that were replaced long ago
        self.met_behind = False  # this sync has read manifests, and a device is behind
        self.adopted: set[bytes] = set()  # active devices whose records the push publishes too
        self.lost = 0  # own segments that the store has lost; the push publishes their records
        self._left_slots: dict[bytes, list[str]] = defaultdict(list)  # key id -> slots not tried
        self.has_read_slots = False  # by this sync, for a better key to write under
        self.gone_by_clocks: dict[bytes, GoneByClock] = {}  # by the maker of the tombstones
        self.holds = True  # whether tombstones of other devices may wait for a person
        self.young_us = 0  # events that began less long ago are not published yet
        self.refused = 0  # records of this device that are due and that no reader would take
        self.listed_by: dict[bytes, bytes] = {}  # device -> digest of what the ledger says it lists
        self.closed: dict[bytes, StoreError] = {}  # device -> why it was given a key or notice not
        self.staying: list[str] = []  # objects of revoked devices that could not be deleted yet
        self.lacking: set[bytes] = set()  # ids of keys that objects name and that are not here
        self.unvouched: dict[str, bytes] = {}  # manifest -> id of the offered key that opened it

    @property
    def genesis(self) -> Genesis:
        if self._genesis is None:
            from hx.core.format.genesis import read  # a sync with nothing new needs no cryptography

            self._genesis = read(self.vault.genesis)
        return self._genesis

    @property
    def trust(self) -> Trust:
        """Return what all roster records that this device knows state about trust."""
        if self._trust is None:
            from hx.core.format.roster import evaluate

            self._trust = evaluate(self.genesis, self.records())
        return self._trust

    def records(self) -> frozenset[Record]:
        """Return the roster records that this device knows."""
        return rows.records(self.database) | self._supposed

    @property
    def knows_trust(self) -> bool:
        """Return whether this sync has evaluated the roster already."""
        return self._trust is not None

    def learn(self, records: Iterable[Record]) -> bool:
        """Store the roster records that have a valid signature; return whether one was new.

        It does not matter who published a record.
        """
        from hx.core.format.roster_records import is_genuine

        genuine = [record for record in records if is_genuine(record, self.vault.vault_id)]
        if not genuine:
            return False
        with self.database.transaction():
            grown = rows.add_records(self.database, genuine)
            if grown:  # what was refused for the roster, or passed over, may count now
                ledger.judge_anew(self.database)
        if grown:
            self._trust = None
        return grown

    def suppose(self, records: Iterable[Record]) -> bool:
        """Regard these records as known, and store none of them; return whether one was new."""
        from hx.core.format.roster_records import is_genuine

        genuine = (record for record in records if is_genuine(record, self.vault.vault_id))
        new = frozenset(genuine) - self.records()
        if new:
            self._supposed |= new
            self._trust = None
        return bool(new)

    def list_manifests(self) -> None:
        """Read the names of all manifests in the store into `listing`, in one request.

        Whatever is new in the store is found from its manifests. Notes that the vault has moved lie
        beside them.
        """
        named = self.named(object_names.MANIFESTS)
        self.listing = {key: name for key, name in named if name.kind == object_names.MANIFEST}
        self.moved = [(key, name) for key, name in named if name.kind == object_names.MOVED]

    def segments_there(self, device_id: bytes) -> set[bytes]:
        """Return the object ids of the segments of a device that the store lists.

        The listing may be stale.
        """
        return {name.object_id for _, name in self.named(object_names.segments_of(device_id))}

    def named(self, prefix: str) -> list[tuple[str, Name]]:
        """Return key and name of the objects that the store lists below a prefix.

        Files of other names are left out. Raises StoreError.
        """
        try:
            keys = [entry.key for entry in self.store.list(prefix)]
        except NotMounted as error:
            error.hint = _without_store(error)
            raise
        return [(key, name) for key in keys if (name := object_names.parsed(key))]

    def named_for(self, device_id: bytes) -> list[tuple[str, Name]]:
        """Return key and name of the slots and notices for a device; none if they are closed to hx.

        Another user of a share may close their folder, or put a file in its place. Raises
        StoreError.
        """
        try:
            return self.named(object_names.slots_for(device_id))
        except Denied as error:
            self.closed[device_id] = error
            return []

    def give(self, device_id: bytes, key: str, data: bytes) -> bool:
        """Put a slot or a notice for a device into the store; return whether it is there.

        What is in the way of one device stops nothing else, and is noted. Raises StoreError.
        """
        try:
            self.store.put(key, data)
        except Exists:  # another copy of this device has written it, or an interrupted run
            return True
        except (Denied, Placeholder) as error:
            self.closed[device_id] = error
            return False
        return True

    def unsealed(self, key: str, data: bytes) -> bytes:
        """Return the payload of a manifest, segment or blob at this store key. Raises Fault."""
        from hx.core.format.envelope import unseal

        suite, vmks = self.genesis.suite, self._keys_for(key, data)
        _, payload = unseal(data, expect=key, vault_id=self.vault.vault_id, suite=suite, vmks=vmks)
        return payload

    def _keys_for(self, key: str, data: bytes) -> dict[bytes, bytes]:
        """Return the key that the header of an object names, if it may open the object."""
        if not self.is_sealed:
            return {}
        named = data[KEY_ID]
        vmk = self.keyring.key(named, offered=key.startswith(object_names.MANIFESTS))
        if vmk is None:
            self.lacking.add(named)
            return {}
        return {named: vmk}

    @property
    def is_sealed(self) -> bool:
        return bool(self.genesis.suite)

    def is_offered(self, data: bytes) -> bool:
        """Return whether a manifest is sealed under a key that no roster record vouches for yet."""
        return self.is_sealed and data[KEY_ID] in self.keyring.offered

    def vouch_keys(self) -> bool:
        """Take the keys that the roster vouches for into custody; return whether there was one."""
        counting = {epoch.key_id for epoch in self.trust.epochs}
        return self.keyring.vouch(self.trust.readable, counting)

    def read_slots(self) -> None:
        """Offer the keyring the keys of the slots for this device, of which it has no key yet.

        Of one author only so many are tried whose key no record names; `read_left_slots` tries the
        others.
        """
        device, held = self.keyring.secrets.device, self.keyring.secrets.vmks
        keys = sorted(
            (name.key_id not in self.trust.readable, name.key_id not in self.lacking, key, name)
            for key, name in self.named_for(device.device_id)
            if name.kind == object_names.SLOT and name.key_id not in held
        )
        tried = Counter[bytes]()  # author -> slots whose key no record names
        self._left_slots.clear()
        for is_unnamed, _, key, name in keys:
            tried[name.device_id] += is_unnamed
            if not is_unnamed or tried[name.device_id] <= MAX_UNNAMED:
                self._offer_slot(key)
            else:
                self._left_slots[name.key_id].append(key)

    def read_left_slots(self) -> bool:
        """Try those of the other slots whose key an object names; return whether there were any.

        Each is tried once, so this takes no more requests than there are objects.
        """
        named = sorted(self.lacking & self._left_slots.keys())
        for key in [key for key_id in named for key in self._left_slots.pop(key_id)]:
            self._offer_slot(key)
        return bool(named)

    def _offer_slot(self, key: str) -> None:
        opened = None
        with suppress(Denied):  # it can be read later, and another device may have put one too
            opened = open_slot(self.store, key, self.vault.vault_id, self.keyring.secrets.device)
        if opened is not None:
            self.keyring.offer(opened)

    def sweep(self) -> None:
        """Delete half-written files of this device; the caller holds the push lock."""
        self.store.sweep()

    def note_verdict(self, key: str, verdict: Verdict) -> None:
        """Tell `--verbose` what was done with an object."""
        said = f"{verdict.status} {verdict.reason}".strip()
        self.on_note(ObjectNote(key, said, verdict.detail))


def open_slot(store: Store, key: str, vault_id: bytes, keys: DeviceKeys) -> Slot | None:
    """Return the slot at a store key; None: these keys do not open it, or it is damaged."""
    from hx.core.format import slot
    from hx.core.format.header import size_limit
    from hx.core.format.verdict import Fault

    try:
        data = store.get(key, size_limit(object_names.SLOT))
        return slot.opened(data, expect=key, vault_id=vault_id, box_seed=keys.box_seed)
    except (Fault, Missing):
        return None


def _without_store(error: NotMounted) -> str:
    """Return what a member can do when the place of its vault is not there."""
    if error.other:
        from shlex import quote  # slow to import

        return f"if that is the folder: `hx sync move --store {quote(error.other)}`"
    return f"mount it (a disk, a share, a stick), then try again; {ELSEWHERE}"
