"""Private folders and files (0700 and 0600 whatever the umask), atomic replacement, locks."""

from __future__ import annotations

import os

from hx.core.errors import DatabaseError, InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_NETWORK = (
    *("nfs", "cifs", "smb", "9p", "afs", "sshfs", "rclone", "ceph", "glusterfs", "ncpfs"),
    *("lustre", "gpfs", "beegfs", "panfs"),
)


def private_folder(path: str) -> None:
    """Create a folder (and its parents) that only its owner may enter.

    Raises InputError, DatabaseError; the latter also for a folder of another user.
    """
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
            f"cannot create the folder {path}: {reason(error)}",
            "make its parent writable, or set HX_HOME to a folder that is",
        ) from None
    require_owner(path)


def _missing(path: str) -> list[str]:
    """Return the folder and its parents that do not exist, the innermost first."""
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def require_place(path: str) -> None:
    """Raise DatabaseError unless the user may write into a folder, or make it."""
    folder = path
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        what = "cannot write into" if folder == path else "cannot create the folder"
        raise DatabaseError(
            f"{what} {path}: {folder} is not writable",
            "make it writable, or set HX_HOME to a folder that is",
        )


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    else:
        os.chmod(path, 0o700)  # the umask may have removed permissions


def require_owner(path: str) -> None:
    """Raise DatabaseError unless the effective user owns the path.

    Under sudo with the HOME of another user, it is not the owner.
    """
    owner = os.stat(path).st_uid
    if owner != os.geteuid():
        raise DatabaseError(
            f"{path} belongs to another user (uid {owner}, you are {os.geteuid()})",
            "run hx as that user, or set HX_HOME to a folder of your own",
        )


def require_unshared(path: str) -> None:
    """Raise DatabaseError unless only the effective user may write into a folder.

    Who can write into it can replace the hook, which runs in every new shell.
    """
    require_owner(path)
    mode = os.stat(path).st_mode & 0o777
    if mode & 0o022:
        from shlex import quote  # slow to import

        raise DatabaseError(
            f"other users may write into {path} ({mode:o})",
            f"chmod 700 {quote(path)}, or set HX_HOME to a folder on a disk that has permissions",
        )


def beginning(path: str, most_bytes: int) -> bytes:
    """Return the first bytes of a file; none if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(most_bytes)
    except OSError:
        return b""


def text_of(path: str, most_bytes: int) -> str:
    """Return the text of a file that a person edits. Raises OSError; ValueError says why not."""
    import stat

    # O_NONBLOCK: a pipe in place of the file would wait for a writer
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) or mode & stat.S_IWOTH:
        os.close(descriptor)
        written = "every user of this machine may write to it"
        raise ValueError(written if stat.S_ISREG(mode) else "it is not a regular file")
    with open(descriptor, "rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"it is longer than {most_bytes >> 10} KiB")
    return data.decode()


def replace_file(
    path: str,
    data: bytes,
    *,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Replace a file atomically, also if the machine crashes; `owner` is (user id, group id).

    `check` is called just before the replacement; if it raises, the file is not changed. The same
    holds if the new file does not return what was written into it. Raises OSError.
    """
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            if owner is not None:
                _give(descriptor, *owner)
            # after the owner: changing the owner may remove permissions
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            _require_content(file, data, path)
        if check is not None:
            check()
        os.replace(temporary, path)
    except BaseException as error:
        if os.path.lexists(temporary):  # else an interrupt came just after the replacement
            os.unlink(temporary)
        if isinstance(
            error, OSError
        ):  # a full disk names no file, and nobody knows the temporary one
            error.filename, error.filename2 = path, None
        raise
    _sync_folder(os.path.dirname(path))


def torn(path: str) -> list[str]:
    """Return the paths of what interrupted replacements of a file have left beside it."""
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    # exactly the names that replace_file gives: no other file is meant
    ends = {each: each.removeprefix(f"{name}.").removesuffix(".tmp") for each in names}
    return [
        os.path.join(folder, each)
        for each, end in ends.items()
        if each == f"{name}.{end}.tmp" and len(end) == 8 and not end.strip("0123456789abcdef")  # noqa: PLR2004
    ]


def _require_content(file: BinaryIO, data: bytes, path: str) -> None:
    """Raise OSError unless the file returns these bytes."""
    file.seek(0)
    if file.read() != data:
        import errno  # not at the start: the paths that must be fast do not need it

        raise OSError(errno.EIO, "it does not return what was written", path)


def _give(descriptor: int, user: int, group: int) -> None:
    """Set the owner; if the process may not set the group, its own group stays."""
    try:
        os.fchown(descriptor, user, group)
    except PermissionError:
        if user != os.geteuid():
            raise


def _sync_folder(path: str) -> None:
    """Make the names in a folder durable, where the file system can do so."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # the folder may be writable but not readable
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """Return the message of the system for use inside a sentence: `permission denied`."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def sentence(error: OSError) -> str:
    """Return an error of the system as a sentence: `cannot use /etc/hx: permission denied`."""
    if not isinstance(error.filename, str | bytes):
        return f"the system reports: {reason(error)}"
    return f"cannot use {os.fsdecode(error.filename)}: {reason(error)}"


def on_network(path: str) -> bool:
    """Return whether a path is on a network file system, by the mount table of Linux."""
    return mounted_as(path).removeprefix("fuse.").startswith(_NETWORK)


def mounted_as(path: str) -> str:
    """Return the type of the file system of a path; empty where there is no mount table."""
    return file_system(os.path.realpath(path), _mounts())


def mounted_from(path: str) -> str:
    """Return what is mounted where a path lies: a disk or a share, then the type.

    It is empty where there is no mount table, and tells one file system from another over restarts.
    """
    return " ".join(_mount(os.path.realpath(path), _mounts())).strip()


def _mounts() -> str:
    """Return the mount table of Linux; empty where there is none."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def file_system(path: str, mounts: str) -> str:
    """Return the type of the file system of a path by this mount table; empty: not in it."""
    return _mount(path, mounts)[1]


def _mount(path: str, mounts: str) -> tuple[str, str]:
    """Return (what is mounted, type) for the file system of a path; both empty: unknown."""
    best, longest = ("", ""), -1
    for line in mounts.split("\n"):
        source, where, kind, *_ = *line.split(" "), "", "", ""
        for escaped, character in _ESCAPED:
            where = where.replace(escaped, character)
        where = where.rstrip("/") + "/"
        # of two mounts at one path the later one hides the earlier one
        if kind and len(where) >= longest and f"{path}/".startswith(where):
            best, longest = (source, kind), len(where)
    return best


_ESCAPED = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))  # the backslash last


_PAUSE_S = 0.05


class Lock:
    """A file lock, released when the process ends. `with` returns whether it was acquired.

    Raises OSError.
    """

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
    """A lock that waits. `with` returns whether it was acquired within `patience_s` seconds."""

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
