"""What the pytest plugin's fixtures are made of, for any Supabase project.

configuring --> databases (template, clones) --> desk (one connection, rolled back) --> rls (Rls)
"""

from ephraim_db.testing.attempting import Attempt
from ephraim_db.testing.configuring import Configuration, read_configuration
from ephraim_db.testing.databases import Cloner, is_somebodys, made_template
from ephraim_db.testing.desk import Desk, TransactionEnded
from ephraim_db.testing.rls import Rls

__all__ = [
    "Attempt",
    "Cloner",
    "Configuration",
    "Desk",
    "Rls",
    "TransactionEnded",
    "is_somebodys",
    "made_template",
    "read_configuration",
]
