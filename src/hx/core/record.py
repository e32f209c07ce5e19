"""`NamedTuple` without `typing`, whose import costs as much as a whole query.

Type checkers see typing.NamedTuple; at run time the same records come from collections.
A module that defines records needs `from __future__ import annotations`.
"""

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414  (the spelling of a re-export)
else:

    class _Records(type):
        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = list(body.pop("__annotations__"))
            defaults = [body.pop(field) for field in fields if field in body]
            plain = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            return type(name, (plain,), {"__slots__": (), **body})

    class NamedTuple(metaclass=_Records):
        """Base of a record: fields are its annotations, in order."""
