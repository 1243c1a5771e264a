"""Our suite is RFC 9180's: X25519, HKDF-SHA256, AES-256-GCM, base mode.

cryptography's API takes no aad, and every published vector has one. So the RFC's key schedule is
written out here, held to the vector, and then seals without aad for the suite to open.
"""

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

# From the test vectors of the CFRG that accompany RFC 9180: mode 0, KEM 0x0020, KDF 0x0001,
# AEAD 0x0002, first encryption.
INFO = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
SK_R = bytes.fromhex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d")
SK_E = bytes.fromhex("179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11")
ENC = bytes.fromhex("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256")
KEY = bytes.fromhex("f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f")
NONCE = bytes.fromhex("151d9929e2449747889bc923")
AAD = bytes.fromhex("436f756e742d30")
PLAIN = bytes.fromhex("4265617574792069732074727574682c20747275746820626561757479")
SEALED = bytes.fromhex(
    "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a"
)

KEM_ID = b"KEM" + (0x20).to_bytes(2, "big")
SUITE_ID = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x20, 1, 2))


def extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, sha256)


def expand(suite: bytes, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
    return hmac.digest(secret, info + b"\x01", sha256)[:length]


def key_schedule(ephemeral: X25519PrivateKey, recipient: X25519PublicKey) -> tuple[bytes, bytes]:
    shared = ephemeral.exchange(recipient)
    both = ephemeral.public_key().public_bytes_raw() + recipient.public_bytes_raw()
    prk = extract(KEM_ID, b"", b"eae_prk", shared)
    secret = expand(KEM_ID, prk, b"shared_secret", both, 32)
    psk_id = extract(SUITE_ID, b"", b"psk_id_hash", b"")
    context = b"\x00" + psk_id + extract(SUITE_ID, b"", b"info_hash", INFO)
    schedule = extract(SUITE_ID, secret, b"secret", b"")
    return (
        expand(SUITE_ID, schedule, b"key", context, 32),
        expand(SUITE_ID, schedule, b"base_nonce", context, 12),
    )


def test_the_suite_opens_what_the_published_vector_seals() -> None:
    recipient = X25519PrivateKey.from_private_bytes(SK_R)
    ephemeral = X25519PrivateKey.from_private_bytes(SK_E)
    key, nonce = key_schedule(ephemeral, recipient.public_key())
    assert (ephemeral.public_key().public_bytes_raw(), key, nonce) == (ENC, KEY, NONCE)
    assert AESGCM(key).encrypt(nonce, PLAIN, AAD) == SEALED

    without_aad = ENC + AESGCM(key).encrypt(nonce, PLAIN, b"")
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    assert suite.decrypt(without_aad, recipient, info=INFO) == PLAIN
