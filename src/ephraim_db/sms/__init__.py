"""Send an SMS for an organization, log it, and follow it until it arrives.

credential opened --> pending row --> Twilio --> queued --callbacks--> delivered
 (credential.py)       (log.py)     (twilio.py)        (delivery.py)  └ silence: reconciling.py
"""

from ephraim_db.sms.blocking import Sender
from ephraim_db.sms.delivery import status_callbacks
from ephraim_db.sms.flight import Outcome
from ephraim_db.sms.log import Sms
from ephraim_db.sms.reconciling import Reconciled
from ephraim_db.sms.sender import AsyncSender

__all__ = ["AsyncSender", "Outcome", "Reconciled", "Sender", "Sms", "status_callbacks"]
