"""One visit to the store: the vault, its keys and its trust, as every step of a sync sees them."""

from __future__ import annotations

from hx.core.errors import NotAVault
from hx.core.format import object_names
from hx.core.record import NamedTuple
from hx.database.sync import vault as rows
from hx.stores import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hx.core.format.genesis import Genesis
    from hx.core.format.keys import DeviceKeys
    from hx.core.format.object_names import Name
    from hx.core.format.roster import Member, Trust
    from hx.core.format.roster_records import Record
    from hx.core.format.slot import Slot
    from hx.custody.key_set import Secrets
    from hx.database.connection import Database
    from hx.database.sync.ledger import Verdict
    from hx.database.sync.vault import Vault
    from hx.stores import Store


class Keyring:
    """The keys of this device and its vault; custody is asked when the first one is needed."""

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
        """Keys that the roster vouches for, by their ids: these seal and open everything."""
        return {key_id: vmk for key_id, (_, vmk) in self.secrets.vmks.items()}

    @property
    def offered(self) -> dict[bytes, bytes]:
        """Keys from slots that nothing vouches for yet: they may open manifests, no more."""
        return {key_id: vmk for key_id, (_, vmk) in self._offered.items()}

    def offer(self, found: Slot) -> None:
        if found.key_id not in self.secrets.vmks:
            self._offered[found.key_id] = (found.number, found.vmk)

    def vouch(self, readable: Iterable[bytes]) -> bool:
        """Take what was offered and is an epoch's key into custody; whether there was any."""
        found = {
            key_id: self._offered.pop(key_id) for key_id in readable if key_id in self._offered
        }
        if found:
            self.keep(found)
        return bool(found)

    def keep(self, vmks: dict[bytes, tuple[int, bytes]]) -> None:
        """In custody first: nothing is sealed under a key that a crash could take away."""
        merged = self.secrets._replace(vmks={**self.secrets.vmks, **vmks})
        self._store(merged)
        self._secrets = merged


class Note(NamedTuple):
    """What was done with one object, for `--verbose`."""

    key: str
    verdict: str
    detail: str = ""


class Pulled(NamedTuple):
    """What a pull did."""

    objects: int = 0  # segments taken
    events: int = 0  # that were not here
    forgotten: int = 0  # that were here, and somebody has forgotten
    dropped: int = 0  # that came too late: they are forgotten
    pending: int = 0  # objects that are so now, whenever they came
    rejected: int = 0


