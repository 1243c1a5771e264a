"""The user's side: a supabase-py client, and what the user it acts as may ask and change.

method --> steps --run.py--> supabase.auth (who is asking), PostgREST (rows) --> typed result

Both classes say the same, blocking and awaiting. Nothing else here imports supabase.
"""

from ephraim_db.client.awaiting import AsyncClient
from ephraim_db.client.blocking import Client

__all__ = ["AsyncClient", "Client"]
