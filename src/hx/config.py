"""Settings and paths; the only module that reads the environment.

A setting comes from the configuration file, else from its default. An invalid setting stops
nothing: it has its default, and `warnings` says so. Rules are valid only all together: if one of
them is invalid, the rules of the last good file stay active.
"""

from __future__ import annotations

import os

from hx.core.errors import InputError
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Any

    from hx.core.redaction.rules import Rules
    from hx.shells import UserFolders

    Value = Any  # str, int or bool; for rules a list or a table of str

_MAX_BYTES = 256 << 10  # size of the configuration file


class Setting(NamedTuple):
    """A setting of the configuration file."""

    name: str
    default: Value
    choices: tuple[str, ...]  # empty: any value of the default's type
    least: int
    meaning: str


_SCOPES = ("all", "session", "directory", "repository", "device")

SETTINGS = (
    Setting("color", "auto", ("auto", "always", "never"), 0, "colour in what hx prints"),
    Setting("limit", 50, (), 1, "how many events `hx find` and `hx search` show"),
    Setting("case", "smart", ("smart", "exact", "ignore"), 0, "smart: a capital letter is exact"),
    Setting("retention_days", 0, (), 0, "events older than so many days are removed here; 0: none"),
    Setting("picker_height", 40, (), 1, "percent of the terminal's rows that the picker takes"),
    Setting("picker_scope", "all", _SCOPES, 0, "where the picker looks first"),
    Setting("picker_enter", "run", ("run", "edit"), 0, "what Enter in the picker does"),
    Setting("picker_ctrl_r", True, (), 0, "whether Ctrl-R in the shells opens the picker"),
    Setting("picker_up_arrow", False, (), 0, "whether the up arrow in the shells does too"),
    Setting("sync_hold", True, (), 0, "whether a mass forget of another device waits for a yes"),
    Setting("sync_every_minutes", 5, (), 1, "how often `hx sync auto` syncs"),
    Setting("flush_events", 256, (), 1, "so many unpublished events are pushed in the background"),
    Setting("flush_minutes", 15, (), 1, "older unpublished events are pushed in the background"),
    Setting("record_lookups", False, (), 0, "whether lines that only ask hx are recorded too"),
    Setting("ignore", [], (), 0, "patterns of commands that are not kept"),
    Setting("allow", [], (), 0, "if not empty, only commands that match a pattern are kept"),
    Setting("redact", True, (), 0, "whether secrets in commands are masked"),
    Setting("redact_rules", {}, (), 0, "name = expression: your own kinds of secrets to mask"),
)


VARIABLES = {
    "HX_HOME": "one folder for all files of hx",
    "HX_PRIVATE": "while it is set, the hook records nothing",
    "HX_SESSION": "set by the hook: the id of this shell's session",
    "HX_LINE": "set by the hook of bash: whether the line that runs now is recorded",
    "HX_UNRECORDED": "set by the hook: why it does not record this shell",
    "HX_NEW_PASSPHRASE_COMMAND": "a command that prints the next passphrase, to change it",
    "HX_PASSPHRASE_COMMAND": "a command that prints the passphrase for the keys of this device",
    "TRIGGER_UNIT": "set by systemd: the timer or path unit that has started hx",
    "HX_DEBUG": "print where in hx an internal error happened",
    "DBUS_SESSION_BUS_ADDRESS": "the bus of a keychain; without it, that of the session",
    "NO_COLOR": "no colour",
    "TERM": "set by the terminal; on a `dumb` one there is no picker, no colour and no progress",
    "COLORFGBG": "set by some terminals: dark or light, for the colours of the picker",
    "ESCDELAY": "how many ms an ESC may be the beginning of another key",
    "SSH_CONNECTION": "set by ssh, as SSH_TTY: the picker waits longer for the rest of a key",
    "XDG_CONFIG_HOME": "the settings are in its folder hx",
    "XDG_DATA_HOME": "the database is in its folder hx",
    "XDG_STATE_HOME": "the spool is in its folder hx",
}


class Paths(NamedTuple):
    """Where hx keeps its files."""

    config: str  # config.toml
    data: str  # folder of hx.db, device.key or custody.toml, ingest.lock
    spool: str  # folder
    pause: str  # file

    @property
    def database(self) -> str:
        return os.path.join(self.data, "hx.db")

    @property
    def lock(self) -> str:
        return os.path.join(self.data, "ingest.lock")

    @property
    def rules(self) -> str:
        return os.path.join(self.data, "rules.json")


