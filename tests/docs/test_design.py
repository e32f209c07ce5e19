"""The pages about the design name modules that exist, and every folder of the source."""

from __future__ import annotations

import glob
import os
import re

import pytest

from docs.generate import ROOT

SOURCE = os.path.join(ROOT, "src", "hx")
PAGES = glob.glob(os.path.join(ROOT, "*.md")) + glob.glob(
    os.path.join(ROOT, "docs", "**", "*.md"), recursive=True
)
LOOSE = {
    "__init__.py",
    "config.py",
    "config_background.py",
    "config_rules.py",
    "device.py",
    "files.py",
}


def read(page: str) -> str:
    with open(page, encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: os.path.relpath(page, ROOT))
def test_modules_that_a_page_names_exist(page):
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", read(page))
    for path in named:
        places = [os.path.join(folder, path) for folder in (SOURCE, ROOT, os.path.dirname(page))]
        assert any(map(os.path.exists, places)), path


def test_the_page_of_the_design_names_each_folder_of_the_source():
    tree = read(os.path.join(ROOT, "docs", "design.md")).split("```")[1]
    folders = [
        entry.name for entry in os.scandir(SOURCE) if entry.is_dir() and entry.name[0] != "_"
    ]
    assert {name for name in folders if f" {name}/ " not in tree} == set()


def test_only_these_modules_are_in_no_folder():
    loose = {entry.name for entry in os.scandir(SOURCE) if entry.name.endswith(".py")}
    assert loose - {"device_handover.py"} == LOOSE
