"""Secrets go in and never come out: bytes in, bytes out, no I/O."""

from ephraim_db.sealing.envelope import Envelope, Place, open_envelope, seal
from ephraim_db.sealing.keys import Keyring, PrivateKey, PublicKey

__all__ = ["Envelope", "Keyring", "Place", "PrivateKey", "PublicKey", "open_envelope", "seal"]
