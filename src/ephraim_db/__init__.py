"""Hold other people's credentials in Supabase, use them, and prove that RLS holds.

secret:  entered -> sealed -> stored -> opened by the sender -> used -> logged -> delivery updated
policy:  catalog -> personas -> probes -> matrix -> contract / findings / mutants -> report
"""

from ephraim_db.errors import EphraimError, InvalidInput

__all__ = ["EphraimError", "InvalidInput"]
