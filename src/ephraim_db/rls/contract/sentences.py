"""A fact as a sentence, and back again: nothing is lost either way.

worker acts as authenticated
public.notes is a table
worker reads public.notes.title of its organization
worker reads public.notes.secret of no row                granted, but no row was reached
worker may not insert public.notes.title                  a policy or a trigger refused
worker may not update public.notes.kind to public         to that value
worker executes public.publish(uuid) which "changes public.notes" of all rows
worker fails to read public.notes.title: SQLSTATE 42P17
worker perhaps deletes public.notes: the relation has no row
"""

from __future__ import annotations

import re

from ephraim_db.rls.contract.facts import TO, WHOLE, Access, Actor, Doubt, Fact, Thing
from ephraim_db.rls.contract.names import (
    NAME,
    RELATION,
    TARGET,
    read_name,
    read_target,
    write_name,
    write_target,
)

SCOPES = {
    "own": "of its own rows",
    "organization": "of its organization",
    "all": "of all rows",
    "none": "under the policies",
    "hidden": "of no row",
}
VERBS = {"SELECT": "read", "NEXTVAL": "advance", "SETVAL": "set", "UPDATE TO": "update"}
"""What a command is called, if not by its name."""
KINDS = {
    "partitioned": "partitioned table",
    "materialized": "materialized view",
    "foreign": "foreign table",
}

AS_AGREED = "as agreed: nothing differs from the contract"

_ABOUT = rf"(?P<target>{TARGET})(?: to (?P<value>{NAME})| which (?P<effect>{NAME}))?"
_DOING = rf"(?P<verb>[a-z]+s[a-z-]*) {_ABOUT}"
_DO = rf"(?P<verb>[a-z-]+) {_ABOUT}"
_ACTOR = re.compile(rf"(?P<persona>{NAME}) acts as (?P<role>{NAME})")
_THING = re.compile(rf"(?P<relation>{RELATION}) is an? (?P<kind>\S.*)")
_DONE = re.compile(rf"(?P<persona>{NAME}) {_DOING} (?P<scope>{'|'.join(SCOPES.values())})")
_REFUSED = re.compile(rf"(?P<persona>{NAME}) may not {_DO}")
_FAILED = re.compile(rf"(?P<persona>{NAME}) fails to {_DO}: SQLSTATE (?P<sqlstate>\w+)")
_PERHAPS = re.compile(rf"(?P<persona>{NAME}) perhaps {_DOING}(?:: (?P<reason>\S.*))?")
_NAMED_SCOPES = {words: scope for scope, words in SCOPES.items()}
_NAMED_COMMANDS = {verb: command for command, verb in VERBS.items() if command != "UPDATE TO"}
_NAMED_KINDS = {words: kind for kind, words in KINDS.items()}


def write_fact(fact: Fact) -> str:
    """Return the sentence: one line, the same for the same fact."""
    match fact:
        case Actor(persona, role):
            return f"{write_name(persona)} acts as {write_name(role)}"
        case Thing(relation, kind):
            return f"{write_target(relation, WHOLE)} is {with_article(KINDS.get(kind, kind))}"
        case Doubt(persona, command, relation, reason):
            target = write_target(relation, WHOLE)
            return f"{write_name(persona)} perhaps {does(command)} {target}: {reason}"
        case Access():
            return _write_access(fact)


def read_fact(line: str) -> Fact | None:
    """Return the fact that a line states, or None if it states none."""
    if match := _DONE.fullmatch(line):
        return _access(match, _bare(match["verb"]), _NAMED_SCOPES[match["scope"]])
    if match := _REFUSED.fullmatch(line):
        return _access(match, match["verb"], "refused_by_policy")
    if match := _FAILED.fullmatch(line):
        return _access(match, match["verb"], match["sqlstate"])
    if match := _PERHAPS.fullmatch(line):
        if match["reason"] is None:
            return _access(match, _bare(match["verb"]), "unproven")
        access = _access(match, _bare(match["verb"]), "")
        return Doubt(access.persona, access.command, access.relation, match["reason"])
    if match := _ACTOR.fullmatch(line):
        return Actor(read_name(match["persona"]), read_name(match["role"]))
    if match := _THING.fullmatch(line):
        relation, _ = read_target(match["relation"])
        return Thing(relation, _NAMED_KINDS.get(match["kind"], match["kind"]))
    return None


def verb(command: str) -> str:
    """Return the command as a verb of one word: read, insert, insert-returning, execute."""
    return VERBS.get(command, command.lower().replace(" ", "-"))


def does(command: str) -> str:
    """Return the verb as somebody does it: reads, inserts, inserts-returning, executes."""
    first, hyphen, rest = verb(command).partition("-")
    return f"{first}s{hyphen}{rest}"


def with_article(noun: str) -> str:
    """Return the noun with a or an."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def _write_access(fact: Access) -> str:
    persona = write_name(fact.persona)
    target = _write_about(fact)
    match fact.result:
        case "unproven":
            return f"{persona} perhaps {does(fact.command)} {target}"
        case "refused_by_policy":
            return f"{persona} may not {verb(fact.command)} {target}"
        case scope if scope in SCOPES:
            return f"{persona} {does(fact.command)} {target} {SCOPES[scope]}"
        case sqlstate:
            return f"{persona} fails to {verb(fact.command)} {target}: SQLSTATE {sqlstate}"


def _write_about(fact: Access) -> str:
    if fact.command == "UPDATE TO":
        column, _, value = fact.column.partition(TO)
        return f"{write_target(fact.relation, column)} to {write_name(value)}"
    if fact.command == "EXECUTE" and fact.column:
        return f"{write_target(fact.relation, WHOLE)} which {write_name(fact.column)}"
    return write_target(fact.relation, fact.column)


def _access(match: re.Match[str], infinitive: str, result: str) -> Access:
    relation, column = read_target(match["target"])
    command = _NAMED_COMMANDS.get(infinitive, infinitive.upper().replace("-", " "))
    if match["value"]:
        command, column = "UPDATE TO", f"{column}{TO}{read_name(match['value'])}"
    elif match["effect"]:
        column = read_name(match["effect"])
    return Access(read_name(match["persona"]), command, relation, column, result)


def _bare(doing: str) -> str:
    """Undo `does`."""
    first, hyphen, rest = doing.partition("-")
    return f"{first[:-1]}{hyphen}{rest}"
