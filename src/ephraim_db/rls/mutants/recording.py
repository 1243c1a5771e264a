"""The record of a run, a line of JSON each: what a run that was interrupted goes on from.

{"version": 1, "command": [...], "mutants": "<hash of them all>"}
{"key", "operator", "mutant", "sql", "result", "why"}
...
{"finished": true}       # the run came to its end, so the next one begins anew
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, get_args

from ephraim_db.rls.mutants.judging import Judgement, Result
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.scoring import Score

VERSION = 1


class Record:
    """A file that judgements are added to as they come."""

    def __init__(self, path: Path, command: Sequence[str], mutants: Sequence[Mutant]) -> None:
        """Take up what an interrupted run of the same command and mutants has found."""
        self._path = path
        keys = "".join(mutant.key for mutant in mutants)
        self._header = {
            "version": VERSION,
            "command": list(command),
            "mutants": hashlib.sha256(keys.encode()).hexdigest(),
        }
        self.known: dict[str, Judgement] = dict(self._read(mutants))

    def _read(self, mutants: Sequence[Mutant]) -> Iterator[tuple[str, Judgement]]:
        lines: list[Any] = []
        with suppress(OSError, ValueError):
            for line in self._path.read_text(encoding="utf-8").splitlines():
                lines.append(json.loads(line))  # the last may have been cut off
        if not lines or lines[0] != self._header or "finished" in lines[-1]:
            return
        by_key = {mutant.key: mutant for mutant in mutants}
        for line in lines[1:]:
            if line["key"] in by_key and line["result"] in get_args(Result):
                judgement = Judgement(by_key[line["key"]], line["result"], line["why"])
                yield line["key"], judgement

    @contextmanager
    def adding(self) -> Iterator[Record]:
        """Write what is known already; what is added meanwhile is there at once."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("", encoding="utf-8")
        self._write(self._header, *map(_as_json, self.known.values()))
        yield self

    def add(self, judgement: Judgement) -> None:
        """Write a judgement."""
        self.known[judgement.mutant.key] = judgement
        self._write(_as_json(judgement))

    def finish(self) -> None:
        """Write that this was all."""
        self._write({"finished": True})

    def _write(self, *lines: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)


def write_score(path: Path, command: Sequence[str], score: Score) -> None:
    """Write a whole run."""
    mutants = [one.mutant for one in score.judgements]
    record = Record(path, command, mutants)
    record.known = {one.mutant.key: one for one in score.judgements}
    with record.adding():
        record.finish()


def _as_json(judgement: Judgement) -> dict[str, Any]:
    mutant = judgement.mutant
    return {
        "key": mutant.key,
        "operator": mutant.operator,
        "mutant": mutant.title,
        "sql": mutant.sql,
        "result": judgement.result,
        "why": judgement.why,
    }


def unknown(record: Record, mutants: Iterable[Mutant]) -> list[Mutant]:
    """Return the mutants that a record says nothing of."""
    return [mutant for mutant in mutants if mutant.key not in record.known]
