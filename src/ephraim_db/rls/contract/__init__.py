"""What a team has agreed that everybody can do: supabase/rls.contract, compared in CI.

Matrix --facts--> sentences --file--> rls.contract
                                         |
Matrix --facts----------------------> compare --telling--> sentences about differences
"""

from typing import TYPE_CHECKING

from ephraim_db.lazily import names

if TYPE_CHECKING:
    from ephraim_db.rls.contract.comparing import Difference
    from ephraim_db.rls.contract.facts import Fact, Facts, facts_of, in_order
    from ephraim_db.rls.contract.file import facts_in, lines_of, read_contract, write_contract
    from ephraim_db.rls.contract.sentences import AS_AGREED, read_fact, write_fact
    from ephraim_db.rls.contract.telling import Change, Told, tell_differences

__all__ = [
    "AS_AGREED",
    "Change",
    "Difference",
    "Fact",
    "Facts",
    "Told",
    "facts_in",
    "facts_of",
    "in_order",
    "lines_of",
    "read_contract",
    "read_fact",
    "tell_differences",
    "write_contract",
    "write_fact",
]

# Imported when first asked for: where nothing differs, nothing need be told about it.
__getattr__ = names(
    __name__,
    {
        "AS_AGREED": "sentences",
        "Change": "telling",
        "Difference": "comparing",
        "Fact": "facts",
        "Facts": "facts",
        "Told": "telling",
        "facts_in": "file",
        "facts_of": "facts",
        "in_order": "facts",
        "lines_of": "file",
        "read_contract": "file",
        "read_fact": "sentences",
        "tell_differences": "telling",
        "write_contract": "file",
        "write_fact": "sentences",
    },
)
