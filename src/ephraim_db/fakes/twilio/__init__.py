"""A Twilio on loopback for tests and demos: it keeps state, is strict, and fails on demand.

SDK --HTTP--> server.py --> rules.py (as the API refuses) --> state.py --> callbacks.py --> endpoint
"""

from ephraim_db.fakes.twilio.callbacks import Delivery
from ephraim_db.fakes.twilio.server import FakeTwilio
from ephraim_db.fakes.twilio.state import Account, Fault, Message

__all__ = ["Account", "Delivery", "FakeTwilio", "Fault", "Message"]
