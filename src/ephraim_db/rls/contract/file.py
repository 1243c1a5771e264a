"""supabase/rls.contract: the facts a team has agreed to, a sentence a line.

facts --write_contract--> text --read_contract--> the same facts
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from ephraim_db.errors import InvalidContract
from ephraim_db.rls.contract.facts import Fact, Facts, in_order, topic
from ephraim_db.rls.contract.sentences import read_fact, write_fact

CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")
VERSION = "# ephraim-db rls contract 1"
HEADER = f"""{VERSION}
#
# Who can do what, as observed: one fact a line. `ephraim-db rls check` compares it with what is
# so now; `ephraim-db rls accept` writes it anew. What no line says is not granted.
#
#   of its own rows, of its organization, of all rows   whose rows it reached, at the furthest
#   of no row                                           granted, and no row was reached
#   may not                                             granted, and a policy or trigger refused
#   fails to                                            it ended in this SQLSTATE
#   perhaps                                             unproven: never to be taken for safe
"""


def write_contract(path: Path, facts: Facts) -> None:
    """Write `path`: the same bytes for the same facts, wherever."""
    path.write_bytes(contract_text(facts).encode())


def contract_text(facts: Facts) -> str:
    """Return the file: a paragraph for the personas, and one for each relation."""
    text = HEADER
    for _, facts_of_one in groupby(in_order(facts), key=lambda fact: getattr(fact, "relation", "")):
        text += "\n" + "".join(f"{write_fact(fact)}\n" for fact in facts_of_one)
    return text


def read_contract(path: Path) -> Facts:
    """Return what was agreed. Raises InvalidContract, naming the line and what to do about it."""
    return facts_in(path, lines_of(path))


def lines_of(path: Path) -> list[str]:
    """Return the lines of a contract. Raises InvalidContract if it is none, or is not merged."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as missing:
        raise InvalidContract(
            path, 0, "there is no contract yet: `ephraim-db rls accept` writes it"
        ) from missing
    except UnicodeDecodeError as broken:
        raise InvalidContract(
            path, 0, "is not UTF-8: `ephraim-db rls accept` writes it anew"
        ) from broken
    except OSError as error:
        raise InvalidContract(path, 0, f"cannot be read: {error.strerror}") from error
    lines = text.split("\n")
    if not lines or lines[0].rstrip() != VERSION:
        raise InvalidContract(path, 1, f'should be "{VERSION}": restore it, or accept anew')
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith(CONFLICT):
            raise InvalidContract(
                path, number, "is the mark of a conflict: resolve it, or accept anew"
            )
    return lines


def facts_in(path: Path, lines: Iterable[str]) -> Facts:
    """Return what the lines state. Raises InvalidContract where one states nothing, or otherwise.

    `path` is where they are from.
    """
    stated: dict[Fact, tuple[Fact, int]] = {}
    for number, line in enumerate(lines, start=1):
        sentence = line.strip()
        if not sentence or sentence.startswith("#"):
            continue
        fact = read_fact(sentence)
        if fact is None:
            raise InvalidContract(path, number, f"states no fact: {sentence[:80]}")
        before, at = stated.setdefault(topic(fact), (fact, number))
        if before != fact:
            raise InvalidContract(path, number, f"says otherwise than line {at}: {sentence[:80]}")
    return frozenset(fact for fact, _ in stated.values())
