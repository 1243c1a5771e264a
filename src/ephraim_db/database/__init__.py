"""How the trusted services (sms, xero) reach Postgres: steps, and the pools that perform them.

steps --yield--> Query        --a connection and a transaction of its own--> rows
             \\-> Transaction  --one connection for all its steps--> what they return
             \\-> any other    --the service's own performer (an HTTP call, a pause)--> its answer

The services act as the role ephraim_sender. A login that is a member of it and inherits has its
privileges from the first query on. Another login that may become it, the owner's say, says `set
local role` in each transaction and pays with round trips. Nothing is kept in the session and no
statement is prepared, so PgBouncer may give every transaction another connection.
"""

from ephraim_db.database.asking import Query, Result, Steps, Transaction, first_row, rows, together
from ephraim_db.database.awaiting import AsyncDatabase
from ephraim_db.database.blocking import Database

__all__ = [
    "AsyncDatabase",
    "Database",
    "Query",
    "Result",
    "Steps",
    "Transaction",
    "first_row",
    "rows",
    "together",
]
