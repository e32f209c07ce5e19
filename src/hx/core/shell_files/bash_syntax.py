"""Tell where a command of bash that has several lines ends, by its quotes, brackets and keywords.

This is no parser: it knows what keeps a command open at the end of a line. Where it errs, the
reader of a history falls back on the time stamps.
"""

from __future__ import annotations

import re

_OPENERS = {
    b"if": b"fi",
    b"for": b"done",
    b"while": b"done",
    b"until": b"done",
    b"select": b"done",
    b"case": b"esac",
    b"{": b"}",
    b"[[": b"]]",
}
_CLOSERS = frozenset(_OPENERS.values())
_BEFORE_COMMANDS = frozenset((b"if", b"while", b"until", b"{", b"then", b"do", b"else", b"elif"))
_PREFIXES = frozenset((b"!", b"time", b"coproc"))
_CONNECTORS = frozenset((b"|", b"|&", b"||", b"&&"))
_SINGLE, _ANSI, _DOUBLE, _BACK = b"'", b"$'", b'"', b"`"
_PARAMETER, _PAREN, _ARITHMETIC = b"${", b"(", b"(("
_TOKENS = {
    _SINGLE: re.compile(rb"'"),
    _ANSI: re.compile(rb"\\.|'", re.DOTALL),
    _DOUBLE: re.compile(rb'\\.|"|`|\$\(\(|\$\(|\$\{', re.DOTALL),
    _PARAMETER: re.compile(rb"\\.|'|\"|`|\$\(\(|\$\(|\$\{|\}", re.DOTALL),
    _ARITHMETIC: re.compile(rb"\(|\)"),
}
_COMMAND = re.compile(
    rb"\\.?|\$'|'|\"|`|\$\(\(|\$\(|\$\{|\(\(|\(|\)|<<<|<<-|<<|;;&|;;|;&|;|&&|\|\||\|&|\||&|[ \t]+"
    rb"|[^\\$'\"`()<;&| \t]+|.",
    re.DOTALL,
)
_OPENING = {
    _SINGLE: (_SINGLE,),
    _ANSI: (_ANSI,),
    _DOUBLE: (_DOUBLE,),
    _BACK: (_BACK,),
    b"$(": (_PAREN,),
    b"(": (_PAREN,),
    b"${": (_PARAMETER,),
    b"$((": (_ARITHMETIC, _ARITHMETIC),
    b"((": (_ARITHMETIC, _ARITHMETIC),
}
_LONGEST_WORD = 256  # a keyword or the end of a here-document is shorter
_DEEPEST = 1_000  # with more open at once, the command is taken for incomplete
_SEPARATORS = frozenset((b";", b";;", b";;&", b";&", b"&", *_CONNECTORS))


class OpenCommand:
    """A command of which more lines may follow. `feed` takes its lines one by one."""

    def __init__(self) -> None:
        self._open: list[bytes] = []  # what is open, the innermost last
        self._documents: list[tuple[bytes, bool]] = []  # here-documents: end, without tabs
        self._word = b""
        self._is_quoted = False  # a part of the word is quoted, so it is no keyword
        self._begins = True  # the next word is the name of a command
        self._is_named = False  # the next word is the name of a function
        self._last = b""  # the last token that is no blank
        self._document: bool | None = None  # the next word ends a here-document, without tabs

    def feed(self, line: bytes) -> bool:
        """Take a line without its newline, and return whether the command may end with it."""
        if max(len(self._open), len(self._documents)) > _DEEPEST:
            return False
        if self._documents and not self._is_inside_quotes():
            return self._feed_document(line)
        position = 0
        while position < len(line) and len(self._open) <= _DEEPEST:
            inside = self._open[-1] if self._open else b""
            token = _TOKENS.get(inside, _COMMAND).search(line, position)
            if token is None:
                break
            if inside in _TOKENS:
                self._add(line[position : token.start()])
                self._quoted(token[0], inside)
            elif token[0][:1] == b"#" and not self._word:
                break  # a comment
            else:
                self._plain(token[0])
            position = token.end()
        return self._end_of_line()

    def _is_inside_quotes(self) -> bool:
        return bool(self._open) and self._open[-1] in _TOKENS

    def _feed_document(self, line: bytes) -> bool:
        end, without_tabs = self._documents[0]
        if (line.lstrip(b"\t") if without_tabs else line) == end:
            del self._documents[0]
        return self._is_whole()

    def _quoted(self, token: bytes, inside: bytes) -> None:
        """Take a token inside quotes, a parameter or an arithmetic expression."""
        closing = {_PARAMETER: b"}", _ARITHMETIC: b")", _ANSI: b"'"}.get(inside, inside)
        if token == closing:
            self._open.pop()
        elif inside == _ARITHMETIC:
            self._open.append(_ARITHMETIC)
        elif token in _OPENING:
            self._push(token)

    def _push(self, token: bytes) -> None:
        if token == _BACK and _BACK in self._open:  # it closes what it opened
            while self._open.pop() != _BACK:
                pass
            return
        self._open += _OPENING[token]
        if token not in (_SINGLE, _ANSI, _DOUBLE):
            self._word, self._is_quoted, self._begins = b"", False, True

    def _plain(self, token: bytes) -> None:
        """Take a token outside of quotes."""
        if token.isspace():
            self._end_word()
            return
        before, self._last = self._last, token
        if token in (b"<<", b"<<-"):
            self._end_word()
            self._document = token == b"<<-"
        elif token == b")":
            self._end_word()
            self._begins = True
            if self._open and self._open[-1] == _PAREN:
                self._open.pop()
                self._last = b"()" if before == b"(" else token
        elif token in _SEPARATORS:
            self._end_word()
            self._begins = True
        elif token in _OPENING:
            self._is_quoted = token not in (b"(", b"((")
            if not self._is_quoted:
                self._end_word()
            self._push(token)
        else:
            self._is_quoted = self._is_quoted or token[:1] == b"\\"
            self._add(token.removeprefix(b"\\"))

    def _add(self, part: bytes) -> None:
        if len(self._word) < _LONGEST_WORD:
            self._word += part[:_LONGEST_WORD]

    def _end_word(self) -> None:
        word, is_quoted = self._word, self._is_quoted
        self._word, self._is_quoted = b"", False
        if not word and not is_quoted:
            return
        if self._document is not None:
            self._documents.append((word, self._document))
            self._document = None
            return
        begins, self._begins = self._begins, self._is_named
        self._is_named = word == b"function" and begins
        if not is_quoted:
            self._keyword(word, begins)

    def _keyword(self, word: bytes, begins: bool) -> None:
        is_innermost = bool(self._open) and self._open[-1] == word
        if is_innermost and word in _CLOSERS and (begins or word == b"]]"):
            self._open.pop()
        elif begins:
            self._begins = self._begins or word in _BEFORE_COMMANDS or word in _PREFIXES
            if word in _OPENERS:
                self._open.append(_OPENERS[word])

    def _end_of_line(self) -> bool:
        if self._is_inside_quotes():
            self._word = b""
            return False
        if self._last == b"\\":
            self._last = b""
            return False
        self._end_word()
        self._begins = True
        return self._is_whole()

    def _is_whole(self) -> bool:
        is_joined = self._last in _CONNECTORS or self._last == b"()"
        return not (self._open or self._documents or is_joined)
