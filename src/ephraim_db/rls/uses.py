"""What a persona could do with what has no rows: call a function, take from a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ephraim_db.rls.probes import Command
from ephraim_db.rls.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Use:
    """One attempt. `effects` says what it was seen to do; `doubts` why that may not be all."""

    persona: str
    name: str
    kind: Literal["function", "sequence"]
    command: Command
    verdict: Verdict
    effects: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
