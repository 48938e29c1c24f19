"""What PROTOCOL.md says in prose, where the code can be asked: kinds, query names, streams, keys of maps, the worked example."""

import re
from dataclasses import fields

from node.core import params
from node.gateway.queries import _WEIGHTS
from node.views.streams import StreamName
from proto.frames import FrameKind
from proto.hashing import ZERO_HASH, keccak
from proto.ids import derived_address
from proto.inputs import InputKind
from proto.intents import _FIELDS, IntentKind
from proto.units import tick_is_valid
from tests.docs.blocks import NODE_FRAMES, ROOT
from tests.vectors import samples

TEXT = (ROOT / "docs" / "PROTOCOL.md").read_text(encoding="utf-8")


def _section(number: int) -> str:
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[0]


def _rows(section: str) -> list[list[str]]:
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_every_action_is_described() -> None:
    rows = {row[0]: row[1] for row in _rows(_section(4)) if row[0].isdigit()}
    expected = {str(kind.value): "".join(word.capitalize() for word in kind.name.split("_")) for kind in IntentKind}
    assert rows == expected
    assert _FIELDS.keys() == set(IntentKind)


def test_every_frame_is_described_and_shown() -> None:
    described = {row[0] for row in _rows(_section(5))}
    assert {f"{kind.value} {kind.name}" for kind in FrameKind} <= described
    assert set(samples.CLIENT_FRAMES) | {kind.name for kind in NODE_FRAMES} == {kind.name for kind in FrameKind}


def test_every_input_is_described() -> None:
    described = {name.strip() for row in _rows(_section(12)) for name in row[0].split(",")}
    assert {str(kind.value) for kind in InputKind} <= described


def test_every_query_is_described() -> None:
    cells = [row[0] for row in _rows(_section(7))]
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(_WEIGHTS)


def test_every_stream_is_described() -> None:
    cells = [row[0] for row in _rows(_section(8))]
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == [name.value for name in StreamName]


def test_parameters_stand_in_the_order_that_is_hashed() -> None:
    section = _section(15)
    top = re.search(r"`\[network.*?\]`", section, re.DOTALL)
    assert top is not None
    assert re.findall(r"\w+", top[0]) == [field.name for field in fields(params.Params)]
    groups = {
        "asset": params.AssetParams, "index": params.IndexParams, "oracle": params.OracleParams, "funding": params.FundingParams,
        "margin": params.MarginParams, "fees": params.FeeParams, "liquidation": params.LiquidationParams, "limits": params.LimitParams,
        "publisher": params.PublisherParams, "dialects": params.DialectParams,
    }  # fmt: skip
    for name, cls in groups.items():
        line = re.search(rf"^{name} +\[(.*?)\]", section, re.MULTILINE)
        assert line is not None
        assert re.findall(r"[a-z_0-9]+", re.sub(r"\(.*?\)", "", line[1])) == [field.name for field in fields(cls)]


def test_derived_addresses_and_tick_rule_as_described() -> None:
    assert keccak(b"novate.insurance")[12:] == derived_address(b"novate.insurance")
    assert len(ZERO_HASH) == 32
    assert tick_is_valid(583_350, 5)
    assert not tick_is_valid(583_355, 5)  # 58,335.5 has six figures and is not whole.
    assert tick_is_valid(12_345_670, 5)  # 1,234,567 is whole USDC.
