"""The programs in docs/clients/HYPERLIQUID.md, run as they stand there against a live node, but for its port."""

import re
from pathlib import Path

import pytest

from proto.signing.secp256k1 import SigningKey
from tests.gateway.hl.foreign import ROOT, run_text
from tests.gateway.hl.test_foreign import priced

DOCUMENT = ROOT / "docs" / "clients" / "HYPERLIQUID.md"
BLOCKS = re.findall(r"```(python|js)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
KEY = SigningKey(bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"))


def test_every_client_has_its_program() -> None:
    assert [language for language, _ in BLOCKS] == ["python", "python", "python", "js"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("language", "text"), BLOCKS, ids=["sdk", "ccxt", "ccxt.pro", "nktkas"])
async def test_a_program_from_the_document_places_an_order(language: str, text: str, tmp_path: Path) -> None:
    async with priced() as node:
        await node.fund(KEY, 1_000_000)
        said = await run_text(language, text.replace("127.0.0.1:8080", f"127.0.0.1:{node.gateway.port}"), tmp_path)
        account = node.state.accounts[node.state.by_address[KEY.address]]
        assert [order.price for order in account.orders.values()] == [500_000], said
        assert "oid" in said or "resting" in said or "id" in said
