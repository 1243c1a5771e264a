"""Exchange the key that secrets are sealed to, while senders read and admins write.

publish --> promote --> seal every stored secret anew, in batches --> retire the old key
pending     active      (a reader with both keys opens either)        retired

Each arrow is a transaction that may be repeated: whoever was stopped half-way runs it all again.
"""

from ephraim_db.rotation.directory import DirectoryKey, list_keys, promote, publish
from ephraim_db.rotation.resealing import Unopened
from ephraim_db.rotation.rotating import Progress, Rotation, rotate

__all__ = [
    "DirectoryKey",
    "Progress",
    "Rotation",
    "Unopened",
    "list_keys",
    "promote",
    "publish",
    "rotate",
]
