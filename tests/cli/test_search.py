"""`hx search`: distinct commands, the best match first."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.machine import DAY_US, HOUR_US, OTHER_SESSION, SESSION, foreign
from cli.test_find_oracle import contains, database, histories, passes, queries, texts, with_events
from hx.core.query import Query, either_case
from hx.core.rank import Here
from hx.core.terms import Term
from hx.database import find as find_module
from hx.database import search as search_module
from hx.database.search import exact_texts, search
from strategies import share

__all__ = ["database"]  # the fixture of the oracle


def test_each_command_is_shown_once_with_its_counts(hx, record):
    record("make test", 2)
    record("ls")
    record("make test", 0)
    (make_row,) = hx("search", "--json", "make").json
    assert (make_row["command"], make_row["runs"], make_row["failures"]) == ("make test", 2, 1)
    assert make_row["last_started_at"] == make_row["started_at"]
    line = hx("search", "make").out.split()
    assert line[2:] == ["2x", "make", "test"]


def test_without_a_query_every_command_is_shown(hx, record):
    for command in ("one", "two", "one"):
        record(command)
    assert sorted(hx("search", "--json").commands) == ["one", "two"]


def test_nothing_found_is_an_empty_array_and_exit_1(hx, record):
    record("make")
    assert hx("search", "--json", "absent") == (1, "[]\n", "")
    assert hx("search", "--format", "null", "absent") == (1, "", "")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (["git", "push"], {"git push", "git push --force"}),
        (["push git"], {"git push", "git push --force"}),
        (["git", "!push"], {"git pull", "legit"}),
        (["^git"], {"git pull", "git push", "git push --force"}),
        (["git$"], {"legit"}),
        (["'gi 'pl"], set()),
        (["'g\\ pul"], set()),
        (["'t\\ pul"], {"git pull"}),
        (["gpl"], {"git pull"}),
        (["--", "--force"], {"git push --force"}),
        (["!git"], {"make"}),
        (["GIT"], set()),
    ],
)
def test_a_query_finds_the_commands_that_its_words_describe(hx, record, query, expected):
    for command in ("git pull", "git push", "git push --force", "legit", "make"):
        record(command)
    assert set(hx("search", "--json", *query).commands) == expected


def test_scattered_letters_match_only_where_words_find_few_commands(hx, record):
    for number in range(25):
        record(f"make {number}")
    record("mvn archetype kept elsewhere")
    assert len(hx("search", "--json", "make").json) == 25
    assert hx("search", "--json", "make 7 ").commands[0] == "make 7"
    assert hx("search", "--json", "mvn").commands == ["mvn archetype kept elsewhere"]


def test_scattered_letters_are_a_worse_match_than_a_word(hx, record):
    record("remake", 0)
    record("m a k e", 0)
    assert hx("search", "--json", "make").commands == ["remake", "m a k e"]


def test_commands_of_this_directory_come_first(hx, record, tmp_path):
    record("make one", cwd=tmp_path)
    record("make two")
    assert hx("search", "--json", "make").commands == ["make one", "make two"]
    assert hx("search", "--json", "make", cwd="/").commands == ["make two", "make one"]


def test_commands_of_this_repository_session_and_device_come_first(hx, record, machine, tmp_path):
    (tmp_path / "clone/.git").mkdir(parents=True)
    (tmp_path / "clone/.git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "clone/src").mkdir()
    started_at_us = machine.begin_us
    record("make rep", at=started_at_us, cwd=tmp_path / "clone/src", session=OTHER_SESSION)
    record("make ses", at=started_at_us)
    record("make all", at=started_at_us, session=OTHER_SESSION)
    machine.receive(foreign("make far", started_at_us))
    result = hx("search", "--json", "make", cwd=tmp_path / "clone", env={"HX_SESSION": SESSION})
    assert result.commands == ["make rep", "make ses", "make all", "make far"]


def test_commands_that_always_failed_come_later(hx, record):
    record("make test", 0)
    record("make tset", 2)
    record("make tset", 2)
    assert hx("search", "--json", "make").commands == ["make test", "make tset"]


def test_search_works_in_a_removed_directory(machine, record, tmp_path):
    record("make", cwd=tmp_path / "gone")
    (tmp_path / "gone").mkdir()
    script = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && {machine.executable} search make"
    assert machine.bash(script).code == 0


def test_filters_select_events_and_the_counts_follow_them(hx, record):
    now_us = time.time_ns() // 1000
    record("make", 0, at=now_us - 9 * DAY_US)
    record("make", 1, at=now_us - HOUR_US)
    record("make doc", 0, at=now_us - HOUR_US, cwd="/srv")
    record("make all", 0, at=now_us - 9 * DAY_US, session=OTHER_SESSION)
    assert hx("search", "--json", "--failed", "make").commands == ["make"]
    (make_row,) = hx("search", "--json", "--since", "1d", "^make$").json
    assert (make_row["runs"], make_row["failures"]) == (1, 1)
    assert hx("search", "--json", "--cwd", "/srv").commands == ["make doc"]
    assert hx("search", "--json", "--session", OTHER_SESSION).commands == ["make all"]
    assert hx("search", "--json", "--host", "elsewhere").code == 1


def test_limit_all_and_reverse_change_how_many_are_listed_and_in_which_order(hx, record):
    for number in range(60):
        record(f"make {number}")
    assert len(hx("search", "--json", "make").json) == 50
    everything = hx("search", "--json", "make", "--all").commands
    assert len(everything) == 60
    assert hx("search", "--json", "make", "--limit=3").commands == everything[:3]
    assert hx("search", "--json", "make", "--limit=3", "--reverse").commands == everything[2::-1]


def test_format_null_writes_the_exact_bytes_of_the_commands(machine, record):
    record("for i in 1\ndo true\ndone")
    record(b"echo caf\xe9 \x1b[1m")
    out = machine.hx("search", "--format", "null").out.encode(errors="surrogateescape")
    assert out == b"echo caf\xe9 \x1b[1m\0for i in 1\ndo true\ndone\0"


@pytest.mark.parametrize(
    "arguments",
    [["--force"], ["-i"], ["--format", "xml"], ["--format"], ["--json=1"], ["x" * 3000]],
)
def test_invalid_arguments_are_a_usage_error(hx, arguments):
    code, out, err = hx("search", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("hx: error: ")


def test_the_error_for_an_unknown_option_mentions_the_double_dash(hx):
    assert "`--`" in hx("search", "--force").err


def test_a_capital_letter_makes_a_word_exact_unless_the_setting_case_ignores_it(
    hx, record, machine
):
    record("Make")
    record("make")
    assert hx("search", "--json", "Make").commands == ["Make"]
    (machine.home / "config.toml").write_text('case = "ignore"\n')
    assert len(hx("search", "--json", "Make").json) == 2


def test_help_names_every_option(hx):
    code, out, err = hx("search", "--help")
    assert (code, err) == (0, "")
    for option in ("--here", "--failed", "--limit", "--reverse", "--json", "--format"):
        assert option in out
    assert "'word" in out


terms = st.lists(
    st.builds(
        lambda text, exact, kind: Term(text, exact, **kind),
        texts,
        st.booleans(),
        st.sampled_from(
            [
                {"plain": True},
                {},
                {"negated": True},
                {"at_start": True},
                {"at_end": True},
                {"at_start": True, "at_end": True},
                {"negated": True, "at_end": True},
            ]
        ),
    ),
    max_size=2,
)


@share(0.5)
@given(data=st.data(), events=histories())
def test_search_finds_exactly_the_matching_commands(database, data, events):
    known = st.sampled_from(sorted({event.command.decode(errors="replace") for event in events}))
    drawn = data.draw(st.lists(st.tuples(terms, known), min_size=6, max_size=6))
    query = data.draw(queries(events))._replace(text="", limit=None)
    few, ranked, rare = (data.draw(st.sampled_from(sizes)) for sizes in ([0, 20], [1, 9], [0, 99]))
    with with_events(database, events), pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "_FEW", few)
        patch.setattr(search_module, "RANKED", ranked)
        patch.setattr(find_module, "RARE", rare)
        patch.setattr(find_module, "WALKED", rare // 33)
        for given_terms, command in drawn:
            terms_of_query = [with_known_letters(data, term, command) for term in given_terms]
            ids = list(search(database, query, terms_of_query, Here(b"/a", b"r", None, b"x"), 30))
            found = [text.decode(errors="replace") for text in exact_texts(database, ids)]
            scattered = few > 0 and any(term.plain for term in terms_of_query)
            expected = {
                event.command
                for event in events
                if passes(event, query)
                and all(
                    is_match(event.command.decode(errors="replace"), t, scattered)
                    for t in terms_of_query
                )
            }
            assert len(ids) == len(set(ids))
            assert sorted(found) == sorted(text.decode(errors="replace") for text in expected)


def with_known_letters(data, term, command):
    """Draw a term, mostly with letters of one of the commands."""
    start, step = data.draw(st.integers(0, 2)), data.draw(st.sampled_from([1, 1, 2]))
    piece = command[start::step][:3]
    if not piece or data.draw(st.booleans()):
        return term
    return term._replace(text=data.draw(st.sampled_from([piece, piece.swapcase()])))


def is_match(command, term, scattered):
    text, exact = term.text, term.exact_case
    if term.plain and scattered:
        letters = iter(command)
        return all(
            any(stored in ({typed} if exact else either_case(typed)) for stored in letters)
            for typed in text
        )
    query = Query(text, exact)
    if term.at_start and term.at_end:
        is_found = len(command) == len(text) and contains(command, query)
    elif term.at_start:
        is_found = contains(command[: len(text)], query)
    elif term.at_end:
        is_found = contains(command[max(0, len(command) - len(text)) :], query)
    else:
        is_found = contains(command, query)
    return is_found != term.negated
