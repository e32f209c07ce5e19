"""Mutants of the rules about trust: who is in the vault, and what is taken of whom.

`TRUST_MUTANTS` maps a rule to a function that returns a context in which the engine breaks it. A
run rarely meets these rules, so tests of their own notice them: only admins let others in, and who
came in by a code admits nobody by it (tests/attacks/test_learning.py); a later manifest does not
hide the last one, and an admin signs a farewell again (tests/attacks/test_departed.py); one name
has one content (tests/attacks/test_two_contents.py); an admission changes the key
(tests/attacks/test_epochs.py); a rotation makes a new key (tests/cli/sync/test_rotate.py); lost
objects are published again (tests/attacks/test_lost_objects.py).
"""

from __future__ import annotations

from contextlib import contextmanager
from unittest.mock import patch

from hx.core.format import roster
from hx.core.format.reached import Reachability
from hx.core.format.roster import Trust
from hx.database.sync import held
from hx.sync import (
    learning,
    manifests,
    membership,
    notices,
    revoked_objects,
    segments,
)
from hx.sync.context import Keyring

# ---- the roster ----


def records_of_who_is_out_count():
    return patch.object(
        Reachability, "_is_ordinary", lambda reachability, fact: fact.id in reachability._ordinary
    )


@contextmanager
def an_epoch_excludes_nobody():
    usable = roster._usable

    def for_all(epochs, signers, _inactive):
        return usable(epochs, signers, frozenset())

    with patch.object(roster, "_usable", for_all):
        yield


# ---- learning ----


@contextmanager
def records_are_learned_from_anybody():
    learn_from = manifests.learn_from

    def learn_all(context, signed, **options):
        lesson = learn_from(context, signed, **options)
        return lesson._replace(has_grown=context.learn(signed.manifest.roster) or lesson.has_grown)

    with patch.object(manifests, "learn_from", learn_all):
        yield


def everything_in_a_manifest_is_learned():
    return patch.object(learning, "_worth_storing", lambda _known, _trust, given: set(given))


def a_notice_is_believed():
    def first(context):
        keys = context.keyring.secrets.device
        return next(iter(notices._notices(context, keys)), ())

    return patch.object(notices, "proof_of_revocation", first)


# ---- what is taken ----


def every_manifest_of_a_departed_device_is_its_last():
    return patch.object(Trust, "takes_last", lambda trust, device, _objects: device in trust.last)


@contextmanager
def segments_of_waiting_devices_are_taken():
    require_author = segments._require_author

    def lenient(context, segment):
        if segment.device_id not in context.trust.waiting:
            require_author(context, segment)

    with patch.object(segments, "_require_author", lenient):
        yield


def what_a_copy_has_accepted_stays_held():
    return patch.object(held, "drop_applied", lambda _database, _applied: False)


# ---- keys ----


def every_offered_key_is_taken():
    def vouch(keyring, _readable, _counting=()):
        offered, keyring._offered = keyring._offered, {}
        if offered:
            keyring.keep(offered)
        return bool(offered)

    return patch.object(Keyring, "vouch", vouch)


@contextmanager
def slots_for_who_is_out_stay():
    hand_out = membership.hand_out_keys

    def without_deletion(context, there, besides=()):
        with patch.object(context.store, "delete", lambda _key: None):
            hand_out(context, there, besides)

    with patch.object(membership, "hand_out_keys", without_deletion):
        yield


# ---- duties ----


def objects_of_revoked_devices_stay():
    return patch.object(revoked_objects, "delete_revoked", lambda _context: 0)


# ---- the table ----
TRUST_MUTANTS = {
    "of who is out only what is kept counts": records_of_who_is_out_count,
    "nobody writes under a key that does not exclude who is out": an_epoch_excludes_nobody,
    "nothing is learned from who is out": records_are_learned_from_anybody,
    "of a manifest only what is retained is learned": everything_in_a_manifest_is_learned,
    "a notice has to prove what it says": a_notice_is_believed,
    "of a departed device only its last list is taken": (
        every_manifest_of_a_departed_device_is_its_last
    ),
    "a waiting device contributes nothing": segments_of_waiting_devices_are_taken,
    "what a copy of this device has accepted is not held": what_a_copy_has_accepted_stays_held,
    "a key is taken when a record names it": every_offered_key_is_taken,
    "slots for who is out are deleted": slots_for_who_is_out_stay,
    "what a revoked device has in the store is deleted": objects_of_revoked_devices_stay,
}
