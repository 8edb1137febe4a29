"""Makes vectors.json: sealed objects and a wrapped key, made from docs/backups.md alone
with another library than the product's. Shows also how to open an object without us.

    python3 vectors.py > vectors.json      needs the package cryptography
"""

import hashlib
import json

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"LLSEAL\0\x01"
CHUNK = 65536
HEADER = 83
PLACE = b"0193a000-0000-7000-8000-000000000001\n0193a000-0000-7000-8000-000000000001/1"


def derive(data_key, salt):
    keys = HKDF(SHA256(), 64, salt, b"leadslock sealed object 1").derive(data_key)
    return keys[:32], keys[32:]


def seal(data_key, place, salt, prefix, content):
    key, commitment = derive(data_key, salt)
    header = MAGIC + CHUNK.to_bytes(4, "big") + salt + prefix + commitment
    chunks = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)] or [b""]
    sealed = header
    for number, chunk in enumerate(chunks):
        is_last = number == len(chunks) - 1
        nonce = prefix + number.to_bytes(4, "big") + bytes([is_last])
        sealed += AESGCM(key).encrypt(nonce, chunk, header + place)
    return sealed


def unseal(data_key, place, sealed):
    header, rest = sealed[:HEADER], sealed[HEADER:]
    if header[:8] != MAGIC or int.from_bytes(header[8:12], "big") != CHUNK:
        raise ValueError("not sealed by us")
    salt, prefix = header[12:44], header[44:51]
    key, commitment = derive(data_key, salt)
    if commitment != header[51:]:
        raise ValueError("another key")
    length = CHUNK + 16
    chunks = [rest[at : at + length] for at in range(0, len(rest), length)]
    content = b""
    for number, chunk in enumerate(chunks):
        is_last = number == len(chunks) - 1
        nonce = prefix + number.to_bytes(4, "big") + bytes([is_last])
        content += AESGCM(key).decrypt(nonce, chunk, header + place)
    return content


def content_of(length):
    """Bytes without a period that a chunk has."""
    return bytes((at * at // 251 + at) % 256 for at in range(length))


def main():
    data_key = bytes(range(32))
    objects = []
    for length in (0, 1, 300, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 200_000):
        salt = hashlib.sha256(b"salt %d" % length).digest()
        prefix = hashlib.sha256(b"prefix %d" % length).digest()[:7]
        sealed = seal(data_key, PLACE, salt, prefix, content_of(length))
        assert unseal(data_key, PLACE, sealed) == content_of(length)
        objects.append(
            {
                "length": length,
                "salt": salt.hex(),
                "prefix": prefix.hex(),
                "begins": sealed[:160].hex(),
                "sha256": hashlib.sha256(sealed).hexdigest(),
            }
        )
    wrapping = bytes(range(32, 64))
    nonce = bytes(range(100, 112))
    associated = b"leadslock wrapped key 1\n2026-11\n" + PLACE
    wrapped = nonce + AESGCM(wrapping).encrypt(nonce, data_key, associated)
    vectors = {
        "data_key": data_key.hex(),
        "objects": objects,
        "wrapping_key": wrapping.hex(),
        "wrapped_key": wrapped.hex(),
    }
    print(json.dumps(vectors, indent=2))


if __name__ == "__main__":
    main()
