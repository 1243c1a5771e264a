"""Values a column may take, most likely first: by its name, its type, and what its checks name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence

from psycopg.sql import Literal

from ephraim_db.rls.filling.facts import Rule, Sort

HIGH = ("owner", "admin", "administrator", "org_admin", "manager", "primary_owner")
LOW = ("member", "user", "employee", "staff", "worker", "viewer", "guest", "participant")
"""What the role of who runs an organization, and of who merely belongs to it, is often called."""
ABOVE = re.compile(r"super|platform|system|sys_?admin|global|root|site_?admin|support", re.I)
"""Roles above every organization: nobody who is made for the run gets one if there is another."""

_STRING = re.compile(r"'((?:[^']|'')*)'::")
_NUMBER = re.compile(r"(?<![\w.'])\(?(-?\d+(?:\.\d+)?)\)?(?![\w.'])")
_BY_NAME = (
    ("e?mail", "{n}@example.test"),
    ("phone|mobile|fax|whatsapp|^to_|msisdn", "+1555010{n:04d}"),
    ("url|website|link|href|image|avatar|logo|photo|icon", "https://example.test/{n}"),
    ("slug|handle|username|subdomain|domain", "made-{n}"),
    ("colou?r", "#{n:06d}"),
    ("currency", "usd"),
    ("country", "US"),
    ("time_?zone", "UTC"),
    ("locale|language|lang$", "en"),
    ("zip|postal|postcode", "{n:05d}"),
    ("uuid|guid", "{uuid}"),
    ("date|_at$|_on$", "2026-01-{day:02d}"),
    ("time", "09:00"),
)
_TEXTS = (
    *("a", "ab", "abc", "ABC", "AB", "12", "123456", "made_{n}", "Made {n}", "{n}@example.test"),
    *("https://example.test/{n}", "+1555010{n:04d}", "{uuid}", "2026-01-01", "09:00"),
    *("0x{n:040d}", "#{n:06d}", "made text of more than twenty characters, number {n}", "{n:032d}"),
    *("{n:040d}", "{n:064d}", "{n:0128d}"),
)
_NUMBERS = ("1", "0", "5", "10", "50", "100", "0.5", "-1", "1000", "2024", "1000000")
_TYPES = {
    "uuid": ("{uuid}",),
    "bool": ("false", "true"),
    "date": ("{date}", "2000-01-01"),
    "timestamp": ("{date}", "2000-01-01"),
    "timestamptz": ("{date}", "2000-01-01", "2035-01-01"),
    "time": ("{hour:02d}:00", "00:00"),
    "timetz": ("{hour:02d}:00",),
    "interval": ("1 hour", "0"),
    "json": ("{{}}", "[]", '"made"', "1", '{{"made": {n}}}', '["made"]'),
    "jsonb": ("{{}}", "[]", '"made"', "1", '{{"made": {n}}}', '["made"]'),
    "bytea": ("\\x00", "\\x" + "00" * 16, "\\x" + "00" * 20, "\\x" + "00" * 32),
    "inet": ("127.0.0.1",),
    "cidr": ("127.0.0.0/8",),
    "macaddr": ("08:00:2b:01:02:03",),
    "xml": ("<made/>",),
    "point": ("(0,0)",),
    "box": ("(0,0),(1,1)",),
    "circle": ("<(0,0),1>",),
    "polygon": ("((0,0),(1,0),(1,1))",),
    "tsvector": ("made",),
    "bit": ("0",),
    "varbit": ("0",),
    "money": ("1",),
    "hstore": ("",),
    "ltree": ("made",),
    "oid": ("0",),
    "name": ("made_{n}",),
    "daterange": ("[{date},{later})",),
    "tsrange": ("[{date},{later})",),
    "tstzrange": ("[{date},{later})",),
    "int4range": ("[{n},{next})",),
    "int8range": ("[{n},{next})",),
    "numrange": ("[{n},{next})",),
}


_ELEMENTS = {
    "text": ("{{made}}", "{{made,more}}"),
    "character varying": ("{{made}}", "{{made,more}}"),
    "uuid": ("{{{uuid}}}",),
    "boolean": ("{{true}}",),
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric"), ("{{1}}", "{{1,2}}")),
}
"""Values for arrays of these."""


def candidates(
    place: str, name: str, sort: Sort, rules: Sequence[Rule], number: int, position: int
) -> tuple[str, ...]:
    """Return SQL expressions for the column `name`, cast to its type.

    `place` names the column in the whole database, `number` the row, `position` the column in its
    table: later columns get later dates, so that an end comes after its start.
    """
    texts = dict.fromkeys(_texts(place, name, sort, rules, number, position))
    if sort.size > 0 and sort.base in ("varchar", "bpchar"):
        texts = dict.fromkeys(text[-sort.size :].strip() for text in texts)
    return tuple(f"{Literal(text).as_string(None)}::{sort.type}" for text in texts)


def role_first(labels: Sequence[str], *, high: bool) -> list[str]:
    """Return labels with the one for whom it fits first: who runs the place, or who is in it."""
    words = HIGH if high else LOW
    within = [label for label in labels if not ABOVE.search(label)]
    fitting = [label for word in words for label in within if label.lower() == word]
    fitting += [label for word in words for label in within if word in label.lower().split("_")]
    rest = within if high else within[::-1]
    return list(dict.fromkeys((*fitting[:1], *rest, *labels)))


def named_in_checks(column: str, rules: Sequence[Rule]) -> tuple[str, ...]:
    """Return the texts that the checks on a column name: often they are all it may be."""
    return tuple(
        found.replace("''", "'")
        for rule in rules
        if column in rule.columns and not rule.is_key
        for found in _STRING.findall(rule.definition)
        if not re.search(r"[\\^$*+\[\]()]", found)
    )


def _texts(
    place: str, name: str, sort: Sort, rules: Sequence[Rule], number: int, position: int
) -> Iterator[str]:
    known = {
        "n": number,
        "next": number + 1,
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{place} {number}")),
        "date": f"2026-{1 + number % 12:02d}-{1 + position % 27:02d}",
        "later": f"2026-{1 + number % 12:02d}-{2 + position % 27:02d}",
        "day": 1 + position % 27,
        "hour": 1 + position % 22,
    }
    shift = number % len(sort.labels) if sort.labels else 0
    if sort.category == "A":
        yield from (f'{{"{label}"}}' for label in (*sort.labels, *named_in_checks(name, rules)))
        yield "{}"
        yield from (text.format_map(known) for text in _ELEMENTS.get(sort.element or "", ()))
    elif sort.labels:
        yield from (*sort.labels[shift:], *sort.labels[:shift])
    elif sort.category == "N" and sort.base not in ("money", "oid"):
        numbers = (str(number), *_numbers_in_checks(name, rules), *_NUMBERS)
        whole = sort.base.startswith("int")
        yield from (text for text in numbers if not (whole and "." in text))
    elif sort.base == "vector":
        yield "[" + ",".join("0" for _ in range(max(sort.size, 1))) + "]"
    elif sort.base in _TYPES:
        yield from (text.format_map(known) for text in _TYPES[sort.base])
    elif sort.category == "S":
        named = named_in_checks(name, rules)
        turn = number % len(named) if named else 0
        yield from (*named[turn:], *named[:turn])
        pattern = next((text for word, text in _BY_NAME if re.search(word, name, re.I)), None)
        yield (pattern or "made {n}").format_map(known)
        yield from (text.format_map(known) for text in _TEXTS)
    else:
        yield from ("made", "", "0")


def _numbers_in_checks(column: str, rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        if column in rule.columns and not rule.is_key:
            for found in _NUMBER.findall(rule.definition):
                yield found
                if "." not in found:
                    yield str(int(found) + 1)
                    yield str(int(found) - 1)
