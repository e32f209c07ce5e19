"""A member of the vault records commands and names that are meant to deceive a terminal."""

from __future__ import annotations

import pytest

TEXTS = {
    "C1": "echo \x9b31m",
    "DEL": "echo a\x7fb",
    "order of letters": "echo \u202e txt.exe \u2066x",
    "line separators": "echo a\u2028b\u2029c\x85d",
    "invisible letters": "echo pay\u200bpal \ufeff \U000e0041",
    "private use": "echo \ue000 \U000f0000",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_json_has_no_character_that_a_terminal_obeys_and_the_text_is_kept(hx, record, text):
    record(text, cwd=f"/srv/{text}")
    for line in (("find", "--json"), ("search", "--json", "echo"), ("stats", "--json")):
        result = hx(*line)
        assert result.out.replace("\n", "").isprintable(), result.out
    assert hx("find", "--json").commands == [text]


def test_letters_of_every_writing_are_printed_as_they_are(hx, record):
    text = "echo Größe 東京 🙂 👩\u200d💻 עברית"
    record(text)
    assert text in hx("find", "--json").out
