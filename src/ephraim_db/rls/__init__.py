"""Observe what every persona can really do, on any Supabase project or plain Postgres.

catalog -> personas, guessed or read -> filling -> probes -> matrix -> report
                                                     |
                       ownership, rows (whose row is it?), prober, controls (may we ask?),
                       observing (ask)
"""

from typing import TYPE_CHECKING

from ephraim_db.lazily import names

if TYPE_CHECKING:
    from ephraim_db.rls.matrix import Cell, Matrix, Subject, Unproven, build_matrix, observe_matrix
    from ephraim_db.rls.observing import observe
    from ephraim_db.rls.personas import Persona, Personas, read_personas

__all__ = [
    "Cell",
    "Matrix",
    "Persona",
    "Personas",
    "Subject",
    "Unproven",
    "build_matrix",
    "observe",
    "observe_matrix",
    "read_personas",
]

# Imported when first asked for: a command connects while what comes later is still imported.
__getattr__ = names(
    __name__,
    {
        "Cell": "matrix",
        "Matrix": "matrix",
        "Subject": "matrix",
        "Unproven": "matrix",
        "build_matrix": "matrix",
        "observe_matrix": "matrix",
        "observe": "observing",
        "Persona": "personas",
        "Personas": "personas",
        "read_personas": "personas",
    },
)
