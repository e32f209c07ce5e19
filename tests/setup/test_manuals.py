"""Links to the man pages: which are missing, and which are still links of hx."""

from __future__ import annotations

import os

import pytest

from hx.setup import manuals
from hx.setup.manuals import Link


@pytest.fixture
def places(tmp_path):
    """The folder of the package with its pages, and the data folder of the user."""
    pages = tmp_path / "prefix" / "share" / "man" / "man1"
    pages.mkdir(parents=True)
    for name in ("hx.1", "hx-find.1", "hxtools.1", "hx.1.gz"):
        (pages / name).write_bytes(b"page")
    return str(tmp_path / "prefix"), str(tmp_path / "data")


def link(places, name):
    prefix, data = places
    return Link(f"{data}/man/man1/{name}", f"{prefix}/share/man/man1/{name}")


def test_each_page_of_hx_is_linked_and_then_nothing_is_missing(places):
    links = manuals.planned(*places)
    assert links == (link(places, "hx-find.1"), link(places, "hx.1"))
    manuals.make(links)
    assert all(os.readlink(made.path) == made.target for made in links)
    assert manuals.planned(*places) == ()
    assert all(manuals.is_ours(made.path) for made in links)


def test_an_installation_without_pages_gets_no_links(tmp_path):
    assert manuals.planned(str(tmp_path / "none"), str(tmp_path)) == ()


def test_pages_that_are_where_the_user_keeps_them_get_no_links(places):
    prefix, _ = places
    assert manuals.planned(prefix, f"{prefix}/share") == ()


@pytest.mark.parametrize("made_by_setup", [True, False])
def test_a_link_that_leads_nowhere_is_made_anew_only_where_setup_has_made_it(places, made_by_setup):
    planned = link(places, "hx.1")
    manuals.make((planned._replace(target="/gone/hx.1"),))
    links = manuals.planned(*places, made=[planned.path] if made_by_setup else [])
    assert (planned in links) == made_by_setup
    manuals.make(links)
    assert os.path.exists(planned.path) == made_by_setup


def test_a_file_or_a_sound_link_of_somebody_else_stays(places):
    page, find = link(places, "hx.1"), link(places, "hx-find.1")
    os.makedirs(os.path.dirname(page.path))
    with open(page.path, "wb"):
        pass
    os.symlink(page.path, find.path)
    assert manuals.planned(*places, made=[page.path, find.path]) == ()
    assert not manuals.is_ours(page.path)
    assert not manuals.is_ours(find.path), "it leads to a page of another name"