class Config(NamedTuple):
    """The settings, paths and variables of one run of hx."""

    paths: Paths
    values: dict[str, Value]
    sources: dict[str, str]  # setting -> "default" or the file
    warnings: tuple[str, ...]
    session: str | None  # HX_SESSION: the session of the calling shell
    host: str  # invalid UTF-8 in it is replaced
    debug: bool
    no_color: bool
    passphrase_command: str | None  # HX_PASSPHRASE_COMMAND
    new_passphrase_command: str | None  # HX_NEW_PASSPHRASE_COMMAND
    umask: int  # the umask of the user, for files in a shared folder
    rules_are_valid: bool  # else `values` has the rules of the last good file
    ground: str  # COLORFGBG: the colours of the terminal, such as "15;0"
    terminal: str  # TERM: the type of the terminal; the picker cannot draw on "" and "dumb"
    escape_delay: str  # ESCDELAY: ms, often empty
    is_remote: bool  # SSH_CONNECTION or SSH_TTY: the terminal is at the other end of a network
    is_background: bool = False  # no person started this run: no question, no dialog

    @property
    def limit(self) -> int:
        return int(self.values["limit"])

    @property
    def rules(self) -> Rules:
        """Return the rules that decide what is kept and masked; a new object at each call."""
        from hx.core.redaction.rules import Rules

        values = self.values
        ignore, allow = tuple(values["ignore"]), tuple(values["allow"])
        return Rules(ignore, allow, values["redact_rules"], redact=values["redact"])

    def keep_rules(self) -> None:
        """Store the valid rules, for the time when the file is invalid. Raises OSError."""
        if self.rules_are_valid and (_has_rules(self.values) or os.path.exists(self.paths.rules)):
            from hx.config_rules import keep

            keep(self.paths.rules, self.values, _DEFAULTS)


_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
_RULES = ("ignore", "allow", "redact", "redact_rules")


def _has_rules(values: Mapping[str, Value]) -> bool:
    return any(values[name] != _DEFAULTS[name] for name in _RULES)


def load(environment: Mapping[str, str] = os.environ, umask: int = 0o077) -> Config:
    """Return the configuration; `umask` is the one with which hx was started.

    Raises InputError only when there is no home folder.
    """
    paths = find_paths(environment)
    values: dict[str, Value] = dict(_DEFAULTS)
    sources = dict.fromkeys(values, "default")
    warnings: list[str] = []
    settings = _read(paths.config, warnings)
    rules_are_valid = settings is not None
    for name, value in (settings or {}).items():
        fault = _fault(name, value)
        if fault:
            warnings.append(f"{paths.config}: {fault}")
            rules_are_valid &= name not in _RULES
        else:
            values[name], sources[name] = value, paths.config
    if not rules_are_valid:
        _take_last_good(paths, values, sources, warnings)
    return Config(
        paths,
        values,
        sources,
        tuple(warnings),
        environment.get("HX_SESSION"),
        os.fsencode(os.uname().nodename).decode(errors="replace"),
        bool(environment.get("HX_DEBUG")),
        bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb",
        environment.get("HX_PASSPHRASE_COMMAND"),
        environment.get("HX_NEW_PASSPHRASE_COMMAND"),
        umask,
        rules_are_valid,
        environment.get("COLORFGBG", ""),
        environment.get("TERM", ""),
        environment.get("ESCDELAY", ""),
        bool(environment.get("SSH_CONNECTION") or environment.get("SSH_TTY")),
    )


def _take_last_good(
    paths: Paths, values: dict[str, Value], sources: dict[str, str], warnings: list[str]
) -> None:
    from hx.config_rules import last_good

    good = last_good(paths.rules)
    for name in _RULES:
        values[name] = _DEFAULTS[name] if good is None else good[name]
        sources[name] = "default" if good is None else paths.rules
    which = "the default rules" if good is None else "the last good rules"
    warnings.append(f"{which} for what is kept and masked are active until {paths.config} is valid")


def find_paths(environment: Mapping[str, str]) -> Paths:
    """Return the paths: all in HX_HOME, else in the XDG folders."""
    home = environment.get("HX_HOME")
    if home:
        home = os.path.abspath(home)
        return Paths(
            os.path.join(home, "config.toml"),
            home,
            os.path.join(home, "spool"),
            os.path.join(home, "pause"),
        )
    config = _base(environment, "XDG_CONFIG_HOME", ".config")
    data = _base(environment, "XDG_DATA_HOME", ".local/share")
    state = _base(environment, "XDG_STATE_HOME", ".local/state")
    return Paths(
        os.path.join(config, "config.toml"),
        data,
        os.path.join(state, "spool"),
        os.path.join(state, "pause"),
    )


def _base(environment: Mapping[str, str], variable: str, default: str) -> str:
    folder = environment.get(variable, "")
    if not folder.startswith("/"):  # the XDG specification ignores a relative path
        folder = os.path.join(_home(environment), default)
    return os.path.join(folder, "hx")


def _home(environment: Mapping[str, str]) -> str:
    """Return the home folder; `expanduser` would take an empty HOME for `/`."""
    home = environment.get("HOME") or _home_of_user()
    if not home.startswith("/"):
        raise InputError("there is no home folder", "set HOME, or HX_HOME to a folder of yours")
    return home.rstrip("/") or "/"


