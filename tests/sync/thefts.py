"""Thieves in a simulation: somebody has the disk of a device that is out, or has seen a code.

They have random numbers of their own, so that a seed without them does not depend on them. What
holds while they write, and in the end, is asserted here.
"""

from __future__ import annotations

import random
from collections import Counter

from hx.core.format import object_names
from hx.core.format.keys import DeviceKeys
from hx.core.format.roster import evaluate
from hx.core.format.roster_records import (
    DeviceAdd,
    DeviceRevoke,
    Epoch,
    Invite,
    InviteClose,
    decode,
    read,
)
from hx.custody.key_set import Secrets
from hx.database.event_detail import rename_device
from hx.database.sync import vault
from sync.cluster import converge
from sync.departures import leave
from sync.devices import Device
from sync.thieves import Thief

MOST_THIEVES = 3
LEFT_OUT = 2  # joiners of one code that a device stores although none is admitted


class Thefts:
    """Actions of a Simulation; each method `do_NAME` carries out the action NAME."""

    def use_thieves(self, seed):
        """Decide whether this seed has thieves."""
        self.of_thieves = random.Random(f"thieves {seed}")
        self.has_thieves = self.of_thieves.random() < 0.3
        self.thieves = self.environment.thieves
        self._known_out, self._taken = {}, {}  # device -> what `observe` has seen last
        if self.has_thieves:
            often = {"steal_and_leave": 3, "steal_and_revoke": 4, "see_code": 3, "thieve": 14,
                     "sync": 8, "receive": 6, "invite": 2, "record": 4}  # fmt: skip
            self.actions += tuple(name for name, times in often.items() for _ in range(times))

    # ---- thefts ----

    def do_steal_and_leave(self, device):
        """Copy the disk of a device that then leaves the vault."""
        if self._has_others(device):
            self._steal(device)
            leave(device)
            self.leave(device)
            self._hurry()

    def do_steal_and_revoke(self, device):
        """Copy the disk of another device, or take that device away; then revoke it."""
        trust = device.context().trust
        if not self._has_others(device):
            return
        others = [each for each in self.devices if each.me in trust.active.keys() - {device.me}]
        victim = self.of_thieves.choice(others)
        self._steal(victim)
        by_recovery = device.me not in trust.admins or self.of_thieves.random() < 0.4
        device.revoke_by_hx(victim.me, by_recovery=by_recovery)
        if self.of_thieves.random() < 0.7:
            self.leave(victim)
        self._hurry()

    def _has_others(self, device):
        """Return whether a device is in the vault with others, and there is room for a thief."""
        active = device.context().trust.active.keys()
        others = active & {each.me for each in self.devices} - {device.me}
        return device.me in active and bool(others) and len(self.thieves) < MOST_THIEVES

    def _steal(self, device):
        self.thieves.append(Thief(device, self.of_thieves))

    def _hurry(self):
        """Let the last thief write before the others know that its device is out, if it may."""
        for _ in range(2):
            if not self.thieves[-1].is_patient and self._may_act(self.thieves[-1]):
                self._act(self.thieves[-1])

    def do_see_code(self, device):
        """Let somebody join by a code that another device uses at the same time.

        All devices see both at once. Else one that sees only the thief would admit it.
        """
        if len(self.thieves) >= MOST_THIEVES or device.me not in device.context().trust.admins:
            return
        secret = device.invite()
        joiners = [Device(self.environment, label) for label in ("stranger", "newcomer")]
        stranger, newcomer = joiners
        # of their own: the keys of invitations come from a generator with the seed of the devices'
        stranger.custody = Secrets(DeviceKeys(*map(self.of_thieves.randbytes, (32, 32))), {})
        stranger.me = stranger.custody.device.device_id
        with stranger.database.transaction():
            rename_device(stranger.database, stranger.me, "stranger")
        for joiner in joiners:
            joiner.view.held, joiner.skew_us = dict(self.environment.objects), device.skew_us
            joiner.join(secret)
        before = set(self.environment.objects)
        self.thieves.append(Thief(stranger, self.of_thieves, [secret], waits=True))
        stranger.close()
        self.devices.append(newcomer)
        newcomer.record()
        newcomer.push()
        self._act(self.thieves[-1])
        new = {key: data for key, data in self.environment.objects.items() if key not in before}
        for member in self.devices:
            member.view.held.update(new)

    # ---- what thieves do ----

    def do_thieve(self, _device):
        """Let a thief write, if some device knows that it is out; a patient one if all do."""
        able = [thief for thief in self.thieves if self._may_act(thief)]
        if able:
            self._act(self.of_thieves.choice(able))

    def _may_act(self, thief):
        """Return whether a thief would do now what no member can do."""
        trusts = [device.context().trust for device in self.devices]
        if any(thief.ids & trust.active.keys() for trust in trusts) and thief.is_patient:
            return False
        if thief.waits:
            is_closed = thief.seeds.keys() <= self._closed()
            return is_closed and not any(thief.me in trust.active for trust in trusts)
        out = [thief.me in trust.inactive for trust in trusts]
        return all(out) if thief.is_patient else any(out)

    def _closed(self):
        """Return the ids of the invitations that all devices know as closed."""
        closed = [device.context().trust.closed for device in self.devices]
        return frozenset.intersection(*closed) if closed else frozenset()

    def _act(self, thief):
        # keys of devices and of invitations come from generators with one seed: some are alike
        alike = {device.custody.device.sign_seed for device in self.devices}
        thief.seeds = {code: seed for code, seed in thief.seeds.items() if seed not in alike}
        # a revocation that counts for a device can be kept by the revocation of the thief
        thief.spares_admins = any(may_revoke_admins(device, thief) for device in self.devices)
        thief.revokes = thief.is_late or not thief.spares_admins
        thief.act(self.environment.objects, self.environment.now_us, self._closed())
        trusts = [device.context().trust for device in self.devices]
        if any(thief.me in trust.active for trust in trusts):
            # such a device may take it, publish it again and forget where it was, in one step
            for records in thief.wrote.values():
                self.environment.made |= records
                self.environment.maybe_lost |= records

    # ---- what holds after each step ----

    def observe(self):
        """Assert that devices take nothing of a thief that is out, as far as each of them knows.

        What a device has taken before it knew may be in the history from then on.
        """
        for device in self.devices if self.thieves else ():
            trust = device.context().trust
            taken = taken_segments(device)
            for author, object_id in taken - self._taken.get(device, frozenset()):
                for thief in self.thieves:
                    if object_id in thief.wrote:
                        self._require_permitted(device, thief, author, object_id)
                        self.environment.made |= thief.wrote[object_id]
                        self.environment.maybe_lost |= thief.wrote[object_id]
            for thief in self.thieves:
                require_no_puppets(device, thief)
            self._taken[device] = taken
            self._known_out[device] = trust.active, trust.inactive

    def _require_permitted(self, device, thief, author, object_id):
        """Assert that a device may have taken a segment of a thief in this step."""
        trust = device.context().trust
        active, inactive = self._known_out.get(device, ({}, frozenset()))
        is_out = author not in active if thief.waits else author in inactive
        if author in trust.active or not is_out:
            return
        accepted = [thief.lists.get(digest, ()) for digest in trust.last.get(author, ())]
        assert any(object_id in listed for listed in accepted), (
            f"{device.label} has taken what a device that is out has published: "
            f"{thief.wrote[object_id]}"
        )

    # ---- what holds in the end ----

    def stop_using_stolen_devices(self):
        """Remove devices whose keys a thief uses too: who has the keys is the device."""
        stolen = {thief.me for thief in self.thieves if thief.has_acted}
        for device in [device for device in self.devices if device.me in stolen]:
            self.leave(device)

    def end_thefts(self):
        """Let all thieves write once more, and assert that this changes nothing."""
        if not self.thieves or not self.devices:
            return
        self._revoke_admitted()
        self.decide_all()
        if not self.devices:
            return
        self._remove_lone_notices()
        before, trust = dict(self.environment.objects), self.devices[0].context().trust
        known = set().union(*(vault.records(device.database) for device in self.devices))
        for thief in self.thieves:
            # not what the owner of a disk has signed and told nobody: that would count
            thief.permitted = known
            thief.is_late, thief.says_farewell = True, bool(trust.admins & trust.active.keys())
            for _ in range(3):
                self._act(thief)
            thief.signed_late -= known  # a device has signed the same, and all know it
        for device in self.devices:
            device.record()
        converge(self.environment, self.devices)
        self.observe()
        self._require_unchanged()
        self._require_unread(before)
        self._require_invitation()

    def _remove_lone_notices(self):
        """Remove notices for devices that are in the vault: who has revoked one told nobody else.

        A device reads its notice when it meets a manifest that it cannot open, as thieves write.
        """
        active = self.devices[0].context().trust.active
        for key in list(self.environment.objects):
            name = object_names.parsed(key)
            if name is not None and name.kind == object_names.NOTICE and name.object_id in active:
                del self.environment.objects[key]
        for device in self.devices:
            device.view.receive()

    def _revoke_admitted(self):
        """Revoke each thief that is in the vault, by the words; its device is no longer used.

        A device has admitted it by the code it has seen, or the revocation after the theft failed.
        """
        active = self.devices[0].context().trust.active
        within = {each for thief in self.thieves for each in thief.ids} & active.keys()
        for device in [device for device in self.devices if device.me in within]:
            self.leave(device)
        for device_id in sorted(within) if self.devices else ():
            self.devices[0].revoke_by_hx(device_id, by_recovery=True)
        # a thief, or the owner of its device, may have revoked other admins: the words end that
        for thief in self.thieves if self.devices else ():
            if may_revoke_admins(self.devices[0], thief):
                self.devices[0].revoke(thief.me, by_recovery=True, keeping=True)
        converge(self.environment, self.devices)

    def _require_unchanged(self):
        """Assert that thieves have put nobody out, let nobody in, and taught nobody anything.

        A thief may know honest records that no device has told the others.
        """
        late = set().union(*(thief.signed_late for thief in self.thieves))
        for device in self.devices:
            trust, stored = device.context().trust, vault.records(device.database)
            before = evaluate(device.context().genesis, stored - late)
            for name in ("active", "waiting", "admins", "open_invites"):
                was, now = set(getattr(before, name)), set(getattr(trust, name))
                assert was == now, f"a thief has changed what {device.label} knows as {name}"
            for thief in self.thieves:
                was_admin = thief.me in trust.admins
                require_untaught(stored & thief.signed_late, device, was_admin=was_admin)
                usable = {each for _, each in trust.usable} & thief.made_keys
                assert not usable, f"{device.label} would write under the key of a thief"
                strange = thief.made_keys & device.custody.vmks.keys() - trust.readable
                assert not strange, f"{device.label} has a key that nobody vouches for"

    def _require_unread(self, before):
        """Assert that no key of a thief opens what devices have written since."""
        mine = {device.me for device in self.devices}
        for thief in self.thieves if self.devices[0].context().is_sealed else ():
            thief.read(self.environment.objects)
            for key, data in self.environment.objects.items():
                name = object_names.parsed(key)
                kinds = (object_names.SEGMENT, object_names.MANIFEST)
                if key not in before and name.kind in kinds and name.device_id in mine:
                    assert not thief.opens(data), f"a thief reads {key}"

    def _require_invitation(self):
        """Assert that a device can still be let in, and that it reads everything."""
        device = self.devices[0]
        if device.me not in device.context().trust.admins:
            device.make_admin()
        newcomer = Device(self.environment, "last newcomer")
        newcomer.skew_us = device.skew_us  # else the invitation may have expired for it
        self.devices.append(newcomer)
        secret = device.invite()
        newcomer.view.receive()
        newcomer.join(secret)
        newcomer.sync()
        newcomer.spend(secret)
        converge(self.environment, self.devices)
        self.decide_all()  # it reads all tombstones of others at once
        for each in self.devices:
            assert newcomer.me in each.context().trust.active, f"not admitted on {each.label}"


