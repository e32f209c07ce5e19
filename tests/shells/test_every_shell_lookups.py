"""Looking things up at the prompt leaves no trace in the history, in any shell."""

from shells.terminal import HX, family


def in_words_of(shell: str, line: str) -> str:
    """A line of sh in the words of the shell."""
    if family(shell) != "fish":
        return line
    return line.replace("$?", "$status").replace("id=", "set id ").replace("$(", "(")


def test_a_search_does_not_find_itself_and_other_lines_are_recorded(home, shell):
    terminal = home.open(shell, before=f"alias hx={HX}")
    terminal.run("true one")
    terminal.run("hx find true")
    assert '"true one"' in terminal.run("hx find --limit 1 --json")
    terminal.run("hx find no-such-thing")
    lines = [
        "hx find no-such''-thing; echo $? > code",  # its own text is another
        "hx show x; true two",
        "id=$(hx find --json true)",
    ]
    others = [in_words_of(shell, line) for line in lines]
    for line in others:
        terminal.run(line)
    terminal.run("hx status")
    assert (home.path / "code").read_text() == "1\n"
    assert home.commands() == ["true one", *others]
    assert '"lost": []' in home.hx("status", "--json").stdout


def test_a_line_that_asks_is_no_gap_for_the_ones_around_it(home, shell):
    """The end of a look-up comes after the look-up has read the spool."""
    terminal = home.open(shell, before=f"alias hx={HX}")
    for number in range(3):
        terminal.run(f"true {number}")
        terminal.run("hx find true")
    assert home.statuses() == [(f"true {number}", 0) for number in range(3)]
