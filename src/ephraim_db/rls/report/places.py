"""Where something is written: the file and line that a finding or difference most likely is about.

migrations --statements--> the last one about the relation that names the policy, or the column
rls.toml   --------------> the table of a persona
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ephraim_db.rls.contract import Told
from ephraim_db.rls.contract.facts import TO
from ephraim_db.rls.findings import STALE, Finding

_NAME = r'(?:"[^"]+"|[\w$]+)(?:\s*\.\s*(?:"[^"]+"|[\w$]+))?'
_DEFINED = re.compile(
    r"(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:unlogged\s+|materialized\s+|foreign\s+)?"
    r"(?:table|view|function|procedure|sequence|publication)\s+"
    rf"(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?(?P<names>{_NAME})",
    re.I,
)
_CONCERNED = re.compile(
    r"(?:create|alter|drop|grant|revoke)\b.*?\bon\s+(?:table\s+|function\s+)?"
    rf"(?P<names>{_NAME}(?:\s*,\s*{_NAME})*)",
    re.I | re.S,
)
MOST_TELLING = 3
"""A statement that names one of so few columns is likely the one; of many, it is chance."""
_POLICY = re.compile(r'(?:create|alter)\s+policy\s+(?:"((?:[^"]|"")+)"|(\w+))\s', re.I)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, with the path as a repository has it: relative, with slashes."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class _Definition:
    place: Place
    text: str


@dataclass(frozen=True)
class Places:
    """The files of a project, `project` being the folder that holds supabase/."""

    project: Path

    def of_finding(self, finding: Finding) -> Place:
        """Return where to look first."""
        if finding.rule == STALE:
            accepted = finding.message.partition('"')[2].partition(",")[0].partition('"')[0]
            return self._configured(rf'^rule\s*=\s*"{re.escape(accepted)}"')
        found = self._defining(finding.relation, finding.columns, f"{finding.fix} {finding.sql}")
        return found or self._configured(_table_of(finding.persona))

    def of_difference(self, told: Told, policies: Iterable[str] = ()) -> Place:
        """Return where to look first; `policies` are those that decide it now."""
        hints = " ".join(f'"{policy}"' for policy in policies)
        found = self._defining(told.relation, told.columns, hints) if told.relation else None
        return found or self._configured(_table_of(*told.personas[:1]))

    def _defining(self, relation: str, columns: Sequence[str], hints: str) -> Place | None:
        about = self._by_name.get(relation.partition("(")[0], [])
        by_policy = [d for d in about if (policy := _policy(d.text)) and f'"{policy}"' in hints]
        few = {c.partition(TO)[0] for c in columns} if len(columns) <= MOST_TELLING else set()
        by_column = [d for d in about if few & set(re.findall(r"\w+", d.text))]
        for candidates in (by_policy, by_column, about):
            if candidates:
                return candidates[-1].place
        return None

    @cached_property
    def _by_name(self) -> dict[str, list[_Definition]]:
        """Return what is written about each relation or function, in the order it runs."""
        found: dict[str, list[_Definition]] = {}
        for definition in self._definitions():
            for name in _names(definition.text):
                found.setdefault(name, []).append(definition)
        return found

    def _definitions(self) -> Iterator[_Definition]:
        from ephraim_db.migrations import find_migrations  # most reports name no files

        if not (self.project / "supabase").is_dir():
            return
        for migration in find_migrations(self.project):
            file = self._path(migration.path)
            for statement in migration.statements:
                line = migration.sql.count("\n", 0, statement.offset + statement.code) + 1
                yield _Definition(Place(file, line), statement.text[statement.code :])

    def _configured(self, pattern: str) -> Place:
        path = self.project / "supabase" / "rls.toml"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        match = re.search(pattern, text, re.M) if pattern else None
        return Place(self._path(path), text.count("\n", 0, match.start()) + 1 if match else 1)

    def _path(self, path: Path) -> str:
        """Return it from the current folder, where a CI job stands, or else from the project."""
        for start in (Path(), self.project):
            relative = os.path.relpath(path, start)
            if not relative.startswith(".."):
                break
        return Path(relative).as_posix()


def _table_of(persona: str = "") -> str:
    return rf'^\[personas\.(?:{re.escape(persona)}|"{re.escape(persona)}")\]' if persona else ""


def _names(text: str) -> Iterator[str]:
    """Yield the names, schema-qualified, of what a statement defines, or is about."""
    match = _DEFINED.match(text) or _CONCERNED.match(text)
    for name in re.findall(_NAME, match["names"]) if match else ():
        schema, dot, relation = re.sub(r'["\s]', "", name).rpartition(".")
        yield f"{schema if dot else 'public'}.{relation}"


def _policy(text: str) -> str | None:
    match = _POLICY.match(text)
    return (match[1] or match[2]).replace('""', '"') if match else None