def require_home(environment: Mapping[str, str] = os.environ, *, or_hx_home: bool = False) -> None:
    """Check that HOME (or HX_HOME) is set: the password database may name another. InputError."""
    is_named = or_hx_home and bool(environment.get("HX_HOME"))
    if not is_named and not environment.get("HOME", "").startswith("/"):
        raise InputError(
            "HOME is not set, so hx does not know whose files are meant: nothing was changed",
            "set HOME to the home folder and run the command again",
        )


def _home_of_user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return ""


def _read(path: str, warnings: list[str]) -> dict[str, Value] | None:
    """Return the settings in the file; None when it cannot be read."""
    if not os.path.lexists(path):
        return {}
    import tomllib

    from hx.files import text_of

    try:
        return tomllib.loads(text_of(path, _MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not TOML, not UTF-8
        text = str(error)
        warnings.append(f"{path} cannot be read, so its settings are not used: {text}")
        return None


def _fault(name: str, value: object) -> str:
    """Return what is wrong with a value in the file; empty when it is valid."""
    from hx import config_rules

    if name in _RULES:
        return config_rules.fault(name, value)
    setting = next((setting for setting in SETTINGS if setting.name == name), None)
    if setting is None:
        return f"there is no setting {name!r}: `hx config` lists the settings"
    return config_rules.fault_of_value(name, value, setting.default, setting.choices, setting.least)


def working_directory(environment: Mapping[str, str] = os.environ) -> str:
    """Return the directory as the shell names it (with links), if that name is still right."""
    named = environment.get("PWD", "")
    if named.startswith("/") and _is_here(named):
        return named
    try:
        return os.getcwd()
    except OSError:  # the directory was removed; events were recorded with this name
        if named.startswith("/"):
            return named
        raise InputError(
            "the working directory no longer exists", "change to another one: cd"
        ) from None


def _is_here(path: str) -> bool:
    try:
        return os.path.samefile(path, ".")
    except OSError:
        return False


def started_by(environment: Mapping[str, str] = os.environ) -> str:
    """Return what has started a sync in the background: watch or timer, by systemd's variable."""
    return "watch" if environment.get("TRIGGER_UNIT", "").endswith(".path") else "timer"


def runtime_folder(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the folder in which bash keeps its text file, if there is one."""
    folder = environment.get("XDG_RUNTIME_DIR", "")
    return folder if folder.startswith("/") else None


def find_session_bus(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the address of the session bus where it is missing: libraries of keychains read it."""
    from hx.custody import session_bus

    folders = [runtime_folder(environment) or "", f"/run/user/{os.geteuid()}"]
    environment.update(session_bus.variables(environment.get(session_bus.NAME, ""), folders))


def hook_variables(environment: Mapping[str, str] = os.environ) -> tuple[bool, str, str]:
    """Return whether HX_PRIVATE is set, HX_LINE and HX_UNRECORDED, which the hook of bash sets."""
    text = environment.get
    return bool(text("HX_PRIVATE")), text("HX_LINE", ""), text("HX_UNRECORDED", "")


def login_shell(environment: Mapping[str, str] = os.environ) -> str:
    return environment.get("SHELL", "")


def user_folders(environment: Mapping[str, str] = os.environ) -> UserFolders:
    """Return where shells and other tools keep files of this user. Raises InputError."""
    from hx.shells import UserFolders

    def folder(variable: str, default: str) -> str:
        path = environment.get(variable, "")
        return path if path.startswith("/") else os.path.join(home, default)

    home = _home(environment)
    return UserFolders(
        home,
        folder("XDG_CONFIG_HOME", ".config"),
        folder("XDG_DATA_HOME", ".local/share"),
        folder("ZDOTDIR", home),
    )


def search_path(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the folders in which the shell searches for programs."""
    return [folder for folder in environment.get("PATH", "").split(os.pathsep) if folder]


def shell_histories(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the paths at which shells may keep histories of their own; HISTFILE is the first."""
    from hx.shells import SHELLS

    # lines without times come last: then they can be recognised as events that are already there
    shells = sorted(SHELLS.values(), key=lambda shell: not shell.keeps_times)
    paths = [path for shell in shells for path in shell.history_paths]
    named = environment.get("HISTFILE", "")
    return [*dict.fromkeys([named] * named.startswith("/") + _in_folders(paths, environment))]


def import_paths(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the paths at which histories may be that hx can import.

    Other tools come first: they say more about a command than the shell's own history of it.
    """
    from hx.importers.registry import importers

    paths = [path for tool in importers() for path in tool.PLACES]
    return [*dict.fromkeys(_in_folders(paths, environment) + shell_histories(environment))]


def _in_folders(paths: list[str], environment: Mapping[str, str]) -> list[str]:
    """Fill in the folders of the user; nothing where there is no home folder."""
    try:
        folders = user_folders(environment)
    except InputError:
        return []
    return [path for each in paths if (path := folders.filled(each, environment))[:1] == "/"]
