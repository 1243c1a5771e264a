"""From a project's files to a database that has them.

config.toml, migrations, seed --> a Postgres --platform, extensions looked at, applied--> Database
"""

from ephraim_db.project.config import ApiConfig, read_api_config, read_major_version
from ephraim_db.project.database import Database, migrated_database

__all__ = ["ApiConfig", "Database", "migrated_database", "read_api_config", "read_major_version"]
