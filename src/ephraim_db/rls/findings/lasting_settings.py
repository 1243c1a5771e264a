"""setting-stays: a function sets role, claims, or what policies believe, for the whole session.

A pool hands the connection on: whoever comes next meets what the last user left.

a SET clause on a function is stronger than set_config(..., true) and SET LOCAL inside of it, and
weaker than set_config(..., false) and SET: what is still there after such a call outlives a commit

Only a superuser may write such a clause for a setting that Postgres does not know itself, which is
all but role; for others it is told as unproven.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from psycopg.sql import Literal

from ephraim_db.rls.catalog import quote
from ephraim_db.rls.findings.arguments import call, prepare_arguments, tries
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.caller_settings import OWN_NAME
from ephraim_db.rls.findings.calling import reaches_outside, was_called
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.functions import Function
from ephraim_db.rls.matrix import Unproven
from ephraim_db.rls.personas import Persona

RULE = "setting-stays"
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.S)
FOR_NOW = re.compile(r"set_config\s*\((?:(?!set_config|;).)*?,\s*true\s*\)(?!\s*,)", re.I | re.S)
"""What ends with the transaction; `current_setting(..., true)` is followed by a comma."""
SETS = re.compile(
    r"\bset_config\s*\(\s*(?:'(?P<given>[\w.]+)'\s*,|(?P<any>.))|"
    r"(?:^|[;']|\b(?:begin|then|else|loop)\b)\s*"
    r"set\s+(?!local\b)(?:session\s+)?\"?(?P<named>[\w.]+)",
    re.I,
)
"""What may set something for longer; the SET of an UPDATE begins no statement."""
IDENTITY = ("role", "request.jwt.claims", "request.jwt.claim.sub")


def find(scene: Scene) -> Iterator[Candidate | Unproven]:
    """Call what may set something, as one who may call it, and see whether that is still set."""
    may_try_all = _is_superuser(scene)
    believed = tuple(dict.fromkeys(OWN_NAME.findall(Doors(scene).text)))
    for function in scene.facts.functions.values():
        settings = [*_named(scene, function, (*believed, *IDENTITY))]
        people = (*scene.members, *scene.anonymous)
        caller = next((p for p in people if p.role in function.executors), None)
        if not caller or not settings or not _may_be_called(scene, caller, function):
            continue
        for setting in settings:
            if setting != "role" and not may_try_all:
                reason = f"whether {setting} stays set after it was not tried: a superuser could"
                yield Unproven(caller.name, function.full_name, "EXECUTE", reason, of_search=True)
                continue
            yield Candidate(
                RULE,
                "error" if setting in believed else "warning",
                caller,
                function.full_name,
                (),
                f"{caller.name} calls {function.full_name}, after which {setting} stays set for "
                "the session: who gets the connection next meets it",
                f"Let {function.full_name} set it for the transaction only: "
                "set_config(..., ..., true), or `set local`.",
                tuple(_proofs(scene, caller, function, setting)),
            )


def _is_superuser(scene: Scene) -> bool:
    row = scene.observation.connection.execute(
        "select rolsuper from pg_catalog.pg_roles where rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def _named(scene: Scene, function: Function, settings: tuple[str, ...]) -> Iterator[str]:
    """Yield the settings that a function, or one that it calls, may set."""
    called = scene.facts.called([function.oid])
    text = COMMENT.sub(" ", ";".join(scene.facts.functions[oid].source for oid in called))
    found = [*SETS.finditer(FOR_NOW.sub(" ", text))]
    names = {one["given"] or one["named"] for one in found}
    if any(one["any"] for one in found):
        names |= {name for name in settings if re.search(rf"\b{re.escape(name)}\b", text)}
    yield from (name for name in settings if name in names)


def _may_be_called(scene: Scene, caller: Persona, function: Function) -> bool:
    return (
        function.schema in scene.observation.personas.schemas
        and not function.is_trigger
        and not function.is_variadic
        and not reaches_outside(scene, function)
        and was_called(scene, caller, function)
    )


def _proofs(scene: Scene, caller: Persona, function: Function, setting: str) -> Iterator[Proof]:
    before = {"role": caller.role, "request.jwt.claims": caller.jwt_claims}.get(setting, "")
    told = Literal(before).as_string(None).strip()
    name = ".".join(quote(part) for part in setting.split("."))
    wrapped = (
        f"create function pg_temp.calling() returns void language plpgsql set {name} = {told} "
        f"as $call$ begin perform {call(function)}; end $call$"
    )
    now = f"coalesce(current_setting({Literal(setting).as_string(None).strip()}, true), '')"
    for attempt in tries(scene, caller, function):
        yield Proof((
            *prepare_arguments(scene, caller, function, attempt),
            Step(wrapped),
            Step("grant execute on function pg_temp.calling() to public"),
            asked(f"select ({now} <> {told})::integer as stays from pg_temp.calling()", caller),
        ))  # fmt: skip
