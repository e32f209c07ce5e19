"""What becomes of an object of the store: taken, or why not, and whether that may change.

Source: sync contract v1, section 8 (docs/format.md).
"""

from __future__ import annotations

IMPORTED = "imported"
PENDING = "pending"  # may come right by itself, or by an upgrade: tried again
SKIPPED = "skipped"  # nothing is missed
REJECTED = "rejected"  # these bytes will never do

# pending
NOT_ARRIVED = "not arrived"
INCOMPLETE = "incomplete"
PLACEHOLDER = "placeholder"
NO_KEY = "no key"
ROSTER = "roster"
NEEDS_UPGRADE = "needs upgrade"

# skipped
SUPERSEDED = "superseded"
DUPLICATE = "duplicate"
FOREIGN = "foreign"
CONFLICT_COPY = "conflict copy"
TEMP = "temp"
OTHER_VAULT = "other vault"
REVOKED = "revoked"

# rejected
MAGIC = "magic"
MISPLACED = "misplaced"
TOO_LARGE = "too large"
TRAILING = "trailing"
HEADER = "header"
COMMITMENT = "commitment"
BODY = "body"
SIGNATURE = "signature"
HASH = "hash"
MALFORMED = "malformed"
AUTHOR = "author"


class Fault(Exception):  # noqa: N818  (a finding about an object, never shown as it is)
    """One object is not taken. `detail` is a part of a sentence for people, without secrets."""

    def __init__(self, status: str, reason: str, detail: str) -> None:
        super().__init__(f"{status}, {reason}: {detail}")
        self.status = status
        self.reason = reason
        self.detail = detail


def pending(reason: str, detail: str) -> Fault:
    return Fault(PENDING, reason, detail)


def skipped(reason: str, detail: str) -> Fault:
    return Fault(SKIPPED, reason, detail)


def rejected(reason: str, detail: str) -> Fault:
    return Fault(REJECTED, reason, detail)