def taken_segments(device):
    """Return (author, object id) of each segment that was taken into a database."""
    sql = "SELECT device_id, object_id FROM segment WHERE status = 'imported'"
    return frozenset(device.database.execute(sql).fetchall())


def require_no_puppets(device, thief):
    """Assert that a thief with no admin's keys lets nobody in, whom no honest device admits."""
    trust = device.context().trust
    if thief.me in trust.admins:
        return
    facts, _ = read(vault.records(device.database) - thief.signed, thief.vault_id)
    admitted = {each for fact in facts if isinstance(fact.body, InviteClose)
                for each in fact.body.admitted}  # fmt: skip
    let_in = thief.ids - {thief.me} & trust.active.keys() - admitted
    assert not let_in, f"{device.label} knows puppets of a thief as active: {let_in}"


def may_revoke_admins(device, thief):
    """Return whether a thief with the keys of an admin can put out other admins, for a device.

    Two admins that revoke each other are both out, so a thief that was revoked can do it too,
    unless recovery has revoked it, or it has left.
    """
    trust = device.context().trust
    facts, _ = read(vault.records(device.database), thief.vault_id)
    by = {fact.signer for fact in facts
          if isinstance(fact.body, DeviceRevoke) and fact.body.device_id == thief.me}  # fmt: skip
    is_ended = thief.me in trust.departed or thief.genesis.recovery_sign_pub in by
    return thief.me in trust.admins and not is_ended


def require_untaught(records, device, *, was_admin):
    """Assert that of what thieves have signed late only that is stored which docs/format.md names.

    These are epochs and farewells, and adds by a code, of which few are stored. Of an admin these
    are also its adds and invitations: who came in by them is out, and gets no key.
    """
    bodies = [decode(record.payload) for record in records]
    adds = [body for body in bodies if isinstance(body, DeviceAdd)]
    farewells = [body for body in bodies if isinstance(body, DeviceRevoke)]
    kinds = DeviceAdd | DeviceRevoke | Epoch | (Invite if was_admin else Epoch)
    others = [body for body in bodies if not isinstance(body, kinds)]
    assert not others, f"{device.label} has learned from a thief: {others}"
    # of each code: those of devices that wait or were left out, and of those that are out
    by_code = Counter(record.signer for record in records
                      if isinstance(decode(record.payload), DeviceAdd))  # fmt: skip
    few = all(number <= 2 * LEFT_OUT for number in by_code.values())
    assert was_admin or few, f"{device.label} has learned of puppets: {adds}"
    strange = [body for body in farewells if body.device_id in device.context().trust.active]
    assert not strange, f"{device.label} has learned a revocation by a thief: {strange}"
