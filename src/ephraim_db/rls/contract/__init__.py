"""What a team has agreed that everybody can do: supabase/rls.contract, compared in CI.

Matrix --facts--> sentences --file--> rls.contract
                                         |
Matrix --facts----------------------> compare --telling--> sentences about differences
"""

from ephraim_db.rls.contract.comparing import Difference
from ephraim_db.rls.contract.facts import Fact, Facts, facts_of, in_order
from ephraim_db.rls.contract.file import facts_in, lines_of, read_contract, write_contract
from ephraim_db.rls.contract.sentences import read_fact, write_fact
from ephraim_db.rls.contract.telling import AS_AGREED, Change, Told, tell_differences

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
