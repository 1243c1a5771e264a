"""Hold other people's credentials in Supabase, use them, and prove that RLS holds.

secret:  entered -> sealed -> stored -> opened by the sender -> used -> logged -> delivery updated
policy:  catalog -> personas -> probes -> matrix -> contract / findings / mutants -> report
"""

from typing import TYPE_CHECKING

from ephraim_db.errors import AdminRequired, EphraimError, InvalidInput, NotSignedIn
from ephraim_db.lazily import names

if TYPE_CHECKING:
    from ephraim_db.client import AsyncClient, Client
    from ephraim_db.inputs import CLEAR, Clear
    from ephraim_db.organizations import Organization
    from ephraim_db.profiles import MemberRole, Profile
    from ephraim_db.sms_log_events import SmsLogEvent
    from ephraim_db.sms_logs import SmsLog, SmsLogPage, SmsStatus
    from ephraim_db.sms_outcomes import SmsOutcome
    from ephraim_db.xero_connections import XeroConnection

__all__ = [
    "CLEAR",
    "AdminRequired",
    "AsyncClient",
    "Clear",
    "Client",
    "EphraimError",
    "InvalidInput",
    "MemberRole",
    "NotSignedIn",
    "Organization",
    "Profile",
    "SmsLog",
    "SmsLogEvent",
    "SmsLogPage",
    "SmsOutcome",
    "SmsStatus",
    "XeroConnection",
]

# Imported when first asked for: who probes policies or seals a secret needs no HTTP client.
__getattr__ = names(
    __name__,
    {
        "AsyncClient": "client",
        "Client": "client",
        "CLEAR": "inputs",
        "Clear": "inputs",
        "Organization": "organizations",
        "MemberRole": "profiles",
        "Profile": "profiles",
        "SmsLog": "sms_logs",
        "SmsLogEvent": "sms_log_events",
        "SmsLogPage": "sms_logs",
        "SmsOutcome": "sms_outcomes",
        "SmsStatus": "sms_logs",
        "XeroConnection": "xero_connections",
    },
)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return __all__
