"""`hx config` shows every setting, its value and its source, and the paths of hx."""

from __future__ import annotations

from hx.cli.events_output import print_json
from hx.config import SETTINGS, VARIABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


def run(arguments: list[str], config: Config) -> int:
    given = parser("config").parse_args(arguments)
    if given.json:
        print_json(_object(config))
        return 0
    print("settings")
    for setting in SETTINGS:
        # a wrong value is shown as its default: that is what is in force
        value, source = config.values[setting.name], config.sources[setting.name]
        print(f"  {setting.name:<14} {value!s:<8} ({source})  {setting.meaning}")
    print("places")
    for name, path in _places(config).items():
        print(f"  {name:<8} {path}")
    print("environment")
    for name, meaning in VARIABLES.items():
        print(f"  {name:<16} {meaning}")
    return 0


def _places(config: Config) -> dict[str, str]:
    paths = config.paths
    return {
        "config": paths.config,
        "database": paths.database,
        "spool": paths.spool,
        "pause": paths.pause,
    }


def _object(config: Config) -> dict[str, object]:
    settings = [
        {
            "name": setting.name,
            "value": config.values[setting.name],
            "default": setting.default,
            "source": config.sources[setting.name],
            "meaning": setting.meaning,
        }
        for setting in SETTINGS
    ]
    return {"settings": settings, "places": _places(config), "warnings": list(config.warnings)}


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_json()
    return made


_ABOUT = """\
Shows every setting with its value and where it comes from, the places where
hx stores data, and the environment variables that it reads. Settings are in the
file named `config`.
"""
