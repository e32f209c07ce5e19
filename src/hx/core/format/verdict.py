"""The status of an object in the store, and the reason for it.

Source: docs/format.md, "Verdicts".
"""

from __future__ import annotations

IMPORTED = "imported"
PENDING = "pending"  # tried again: more bytes may arrive, or an upgrade of hx may help
SKIPPED = "skipped"  # it holds nothing that is needed
REJECTED = "rejected"  # these bytes will never be taken

# Reasons of pending objects
NOT_ARRIVED = "not arrived"
INCOMPLETE = "incomplete"
PLACEHOLDER = "placeholder"
NO_KEY = "no key"
ROSTER = "roster"
WAITING = "waiting"
NEEDS_UPGRADE = "needs upgrade"
UNKNOWN_FORMAT = "unknown format"  # and nobody has signed its bytes

# Reasons of skipped objects
SUPERSEDED = "superseded"
DUPLICATE = "duplicate"
FOREIGN = "foreign"
CONFLICT_COPY = "conflict copy"
TEMP = "temp"
OTHER_VAULT = "other vault"
REVOKED = "revoked"

# Reasons of rejected objects
MAGIC = "magic"
MISPLACED = "misplaced"
TOO_LARGE = "too large"
TRAILING = "trailing"
HEADER = "header"
COMMITMENT = "commitment"
BODY = "body"
SIGNATURE = "signature"
HASH = "hash"
TWO_CONTENTS = "two contents"
KEYS_ELSEWHERE = "keys elsewhere"
MALFORMED = "malformed"
AUTHOR = "author"


class Fault(Exception):  # noqa: N818  (a verdict about an object; callers report it)
    """The reason why one object is not taken.

    `detail` is a part of a sentence for people, without secrets.
    """

    def __init__(self, status: str, reason: str, detail: str) -> None:
        super().__init__(f"{status}, {reason}: {detail}")
        self.status = status
        self.reason = reason
        self.detail = detail


def pending(reason: str, detail: str) -> Fault:
    """Return a fault after which the object is tried again."""
    return Fault(PENDING, reason, detail)


def skipped(reason: str, detail: str) -> Fault:
    """Return a fault for an object that holds nothing that is needed."""
    return Fault(SKIPPED, reason, detail)


def rejected(reason: str, detail: str) -> Fault:
    """Return a fault for bytes that will never be taken."""
    return Fault(REJECTED, reason, detail)
