"""Secrets go in and never come out: bytes in, bytes out; only `Keyring.from_env` looks outside."""

from ephraim_db.sealing.envelope import Envelope, Place, open_envelope, seal
from ephraim_db.sealing.keyring import Keyring
from ephraim_db.sealing.keys import PrivateKey, PublicKey

__all__ = ["Envelope", "Keyring", "Place", "PrivateKey", "PublicKey", "open_envelope", "seal"]
