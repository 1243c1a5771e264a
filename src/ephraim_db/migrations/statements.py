r"""Split SQL text into statements, as the Supabase CLI does, so that one that fails can be named.

    text -> [Token, ...] -> [Statement, ...]

A semicolon ends a statement unless it stands in a string, a quoted identifier, a comment, a
dollar-quoted body, parentheses (`create rule ... do (a; b)`), or a `begin atomic ... end` body.
What stands before a statement, comments included, belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORD = r"[^\W\d][\w$]*"
_ESCAPED = r"'(?:[^'\\]|''|\\.)*+(?:'|\Z)"
# A string goes on after a line break: E'one' <newline> 'two\''.
_BREAK = r"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:\s|--[^\n\r]*+[\n\r])*+"
_TOKEN = re.compile(
    rf"""
      (?P<line_comment> --[^\n\r]* )
    | (?P<comment> /\* )
    | (?P<quoted> [eE]{_ESCAPED}(?:{_BREAK}{_ESCAPED})* | '[^']*(?:'|\Z) | "[^"]*(?:"|\Z) )
    | (?P<body> \$(?P<tag>(?:[^\W\d]\w*)?)\$ )
    | (?P<word> {_WORD} )
    | (?P<number> \d[\w$]* )
    | (?P<escape> \\. )
    | (?P<mark> [();] )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")

# What the CLI trims around a statement: the white space of ECMAScript, with the byte order mark.
_SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file: its text as recorded in the ledger, and where its code begins."""

    text: str
    """Without the semicolon and outer white space; comments before it are part of it."""
    offset: int
    """Where `text` begins in the file, in characters."""
    code: int
    """Where, in `text`, the first token that is no comment begins; `len(text)` if there is none."""

    @property
    def head(self) -> str:
        """The first words of the code, up to anything that could hold data."""
        words = re.split(r"['\"$(\n\r;=]|--|/\*", self.text[self.code :], maxsplit=1)[0]
        return words.strip()[:60]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def split_statements(sql: str) -> tuple[Statement, ...]:
    """Split `sql`, leaving empty statements out; unclosed quotes run to the end of the text."""
    statements: list[Statement] = []
    begin = depth = 0
    code: int | None = None
    atomic = opening = fresh = False  # fresh: at the start of a statement of an atomic body
    for token in _tokens(sql):
        if token.kind == "comment":
            continue
        word = token.text.lower() if token.kind == "word" else ""
        if token.text == ";" and depth == 0 and not atomic:
            statements.extend(_statement(sql, begin, token.end, code))
            begin, code, opening = token.end, None, False
            continue
        code = token.start if code is None else code
        depth = max(0, depth + {"(": 1, ")": -1}.get(token.text, 0))
        if atomic:
            atomic = not (fresh and depth == 0 and word == "end")
            fresh = token.text == ";" and depth == 0
        elif opening and word == "atomic":
            atomic = fresh = True
        opening = word == "begin"
    statements.extend(_statement(sql, begin, len(sql), code))
    return tuple(statements)


def _statement(sql: str, begin: int, end: int, code: int | None) -> Iterator[Statement]:
    raw = sql[begin:end].rstrip(";")
    text = raw.strip(_SPACE)
    if text:
        offset = begin + len(raw) - len(raw.lstrip(_SPACE))
        yield Statement(text, offset, len(text) if code is None else code - offset)


def _tokens(sql: str) -> Iterator[_Token]:
    """Yield what matters to splitting: operators and white space are passed over."""
    position = 0
    while match := _TOKEN.search(sql, position):
        kind, position = match.lastgroup or "", match.end()
        if match["comment"] is not None:
            position, closed = _end_of_comment(sql, position)
            kind = kind if closed else "unclosed"
        elif match["body"] is not None:
            kind = "body"
            close = sql.find(match["body"], position)
            position = len(sql) if close < 0 else close + len(match["body"])
        kind = "comment" if kind == "line_comment" else kind
        yield _Token(kind, sql[match.start() : position], match.start(), position)


def _end_of_comment(sql: str, position: int) -> tuple[int, bool]:
    """Find where the block comment that was just opened ends, and whether it does; they nest."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(sql, position)):
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return (len(sql), False) if depth else (position, True)
