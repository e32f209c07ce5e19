"""A replacement for `typing.NamedTuple` that needs neither `typing` nor `collections`.

Importing these two takes as long as a whole query. Type checkers see typing.NamedTuple; at run time
the same classes are made here in a third of the time. A module that defines records needs `from
__future__ import annotations`.
"""

from _operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414  (the spelling of a re-export)
else:
    try:
        from _collections import _tuplegetter
    except ImportError:  # another Python than CPython

        def _tuplegetter(place, doc):
            return property(itemgetter(place), doc=doc)

    class _Record(tuple):
        """The methods that typing.NamedTuple gives to each class."""

        __slots__ = ()

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"{len(made)} values for {len(cls._fields)} fields")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, /, **changes):
            made = tuple.__new__(type(self), map(changes.pop, self._fields, self))
            if changes:
                raise TypeError(f"no such fields: {', '.join(changes)}")
            return made

        def __repr__(self):
            shown = (f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({', '.join(shown)})"

        def __getnewargs__(self):
            return tuple(self)

    class _Records(type):
        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.pop("__annotations__", ()))
            defaults = tuple(body.pop(field) for field in fields if field in body)
            made = {
                "__slots__": (),
                "__new__": _new(fields, defaults),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": dict(zip(fields[-len(defaults) :], defaults, strict=False)),
            }
            for place, field in enumerate(fields):
                made[field] = _tuplegetter(place, None)
            return type(name, (_Record,), made | body)

    def _new(fields, defaults):
        """Return `__new__` for a record with these fields.

        It is compiled from source, so that Python checks calls against real parameters.
        """
        listed = "".join(f"{field}, " for field in fields)
        source = f"lambda _cls, {listed}: _tuple(_cls, ({listed}))"
        made = eval(source, {"_tuple": tuple.__new__})  # noqa: S307  (names of fields are our own)
        made.__defaults__ = defaults
        made.__name__ = made.__qualname__ = "__new__"
        return made

    class NamedTuple(metaclass=_Records):
        """The base class of records: annotations define the fields, in order."""
