"""Decoding the bytes of terminals into keys, in whatever pieces they arrive."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hx.picker.model import Key
from hx.picker.terminal.keys import Decoder, typed_ahead

SEQUENCES = {
    b"\r": "enter",
    b"\t": "tab",
    b"\x7f": "backspace",
    b"\x08": "ctrl-h",
    b"\x12": "ctrl-r",
    b"\x00": "ctrl-space",
    b"\x1f": "ctrl-_",
    b"\x1b[A": "up",
    b"\x1bOB": "down",
    b"\x1b[1;5C": "ctrl-right",
    b"\x1b[1;3D": "alt-left",
    b"\x1b[1;6A": "ctrl-shift-up",
    b"\x1b\x1b[A": "alt-up",
    b"\x1bOd": "ctrl-left",
    b"\x1b[H": "home",
    b"\x1bOF": "end",
    b"\x1b[1~": "home",
    b"\x1b[8~": "end",
    b"\x1b[7^": "ctrl-home",
    b"\x1b[1;5F": "ctrl-end",
    b"\x1b[5~": "page-up",
    b"\x1b[6~": "page-down",
    b"\x1b[3~": "delete",
    b"\x1b[3;3~": "alt-delete",
    b"\x1b\x1b[3~": "alt-delete",
    b"\x1b[3;2~": "shift-delete",
    b"\x1bOP": "f1",
    b"\x1b[11~": "f1",
    b"\x1b[[A": "f1",
    b"\x1b[1;2P": "shift-f1",
    b"\x1b[Z": "shift-tab",
    b"\x1b[1;2Z": "shift-tab",
    b"\x1bx": "alt-x",
    b"\x1bX": "alt-x",
    b"\x1b3": "alt-3",
    b"\x1b<": "alt-<",
    b"\x1b\x7f": "alt-backspace",
    b"\x1b\x08": "alt-backspace",
    b"\x1b\r": "alt-enter",
    b"\x1b\x06": "ctrl-alt-f",
    "\x1bä".encode(): "alt-ä",
    b"\x1bOM": "enter",
    b"\x1bO2P": "f1",
    b"\x1b[27u": "esc",
    b"\x1b[114;5u": "ctrl-r",
    b"\x1b[27;5;114~": "ctrl-r",
    b"\x1b[120;3:1u": "alt-x",
    b"\x1b[13;129u": "enter",
}
UNKNOWN = [
    b"\x1b[24;80R",
    b"\x1b[I",
    b"\x1b[?62;4c",
    b"\x1b[<0;10;20M",
    b"\x1b[M !!",
    b"\x1b[99~",
    b"\x1b[114;9u",
    b"\x1b[1;9A",
    b"\x1b[97;1:3u",
    b"\x1b[57399u",
    b"\x1b]11;rgb:0000/0000/0000\x1b\\",
    b"\x1b]11;rgb:0000/0000/0000\x07",
    b"\x1bP>|xterm(379)\x1b\\",
    b"\x1bOz",
    b"\x1b[?2026;1$y",
    b"\x80\xfe\xc3\x28"[:2],
    "\x9b".encode(),
]
pieces = st.one_of(
    st.sampled_from([*SEQUENCES, *UNKNOWN, b"\x1b", b"\x03", b"\x1b[200~", b"\x1b[201~"]),
    st.text(max_size=5).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=5),
)
streams = st.lists(pieces, max_size=8).map(b"".join)


def joined(keys):
    """Return the keys with consecutive text keys joined into one."""
    joined_keys = []
    for key in keys:
        if joined_keys and key.name == joined_keys[-1].name == "text":
            joined_keys[-1] = Key("text", joined_keys[-1].text + key.text)
        else:
            joined_keys.append(key)
    return joined_keys


def read(*parts):
    decoder = Decoder()
    return [key for part in parts for key in decoder.feed(part)]


@pytest.mark.parametrize(("sent", "name"), SEQUENCES.items())
def test_each_sequence_is_decoded_as_its_key(sent, name):
    assert read(sent, b"a") == [Key(name), Key("text", "a")]


@pytest.mark.parametrize("sent", UNKNOWN)
def test_an_unknown_sequence_gives_no_key(sent):
    assert read(b"a", sent, b"b") == [Key("text", "a"), Key("text", "b")]


def test_letters_that_arrive_together_are_one_key():
    assert read("git é日\u0301".encode()) == [Key("text", "git é日\u0301")]
    assert read(b"\x1bOp\x1bOy*") == [Key("text", "09*")]
    assert read(b"\x1b[97;2u\x1b[98u") == [Key("text", "Ab")]


def test_a_single_escape_is_a_key_after_a_pause():
    decoder = Decoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.is_waiting
    assert decoder.flush() == [Key("esc")]
    assert not decoder.is_waiting
    assert decoder.feed(b"[A") == [Key("text", "[A")]


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (b"\x1b\x1b", ["esc"]),
        (b"\x1b\x1b\x1b", ["esc", "esc"]),
        (b"\x1bP", ["alt-p"]),
        (b"\x1bO", ["alt-o"]),
        (b"\x1b[1;5", []),
        (b"\x1b]11;rgb", []),
        (b"\x1b[M!", []),
        (b"\xc3", []),
    ],
)
def test_an_incomplete_sequence_does_not_delay_later_keys_after_a_pause(sent, names):
    decoder = Decoder()
    assert [key.name for key in decoder.feed(sent) + decoder.flush()] == names
    assert decoder.feed(b"x\r") == [Key("text", "x"), Key("enter")]


def test_escape_and_then_interrupt_are_two_keys():
    assert read(b"\x1b\x03") == [Key("esc"), Key("ctrl-c")]


def test_a_letter_in_two_pieces_is_one_letter_even_after_a_pause():
    decoder = Decoder()
    assert decoder.feed(b"\xc3") + decoder.flush() + decoder.feed(b"\xa9") == [Key("text", "é")]


def test_a_key_within_an_incomplete_sequence_cancels_it_and_acts():
    assert read(b"\xc3\r\xa9x") == [Key("enter"), Key("text", "x")]
    assert read(b"\x1b[1;5\x03") == read(b"\x1b]11;\x03") == [Key("ctrl-c")]
    assert read(b"\x1b[1;5\x1b[A") == read(b"\x1b]11;\x1b[A") == [Key("up")]


def test_a_reply_of_the_terminal_may_arrive_in_pieces():
    assert read(b"\x1b]11;rgb\x1b", b"\\a") == [Key("text", "a")]


def test_a_paste_is_one_key_whatever_it_contains():
    inside = b"rm -rf x\r\n\x03\x1b[A\x1b[200~ \xc3\xa9"
    stream = b"a\x1b[200~" + inside + b"\x1b[201~\r"
    pasted = [Key("text", "a"), Key("paste", inside.decode()), Key("enter")]
    assert read(stream) == pasted
    assert read(*[stream[index : index + 1] for index in range(len(stream))]) == pasted


def test_a_paste_continues_after_a_pause():
    decoder = Decoder()
    assert decoder.feed(b"\x1b[200~one\x1b") == []
    assert decoder.is_waiting
    assert decoder.flush() == []
    assert not decoder.is_waiting
    assert decoder.feed(b"\rtwo\x1b[201~") == [Key("paste", "one\x1b\rtwo")]


def test_interrupt_ends_an_unfinished_paste():
    decoder = Decoder()
    assert decoder.feed(b"\x1b[200~one") + decoder.flush() == []
    assert decoder.feed(b"\x03") == [Key("paste", "one"), Key("ctrl-c")]
    assert decoder.feed(b"a") == [Key("text", "a")]


def test_a_huge_paste_is_bounded():
    (key,) = read(b"\x1b[200~", *[b"x" * 65_536] * 8, b"\x1b[201~")
    assert key == Key("paste", "x" * 65_536)


@pytest.mark.parametrize("begin", [b"\x1b[200~", b"\x1b[", b"\x1b]", b"\x1bP"])
def test_an_endless_sequence_is_kept_within_bounds(begin):
    decoder = Decoder()
    decoder.feed(begin)
    for _ in range(32):
        decoder.feed(b"1" * 4096)
    assert len(decoder._kept) + len(decoder._pasted or b"") < 70_000


def test_enter_that_was_typed_before_the_terminal_was_raw_is_enter():
    assert read(typed_ahead(b"git\n")) == [Key("text", "git"), Key("enter")]


@given(streams, st.lists(st.integers(1, 6)))
@example(b"\x1b[200~a\x1b[201~", [1] * 14)
@example(b"\x1b\x1b\x1b[A", [1, 1, 1])
def test_the_keys_do_not_depend_on_the_pieces(stream, lengths):
    parts, rest = [], stream
    for length in lengths:
        parts.append(rest[:length])
        rest = rest[length:]
    whole, cut = Decoder(), Decoder()
    assert joined(read_all(whole, [stream])) == joined(read_all(cut, [*parts, rest]))


def read_all(decoder, parts):
    return [key for part in parts for key in decoder.feed(part)] + decoder.flush()


@given(st.lists(pieces, max_size=8))
def test_after_a_pause_interrupt_is_always_decoded(parts):
    decoder = Decoder()
    read_all(decoder, parts)
    assert decoder.feed(b"\x03")[-1] == Key("ctrl-c")


@given(streams)
def test_text_has_no_control_characters(stream):
    for key in read(stream):
        assert key.name == "paste" or not any(
            character < " " or "\x7f" <= character <= "\x9f" for character in key.text
        )
        assert (key.name in ("text", "paste")) or not key.text
        assert key.name != "text" or key.text
