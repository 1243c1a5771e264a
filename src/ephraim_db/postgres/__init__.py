"""Where a database comes from, and how it becomes a fresh Supabase project.

start_postgres(choice) --> Server --create_database--> Platform --clone_database--> one per test
   embedded | system | docker | postgresql://...
"""

from ephraim_db.postgres.platform import (
    DefaultGrants,
    Platform,
    clone_database,
    create_database,
    drop_database,
)
from ephraim_db.postgres.project_database import project_database
from ephraim_db.postgres.server import Server
from ephraim_db.postgres.start import start_postgres

__all__ = [
    "DefaultGrants",
    "Platform",
    "Server",
    "clone_database",
    "create_database",
    "drop_database",
    "project_database",
    "start_postgres",
]
