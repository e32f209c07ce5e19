"""hx.core.record.NamedTuple behaves like typing.NamedTuple, without its cost at import."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import NamedTuple as Typed

import pytest

from hx.core.record import NamedTuple


class Ours(NamedTuple):
    """Example."""

    a: int
    b: str = "x"

    @property
    def twice(self) -> int:
        return 2 * self.a


class Theirs(Typed):
    """Example."""

    a: int
    b: str = "x"

    @property
    def twice(self) -> int:
        return 2 * self.a


def test_a_record_behaves_like_a_named_tuple_of_typing():
    for make in (lambda kind: kind(1), lambda kind: kind(b="y", a=2), lambda kind: kind(1, "z")):
        ours, theirs = make(Ours), make(Theirs)
        assert ours == theirs
        assert hash(ours) == hash(theirs)
        assert (ours.a, ours.b, ours.twice) == (theirs.a, theirs.b, theirs.twice)
        assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
        assert ours._asdict() == theirs._asdict()
        assert ours._replace(b="q") == theirs._replace(b="q")
        assert type(ours._replace(b="q")) is Ours
        assert copy.copy(ours) == pickle.loads(pickle.dumps(ours)) == ours
    assert Ours._make((1, "y")) == Theirs._make((1, "y"))
    for name in ("_fields", "_field_defaults", "__doc__", "__module__", "__match_args__"):
        assert getattr(Ours, name) == getattr(Theirs, name)
    assert list(inspect.signature(Ours).parameters) == ["a", "b"]


@pytest.mark.parametrize(
    "arguments", [((), {}), ((1, 2, 3), {}), ((1,), {"c": 1}), ((1,), {"a": 1})]
)
def test_wrong_fields_are_refused(arguments):
    with pytest.raises(TypeError):
        Ours(*arguments[0], **arguments[1])


def test_a_record_accepts_only_its_own_fields():
    with pytest.raises(TypeError):
        Ours(1)._replace(c=1)
    with pytest.raises(TypeError):
        Ours._make((1,))
    with pytest.raises(AttributeError):
        Ours(1).c = 1
    with pytest.raises(AttributeError):
        Ours(1).a = 1


def test_a_record_may_have_no_fields():
    class Nothing(NamedTuple):
        pass

    assert Nothing() == ()
