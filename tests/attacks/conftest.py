"""A machine with its command line (`hx`) and what the hook of its shell does (`record`)."""

from cli.conftest import hx, machine, record

__all__ = ["hx", "machine", "record"]
