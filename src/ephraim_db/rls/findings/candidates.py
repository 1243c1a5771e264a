"""What a rule suspects, and the proof without which it is no finding.

rule --suspects--> Candidate with Proofs --carried out--> Finding, if one of them shows it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ephraim_db.rls.findings.attempting import Step, Told
from ephraim_db.rls.findings.finding import Finding, Severity
from ephraim_db.rls.findings.making import made_rows
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scripts import write_script
from ephraim_db.rls.personas import Persona


@dataclass(frozen=True, slots=True)
class Proof:
    """Steps of which the last touches a row, tells a number above 0, or fails with `sqlstate`."""

    steps: tuple[Step, ...]
    sqlstate: str | None = None

    def shows(self, told: tuple[Told, ...]) -> bool:
        """Return whether it came out as claimed."""
        if len(told) < len(self.steps):
            return False
        if self.sqlstate:
            return told[-1].sqlstate == self.sqlstate
        return told[-1].sqlstate is None and (told[-1].touched or told[-1].count) > 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding to be. Its script is the first of `proofs` that shows it."""

    rule: str
    severity: Severity
    persona: Persona | None
    relation: str
    columns: tuple[str, ...]
    message: str
    fix: str
    proofs: tuple[Proof, ...]


def prove(scene: Scene, candidates: Iterable[Candidate]) -> Iterator[Finding]:
    """Carry the first proofs of all out together, then all others of those that need them."""
    waiting = [candidate for candidate in candidates if candidate.proofs]
    for those in (slice(0, 1), slice(1, None)):
        trying = [(candidate, proof) for candidate in waiting for proof in candidate.proofs[those]]
        results = scene.carry_out([proof.steps for _, proof in trying])
        shown: dict[int, Proof] = {}
        for (candidate, proof), told in zip(trying, results, strict=True):
            if id(candidate) not in shown and proof.shows(told):
                shown[id(candidate)] = proof
                yield _finding(scene, candidate, proof)
        waiting = [candidate for candidate in waiting if id(candidate) not in shown]


def _finding(scene: Scene, candidate: Candidate, proof: Proof) -> Finding:
    script = write_script(candidate.message, made_rows(scene, proof.steps), proof.steps)
    return Finding(
        candidate.rule,
        candidate.severity,
        candidate.persona.name if candidate.persona else "",
        candidate.relation,
        candidate.columns,
        candidate.message,
        script,
        candidate.fix,
    )
