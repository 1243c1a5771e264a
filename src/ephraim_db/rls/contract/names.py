"""Names within a sentence: bare where nothing could be mistaken, else as a JSON string.

notes  my-persona  public.notes.title  public."two words"  public.can_read(uuid, text)
"""

from __future__ import annotations

import json
import re
from functools import cache

NAME = r'(?:[^\W\d][\w$-]*|"(?:[^"\\]|\\.)*")'
_ROUTINE = r"[^\W\d][\w$]*\([\w$., \[\]]*\)"
RELATION = rf"{NAME}\.(?:{_ROUTINE}|{NAME})"
TARGET = rf"{RELATION}(?:\.{NAME})?"
_NAMES = re.compile(rf"{_ROUTINE}|{NAME}")
_BARE = re.compile(r"[^\W\d][\w$-]*")


def write_name(name: str) -> str:
    """Return the name as it stands in a sentence, on one line."""
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=not name.isprintable())


def write_target(relation: str, column: str) -> str:
    """Return relation, or relation.column."""
    schema, dot, name = relation.partition(".")
    schema, name = (schema, name) if dot else ("", relation)
    is_routine = re.fullmatch(_ROUTINE, name) and name.isprintable()
    parts = [write_name(schema), name if is_routine else write_name(name)]
    return ".".join([*parts, write_name(column)] if column else parts)


def read_name(text: str) -> str:
    """Return what `write_name` was given."""
    return str(json.loads(text)) if text.startswith('"') else text


@cache
def read_target(text: str) -> tuple[str, str]:
    """Return what `write_target` was given: relation, and the column or an empty text."""
    schema, name, *column = (read_name(part) for part in _NAMES.findall(text))
    return (f"{schema}.{name}" if schema else name), (column[0] if column else "")
