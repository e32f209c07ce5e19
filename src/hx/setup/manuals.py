"""Man pages: links in the folder of the user, which `man` searches, to those of the package."""

from __future__ import annotations

import os

from hx.core.record import NamedTuple
from hx.files import private_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


class Link(NamedTuple):
    """A link that setup makes."""

    path: str
    target: str


def planned(prefix: str, data: str, made: Collection[str] = ()) -> tuple[Link, ...]:
    """Return the links that are missing below the folder `data` (XDG_DATA_HOME).

    `prefix` is where the package is installed; its pages are in share/man. A file that is there
    already stays: it may be of another program that is called hx. Links that setup has `made` for
    an installation that is gone are made anew.
    """
    links = []
    for source, folder in _folders(prefix, data):
        for name in _names(source):
            link = Link(os.path.join(folder, name), os.path.join(source, name))
            leads_nowhere = os.path.islink(link.path) and not os.path.exists(link.path)
            if not os.path.lexists(link.path) or (leads_nowhere and link.path in made):
                links.append(link)
    return tuple(links)


def _folders(prefix: str, data: str) -> list[tuple[str, str]]:
    """Return pairs of folders: pages of the package, pages of the user. None if they are one."""
    of_package, of_user = (os.path.join(each, "man", "man1") for each in (f"{prefix}/share", data))
    if os.path.realpath(of_package) == os.path.realpath(of_user):
        return []
    return [(of_package, of_user)]


def _names(folder: str) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(name for name in names if name == "hx.1" or name.startswith("hx-"))


def make(links: tuple[Link, ...]) -> None:
    for link in links:
        private_folder(os.path.dirname(link.path))
        if os.path.islink(link.path):
            os.unlink(link.path)
        os.symlink(link.target, link.path)


def is_ours(path: str) -> bool:
    """Return whether a path is still a link to a man page of hx."""
    return os.path.islink(path) and os.path.basename(os.readlink(path)) == os.path.basename(path)
