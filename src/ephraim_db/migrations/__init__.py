"""Find, order and apply a project's migrations, with the ledger that the Supabase CLI also reads.

    files -> statements -> plan -> apply (lock, execute) -> ledger
    seed files --------------------^

Needs the `rls` extra (psycopg).
"""

from ephraim_db.migrations.apply import apply_migrations
from ephraim_db.migrations.files import Migration, find_migrations
from ephraim_db.migrations.ledger import MigrationStatus, migration_status
from ephraim_db.migrations.salvaging import salvage_migrations, salvage_seed
from ephraim_db.migrations.seed import apply_seed

__all__ = [
    "Migration",
    "MigrationStatus",
    "apply_migrations",
    "apply_seed",
    "find_migrations",
    "migration_status",
    "salvage_migrations",
    "salvage_seed",
]
