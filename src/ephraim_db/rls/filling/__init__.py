"""Rows for empty tables, for this run only: two organizations, and something of everybody's.

personas -> people (who owns what) --\
catalog + facts -> order of tables ----> attempts, by trial --> rows, and what stayed empty
"""

from ephraim_db.rls.filling.filler import Filled, Unfilled, fill

__all__ = ["Filled", "Unfilled", "fill"]
