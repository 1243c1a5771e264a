"""The sealing key of a local Supabase, which is thrown away with it."""

from __future__ import annotations

import psycopg

from ephraim_db.local import LocalSupabase
from ephraim_db.rotation import promote, publish
from ephraim_db.sealing import PrivateKey


def publish_throwaway_key(local: LocalSupabase) -> PrivateKey:
    """Make a key, let clients seal to it from now on, and return its private half."""
    key = PrivateKey.generate()
    with psycopg.connect(local.db_url, autocommit=True) as connection:
        publish(connection, key.public())
        promote(connection, key.public().kid)
    return key
