"""What the pytest plugin's fixture `rls` is, for readers and type checkers; see docs/pytest.md.

configuring --> databases (template, clones) --> desk (one connection, rolled back) --> rls (Rls)
"""

from ephraim_db.testing.attempting import Attempt
from ephraim_db.testing.rls import Rls

__all__ = ["Attempt", "Rls"]
