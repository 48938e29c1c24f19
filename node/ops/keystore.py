"""Private keys at rest: one JSON file per key, scrypt for the password, AES-256-GCM for the secret.

The header (version, address, parameters) is authenticated with the secret, so that a file cannot be relabelled or weakened unnoticed.
Development keys come from a mnemonic that everybody knows and exist on development chains only.
"""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proto.signing.secp256k1 import SigningKey

VERSION: Final = 1
SCRYPT_N: Final = 2**17  # 128 MiB and ~0.4 s: what a login may cost, and a guess must.
SCRYPT_N_MAX: Final = 2**20  # A file must not make us spend more than 1 GiB.
SCRYPT_N_MIN: Final = 2**14
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
_SALT_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

DEVELOPMENT_CHAIN_IDS: Final = (31337, 1337)
DEVELOPMENT_MNEMONIC: Final = "test test test test test test test test test test test junk"


class KeystoreError(Exception):
    """The key cannot be had; the message says why and what to do."""


def new_key() -> SigningKey:
    """A fresh key from the operating system's randomness."""
    while True:
        secret = secrets.token_bytes(32)
        if 0 < int.from_bytes(secret, "big") < _ORDER:
            return SigningKey(secret)


def _header(address: bytes, n: int, salt: bytes) -> dict[str, Any]:
    kdf = {"name": "scrypt", "n": n, "r": SCRYPT_R, "p": SCRYPT_P, "salt": salt.hex()}
    return {"version": VERSION, "address": "0x" + address.hex(), "kdf": kdf, "cipher": "aes-256-gcm"}


def _authenticated(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _derive(password: str, n: int, salt: bytes) -> AESGCM:
    kdf = Scrypt(salt=salt, length=32, n=n, r=SCRYPT_R, p=SCRYPT_P)
    return AESGCM(kdf.derive(password.encode()))


def save_key(path: Path, key: SigningKey, password: str, *, n: int = SCRYPT_N) -> None:
    """Encrypt `key` into a new file that only its owner can read. Raises KeystoreError; never overwrites."""
    if not password:
        raise KeystoreError("A keystore needs a password that is not empty.")
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    header = _header(key.address, n, salt)
    sealed = _derive(password, n, salt).encrypt(nonce, key.secret, _authenticated(header))
    text = json.dumps({**header, "nonce": nonce.hex(), "ciphertext": sealed.hex()}, indent=2) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise KeystoreError(f"{path} exists; a key is never overwritten. Choose another file.") from error
    except OSError as error:
        raise KeystoreError(f"{path} cannot be written: {error.strerror}.") from error


def load_key(path: Path, password: str) -> SigningKey:
    """Decrypt the key in `path`. Raises KeystoreError."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeystoreError(f"{path} cannot be read: {error}.") from error
    if mode & 0o077:
        raise KeystoreError(f"{path} can be read by others; run: chmod 600 {path}")
    header, n, salt, nonce, sealed = _parse(path, text)
    try:
        secret = _derive(password, n, salt).decrypt(nonce, sealed, _authenticated(header))
    except InvalidTag as error:
        raise KeystoreError(f"The password does not open {path}, or the file was altered.") from error
    key = SigningKey(secret)
    if "0x" + key.address.hex() != header["address"]:
        raise KeystoreError(f"{path} does not hold the key of {header['address']}.")
    return key


def _parse(path: Path, text: str) -> tuple[dict[str, Any], int, bytes, bytes, bytes]:
    """Header, cost, salt, nonce and ciphertext; strict, so that the header is exactly what was authenticated."""
    malformed = KeystoreError(f"{path} is not a keystore of version {VERSION}.")
    try:
        items = json.loads(text)
        kdf = items["kdf"]
        n, salt = kdf["n"], bytes.fromhex(kdf["salt"])
        nonce, sealed = bytes.fromhex(items["nonce"]), bytes.fromhex(items["ciphertext"])
        address = bytes.fromhex(items["address"].removeprefix("0x"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise malformed from error
    if type(n) is not int or not SCRYPT_N_MIN <= n <= SCRYPT_N_MAX or n & (n - 1):
        raise KeystoreError(f"{path} asks for scrypt with n = {n}, which is out of bounds.")
    header = _header(address, n, salt)
    if {**header, "nonce": nonce.hex(), "ciphertext": sealed.hex()} != items or len(nonce) != _NONCE_BYTES:
        raise malformed
    return header, n, salt, nonce, sealed


def development_keys(chain_id: int, count: int) -> tuple[SigningKey, ...]:
    """The first keys of the usual development mnemonic. Raises KeystoreError on any chain but a development one."""
    if chain_id not in DEVELOPMENT_CHAIN_IDS:
        raise KeystoreError(f"Development keys are public; chain {chain_id} is not a development chain.")
    seed = hashlib.pbkdf2_hmac("sha512", DEVELOPMENT_MNEMONIC.encode(), b"mnemonic", 2_048)
    node = hmac.digest(b"Bitcoin seed", seed, "sha512")
    hardened = 2**31
    for step in (44 + hardened, 60 + hardened, hardened, 0):
        node = _child(node, step)
    return tuple(SigningKey(_child(node, index)[:32]) for index in range(count))


def _child(node: bytes, index: int) -> bytes:
    """BIP-32 private child derivation: 32 bytes of secret, 32 of chain code."""
    secret, chain = node[:32], node[32:]
    if index >= 2**31:
        data = b"\0" + secret
    else:
        public = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256K1()).public_key()
        data = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    digest = hmac.digest(chain, data + index.to_bytes(4, "big"), "sha512")
    number = (int.from_bytes(digest[:32], "big") + int.from_bytes(secret, "big")) % _ORDER
    return number.to_bytes(32, "big") + digest[32:]