class SyncContext:
    """The database is ours alone to change what it says of the vault while the visit lasts."""

    def __init__(
        self, database: Database, store: Store, me: bytes, keyring: Keyring, now_us: int
    ) -> None:
        found = rows.read(database)
        assert found is not None, "there is a vault"
        self.database = database
        self.store = store
        self.vault: Vault = found
        self.me = me
        self.keyring = keyring
        self.now_us = now_us
        self.on_note: Callable[[Note], object] = lambda _note: None
        self.tell: Callable[[int, int], object] = lambda _done, _size: None
        self._genesis: Genesis | None = None
        self._trust: Trust | None = None
        self.listing: dict[str, Name] = {}
        self.newcomers: list[Member] = []  # devices that this visit was the first to hear of
        self.own_read: list[str] = []  # own manifests that were news to this database
        self.unvouched: dict[str, bytes] = {}  # manifest -> id of the offered key that opened it

    @property
    def genesis(self) -> Genesis:
        if self._genesis is None:
            from hx.core.format.genesis import (
                read,  # a visit that finds nothing new needs no crypto
            )

            self._genesis = read(self.vault.genesis)
        return self._genesis

    @property
    def trust(self) -> Trust:
        """Who is trusted, by all that was ever heard of the roster."""
        if self._trust is None:
            from hx.core.format.roster import evaluate

            self._trust = evaluate(self.genesis, rows.records(self.database))
        return self._trust

    @property
    def knows_trust(self) -> bool:
        """Whether the roster was evaluated in this visit already."""
        return self._trust is not None

    def learn(self, records: Iterable[Record]) -> bool:
        """Roster records, whoever brought them: they vouch for themselves."""
        from hx.core.format.roster_records import is_genuine

        genuine = [one for one in records if is_genuine(one, self.vault.vault_id)]
        if not genuine:
            return False
        with self.database.transaction():
            grown = rows.add_records(self.database, genuine)
        if grown:
            self._trust = None
        return grown

    def suppose(self, records: Iterable[Record]) -> None:
        """Trust as if these were known too; nothing is kept of them."""
        from hx.core.format.roster import evaluate
        from hx.core.format.roster_records import is_genuine

        genuine = {one for one in records if is_genuine(one, self.vault.vault_id)}
        self._trust = evaluate(self.genesis, rows.records(self.database) | genuine)

    def list_manifests(self) -> None:
        """One list request: everything new is found by it."""
        found = {}
        for entry in self.store.list(object_names.MANIFESTS):
            name = object_names.parsed(entry.key)
            if name is not None and name.kind == object_names.MANIFEST:
                found[entry.key] = name
        self.listing = found

    def segments_there(self, device_id: bytes) -> set[bytes]:
        """Object ids of the segments of a device, by a listing, which may be stale."""
        listed = self.store.list(object_names.segments_of(device_id))
        return {name.object_id for entry in listed if (name := object_names.parsed(entry.key))}

    def require_marker(self) -> None:
        """The store is there and holds this vault. Raises StoreError, NotAVault."""
        try:
            found = self.store.get(object_names.VAULT_KEY, len(self.vault.genesis))
        except Missing:
            raise NotAVault(
                f"{self.vault.store} does not hold a vault: {object_names.VAULT_KEY} is missing",
                "is the right disk mounted there? nothing was changed",
            ) from None
        if found != self.vault.genesis:
            raise NotAVault(
                f"{self.vault.store} holds another vault than {self.vault.name!r}",
                "mount the right one, or see `hx sync status`; nothing was changed",
            )

    def unsealed(self, key: str, data: bytes) -> bytes:
        """The payload of a manifest, segment or blob. Raises Fault."""
        from hx.core.format.envelope import unseal

        suite = self.genesis.suite
        _, payload = unseal(
            data, expect=key, vault_id=self.vault.vault_id, suite=suite, vmks=self._readable(key)
        )
        return payload

    def _readable(self, key: str) -> dict[bytes, bytes]:
        if not self.is_sealed:
            return {}
        offered = self.keyring.offered if key.startswith(object_names.MANIFESTS) else {}
        return {**offered, **self.keyring.vmks}

    @property
    def is_sealed(self) -> bool:
        return bool(self.genesis.suite)

    def is_offered(self, data: bytes) -> bool:
        """Whether the key of a manifest is one that nothing vouches for yet."""
        return self.is_sealed and data[56:72] in self.keyring.offered

    def read_slots(self) -> None:
        """Keys that somebody has put down for this device."""
        device = self.keyring.secrets.device
        for found in slots(self.store, self.vault.vault_id, device):
            self.keyring.offer(found)

    def sweep(self) -> None:
        """Take out of the store what this device left half written; while no other push runs."""
        sweep: Callable[[], int] | None = getattr(self.store, "sweep", None)
        if sweep is not None:
            sweep()

    def note(self, key: str, verdict: Verdict) -> None:
        said = f"{verdict.status} {verdict.reason}".strip()
        self.on_note(Note(key, said, verdict.detail))


def slots(store: Store, vault_id: bytes, keys: DeviceKeys) -> Iterator[Slot]:
    """Every slot that these keys open; what is damaged or another's is passed over."""
    from hx.core.format import slot
    from hx.core.format.header import size_limit
    from hx.core.format.verdict import Fault

    for entry in store.list(object_names.slots_for(keys.device_id)):
        try:
            data = store.get(entry.key, size_limit(object_names.SLOT))
            yield slot.opened(data, expect=entry.key, vault_id=vault_id, box_seed=keys.box_seed)
        except (Fault, Missing):
            continue
