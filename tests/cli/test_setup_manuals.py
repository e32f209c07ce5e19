"""`hx setup` links the man pages of its package where `man` looks, and undo removes the links."""

import os
import subprocess
import sys
import sysconfig

import pytest

import hx
from cli.home_folders import BASH, HomeFolder


@pytest.fixture
def home(machine):
    return HomeFolder(machine)


@pytest.fixture
def installed(tmp_path_factory):
    """Return the program of an environment in which a package has installed its man pages."""
    prefix = tmp_path_factory.mktemp("package") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    [packages] = prefix.glob("lib/python*/site-packages")
    source = os.path.dirname(os.path.dirname(hx.__file__))
    (packages / "hx.pth").write_text(f"{source}\n{sysconfig.get_path('purelib')}\n")
    program = prefix / "bin/hx"
    program.write_text(
        f"#!{prefix}/bin/python\nimport sys\nfrom hx.cli import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    pages = prefix / "share/man/man1"
    pages.mkdir(parents=True)
    for name in ("hx.1", "hx-sync.1", "other.1"):
        (pages / name).write_text(".TH HX 1\n")
    return program


def run(home, installed, *arguments):
    variables = {"HX_HOME": "", "SHELL": BASH}
    result = home.machine.run([str(installed), "setup", "--yes", *arguments], env=variables)
    assert result.code == 0, result.err
    return result.out


def test_pages_are_linked_and_undo_removes_the_links(home, installed):
    before = home.tree
    pages = home.path / ".local/share/man/man1"
    assert "link ~/.local/share/man/man1/hx-sync.1" in run(home, installed, "--no-import")
    assert sorted(os.listdir(pages)) == ["hx-sync.1", "hx.1"]
    assert (pages / "hx.1").read_text() == ".TH HX 1\n"
    assert "nothing to change" in run(home, installed, "--no-import")
    run(home, installed, "--undo")
    assert home.tree == before
    run(home, installed, "--no-import")
    run(home, installed, "--undo", "--purge")
    assert home.tree == before


def test_a_page_of_another_program_stays(home, installed):
    pages = home.path / ".local/share/man/man1"
    pages.mkdir(parents=True)
    (pages / "hx.1").write_text("of Helix")
    run(home, installed, "--no-import")
    assert (pages / "hx.1").read_text() == "of Helix"
    run(home, installed, "--undo")
    assert os.listdir(pages) == ["hx.1"]


def test_a_link_that_the_user_has_replaced_since_stays(home, installed):
    page = home.path / ".local/share/man/man1/hx.1"
    run(home, installed, "--no-import")
    page.unlink()
    page.write_text("mine")
    run(home, installed, "--undo")
    assert page.read_text() == "mine"


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_link_that_leads_nowhere_is_made_anew_if_setup_had_made_it(home, installed, is_ours):
    page = home.path / ".local/share/man/man1/hx.1"
    if is_ours:
        run(home, installed, "--no-import")
        page.unlink()
    page.parent.mkdir(parents=True, exist_ok=True)
    page.symlink_to("/nowhere/share/man/man1/hx.1")
    run(home, installed, "--no-import")
    assert page.exists() == is_ours
