"""What nats-py asks of the package of this name: to sign in with an nkey seed.

The package itself has to be built where it is installed; PyNaCl, which does the work, has not.
"""

import base64

from nacl.signing import SigningKey

# "user", the kind of key that a client signs in with, as the first five bits of its text.
USER = 20 << 3


class KeyPair:
    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)

    @property
    def public_key(self) -> bytes:
        body = bytes([USER]) + bytes(self._key.verify_key)
        return base64.b32encode(body + _crc16(body).to_bytes(2, "little")).rstrip(b"=")

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message).signature

    def wipe(self) -> None:
        del self._key


def from_seed(text: bytearray) -> KeyPair:
    """Reads a seed: two bytes that say what it is, 32 of the seed, two of a checksum."""
    raw = base64.b32decode(bytes(text) + b"=" * (-len(text) % 8))
    body, checksum = raw[:-2], int.from_bytes(raw[-2:], "little")
    if len(body) != 34 or _crc16(body) != checksum:
        raise ValueError("not an nkey seed")
    return KeyPair(body[2:])


def _crc16(data: bytes) -> int:
    """CRC-16/XMODEM."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc
