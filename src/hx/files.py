"""Folders and files that belong to one person: 0700 and 0600 whatever the umask."""

from __future__ import annotations

import os

from hx.core.errors import DatabaseError, InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_NETWORK = (
    *("nfs", "cifs", "smb", "9p", "afs", "sshfs", "rclone", "ceph", "glusterfs", "ncpfs"),
    *("lustre", "gpfs", "beegfs", "panfs"),
)


def private_folder(path: str) -> None:
    """Make a folder (and its parents) that only its owner enters; refuse another owner's."""
    try:
        for folder in reversed(_missing(path)):
            _make_folder(folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{error.filename} is a file, but hx needs a folder there",
            "move it away, or set HX_HOME",
        ) from None
    except OSError as error:
        raise DatabaseError(
            f"cannot make the folder {path}: {reason(error)}",
            "make it writable, or set HX_HOME to a folder that is",
        ) from None
    require_owner(path)


def _missing(path: str) -> list[str]:
    """The folder and those of its parents that are not there, the innermost first."""
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    else:
        os.chmod(path, 0o700)  # the umask may have taken from it


def require_owner(path: str) -> None:
    """Raise DatabaseError unless the effective user owns it (sudo with a kept HOME does not)."""
    owner = os.stat(path).st_uid
    if owner != os.geteuid():
        raise DatabaseError(
            f"{path} belongs to another user (uid {owner}, you are {os.geteuid()})",
            "run hx as that user, or set HX_HOME to a folder of your own",
        )


def replace_file(
    path: str,
    data: bytes,
    *,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Write a whole file or nothing, safe against a crash; `owner`: user and group ids.

    `check` is called at the last moment, and may raise to leave the file as it is.
    """
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                _give(descriptor, *owner)
            os.fchmod(descriptor, mode)  # after the owner: a change of owner may take from it
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check()
        os.replace(temporary, path)
    except BaseException:
        if os.path.lexists(temporary):  # else an interrupt came right behind the replacing
            os.unlink(temporary)
        raise
    _sync_folder(os.path.dirname(path))


def _give(descriptor: int, user: int, group: int) -> None:
    """A group that we are not in stays ours; another user only root can name."""
    try:
        os.fchown(descriptor, user, group)
    except PermissionError:
        if user != os.geteuid():
            raise


def _sync_folder(path: str) -> None:
    """Make the names in it durable, where the file system can."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # it may be written and entered, but not read
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """`Permission denied` -> `permission denied`: the system's words inside a sentence."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def on_network(path: str) -> bool:
    """Whether a folder lies on a network file system (Linux: from the mount table)."""
    return mounted_as(path).removeprefix("fuse.").startswith(_NETWORK)


def mounted_as(path: str) -> str:
    """The kind of file system that holds a path; empty where there is no mount table."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            mounts = file.read()
    except OSError:
        return ""
    return file_system(os.path.realpath(path), mounts)


def file_system(path: str, mounts: str) -> str:
    """The kind of file system that holds a path, by a mount table; empty when none does."""
    found, longest = "", -1
    for line in mounts.split("\n"):
        _, where, kind, *_ = *line.split(" "), "", "", ""
        for escaped, character in _ESCAPED:
            where = where.replace(escaped, character)
        where = where.rstrip("/") + "/"
        # of two on one place the later covers the earlier
        if kind and len(where) >= longest and f"{path}/".startswith(where):
            found, longest = kind, len(where)
    return found


_ESCAPED = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))  # the backslash last


_PAUSE_S = 0.05


class Lock:
    """A file lock that ends with the process; entering says whether it is ours. Raises OSError."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> bool:
        import fcntl

        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._path, flags, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            self.__exit__()
            raise
        return True

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class PatientLock(Lock):
    """A lock that is waited for; entering says whether it became ours in time."""

    def __init__(self, path: str, patience_s: float) -> None:
        super().__init__(path)
        self._patience_s = patience_s

    def __enter__(self) -> bool:
        import time

        until_s = time.monotonic() + self._patience_s
        while not super().__enter__():
            self.__exit__()
            if time.monotonic() >= until_s:
                return False
            time.sleep(_PAUSE_S)
        return True
