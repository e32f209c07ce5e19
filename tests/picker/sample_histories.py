"""Sample events, and helpers that ask the sources of answers of the picker."""

from __future__ import annotations

from hx.core.merge import History
from hx.core.model import Event, EventKey
from hx.core.rank import Here
from hx.database.join import join
from hx.picker.model import PickerQuery

NOW_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
DEVICE, OTHER = b"\x01" * 16, b"\x02" * 16
SESSION, EARLIER = b"\xa0" * 16, b"\xb0" * 16
HERE = Here(b"/srv", b"https://example.org/x", SESSION, DEVICE)


def event(age_s, command, device=DEVICE, session=EARLIER, cwd=b"/tmp", **fields):
    """Return an event that began `age_s` seconds ago; its sequence number follows from its age."""
    key = EventKey(NOW_US - age_s * SECOND_US, device, session, 1 + age_s)
    return Event(key, command.encode() if isinstance(command, str) else command, cwd, **fields)


def add_events(database, *events):
    with database.transaction():
        join(database, History(events=frozenset(events)))


def final_answer(source, question=None):
    """Return the answer of the source after it has done all its work."""
    question = question or PickerQuery()
    answer = source.answer(question)
    while source.busy(question):
        if source.work(question):
            answer = source.answer(question)
    return answer


def command_texts(answer):
    return [row.text for row in answer.rows]
