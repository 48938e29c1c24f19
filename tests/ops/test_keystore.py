"""Keys at rest: round trip, refusals, and the development mnemonic."""

import json
from pathlib import Path

import pytest

from node.ops.keystore import SCRYPT_N_MIN, KeystoreError, development_keys, load_key, new_key, save_key


def test_a_key_comes_back_with_its_password(tmp_path: Path) -> None:
    path, key = tmp_path / "keys" / "operator.json", new_key()
    save_key(path, key, "correct horse", n=SCRYPT_N_MIN)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path, "correct horse").secret == key.secret
    assert key.secret.hex() not in path.read_text()


def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    save_key(path, new_key(), "right", n=SCRYPT_N_MIN)
    with pytest.raises(KeystoreError, match="password"):
        load_key(path, "wrong")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    save_key(path, new_key(), "right", n=SCRYPT_N_MIN)
    with pytest.raises(KeystoreError, match="never overwritten"):
        save_key(path, new_key(), "right", n=SCRYPT_N_MIN)


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match="empty"):
        save_key(tmp_path / "key.json", new_key(), "")


def test_a_readable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    save_key(path, new_key(), "right", n=SCRYPT_N_MIN)
    path.chmod(0o640)
    with pytest.raises(KeystoreError, match="chmod 600"):
        load_key(path, "right")


@pytest.mark.parametrize("field", ["version", "address", "kdf", "cipher", "nonce", "ciphertext", "extra"])
def test_every_altered_field_is_noticed(tmp_path: Path, field: str) -> None:
    path = tmp_path / "key.json"
    save_key(path, new_key(), "right", n=SCRYPT_N_MIN)
    items = json.loads(path.read_text())
    altered = {
        "version": 2, "address": "0x" + "11" * 20, "cipher": "none", "nonce": "00" * 12, "ciphertext": "00" * 48, "extra": 1,
        "kdf": {**items["kdf"], "n": 2 * SCRYPT_N_MIN},
    }  # fmt: skip
    items[field] = altered[field]
    path.write_text(json.dumps(items))
    with pytest.raises(KeystoreError):
        load_key(path, "right")


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"kdf": 3}', "\x00"])
def test_what_is_no_keystore_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeystoreError, match="not a keystore"):
        load_key(path, "right")


def test_a_file_cannot_make_us_spend_memory(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    save_key(path, new_key(), "right", n=SCRYPT_N_MIN)
    items = json.loads(path.read_text())
    items["kdf"]["n"] = 2**30
    path.write_text(json.dumps(items))
    with pytest.raises(KeystoreError, match="out of bounds"):
        load_key(path, "right")


def test_development_keys_are_the_usual_ones() -> None:
    addresses = ["0x" + key.address.hex() for key in development_keys(31337, 3)]
    assert addresses == [
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
    ]


@pytest.mark.parametrize("chain_id", [1, 10, 11155111, 0])
def test_development_keys_exist_on_development_chains_only(chain_id: int) -> None:
    with pytest.raises(KeystoreError, match="not a development chain"):
        development_keys(chain_id, 1)
