"""The parts of the documents that are a function of the code: `python -m tests.docs.blocks` writes them anew, a test compares.

A document holds such a part between `<!-- from the code: NAME -->` and `<!-- end -->`, and a program between
`<!-- from the file: PATH -->` and `<!-- end of file -->`; whatever stands outside is for people to write.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

from node.config.operator import KeySettings, L1Settings, LogSettings
from node.gateway.gauges import GatewayGauges
from node.gateway.queries import _WEIGHTS
from node.gateway.settings import GatewaySettings, HlSettings, LimitSettings
from node.ops.metrics import Metrics
from node.oracle.gauges import OracleGauges
from node.oracle.settings import PublisherSettings
from node.oracle.wanted import VenueWanted
from node.sequencer.gauges import SequencerGauges
from node.sequencer.guard_gauges import GuardGauges
from node.sequencer.settings import SequencerSettings
from node.settlement.gauges import SettlementGauges
from node.settlement.settings import SettlementSettings
from node.store.settings import StoreSettings
from node.views.streams import StreamLimits
from node.watcher.gauges import WatcherGauges
from proto import units
from proto.canonical import unpack
from proto.frames import FrameKind, encode_client_frame, encode_node_frame, refusal_items
from proto.ids import BACKSTOP_ADDRESS, INSURANCE_ADDRESS, TREASURY_ADDRESS
from proto.intents import encode_intent
from proto.ledger import DEPTHS, SYSTEM_ASSET_WORDS, SYSTEM_FIXED_WORDS, Section
from proto.ops import _LAYOUTS, OP_BYTES, OpKind
from proto.reject import RETRY_CAN_HELP, SENTENCES, RejectCode
from proto.signing.eip712 import TYPE_HASHES, TYPES, domain_separator, intent_digest
from tests.vectors import samples

ROOT: Final = Path(__file__).parents[2]
_BLOCK: Final = re.compile(r"<!-- from the code: ([a-z-]+) -->\n(.*?)<!-- end -->", re.DOTALL)
_FILE: Final = re.compile(r"<!-- from the file: (\S+) -->\n(.*?)<!-- end of file -->", re.DOTALL)
_WIDTHS: Final = {
    "B": ("u8", 1), "H": ("u16", 2), "I": ("u32", 4), "Q": ("u64", 8), "q": ("i64", 8), "A": ("address", 20), "W": ("bytes32", 32),
    "U": ("u128", 16), "S": ("i128", 16),
}  # fmt: skip
_BOUNDS: Final = (
    "PRICE_MAX", "LOTS_MAX", "POSITION_LOTS_MAX", "AMOUNT_MAX", "CASH_MAX", "FUNDING_MAX", "MICRO_PRICE_MAX", "NONCE_MAX",
    "TIME_MS_MAX", "CLIENT_ID_MAX",
)  # fmt: skip
_HELLO: Final = {
    "frame_version": 1,
    "protocol_version": 1,
    "network": "devnet",
    "chain_id": 31337,
    "contract": samples.DOMAIN.contract,
}
_BBO: Final = {"market": 1, "bid": 583_230, "bid_size": 2_837, "ask": 583_440, "ask_size": 1_200}
NODE_FRAMES: Final[dict[FrameKind, list[Any]]] = {
    FrameKind.HELLO: [64, 0, _HELLO],
    FrameKind.ACK: [65, 1, 4_711, 1_700_000_000_456, [[0, 77, 0, 0, 12_345, 0]]],
    FrameKind.REFUSAL: refusal_items(1, 4_711, RejectCode.ORDER_PRICE_OFF_TICK),
    FrameKind.REPLY: [67, 2, 4_711, [1_700_000_000_123]],
    FrameKind.EVENT: [68, 3, 42, 4_712, 1_700_000_000_500, _BBO],
    FrameKind.PONG: [69, 2**32 - 1, 1_700_000_000_500],
    FrameKind.CLOSING: [70, 0, 9_002, "NODE_STOPPING", ""],
    FrameKind.SNAPSHOT: [71, 3, 41, 4_711, 1_700_000_000_456, "requested", _BBO],
    FrameKind.UNSUBSCRIBED: [72, 3, True],
}  # fmt: skip


def rejects() -> str:
    """Every refusal."""
    rows = [
        f"| {code.value} | `{code.name}` | {'yes' if RETRY_CAN_HELP[code] else 'no'} | {SENTENCES[code]} |"
        for code in RejectCode
    ]
    return "\n".join(["| code | name | retry can help | what to do |", "|---:|---|---|---|", *rows])


def operations() -> str:
    """Every operation's fields with offset and width."""
    rows = ["| kind | name | fields: name, type, offset |", "|---:|---|---|"]
    for kind in OpKind:
        codes, names = _LAYOUTS[kind]
        at, cells = 1, []
        for code, name in zip(codes, names, strict=True):
            text, width = _WIDTHS[code]
            cells.append(f"`{name}` {text} @{at}")
            at += width
        assert at <= OP_BYTES
        rows.append(f"| {kind.value} | `{kind.name}` | {', '.join(cells)} |")
    return "\n".join(rows)


def types() -> str:
    """EIP-712 type strings and hashes."""
    return "\n".join(f"{text}\n    {TYPE_HASHES[name].hex()}" for name, text in TYPES.items()).join(("```\n", "\n```"))


def bounds() -> str:
    """The largest value of each unit."""
    rows = [f"| `{name}` | 2^{(getattr(units, name) + 1).bit_length() - 1} − 1 |" for name in _BOUNDS]
    return "\n".join(["| bound | value |", "|---|---|", *rows])


def sections() -> str:
    """Sections of the state root and their depths."""
    rows = [
        f"| {section.value} | {section.name} | {DEPTHS[section]} | {'venue' if section >= Section.VENUE_MARKETS else 'ledger'} |"
        for section in Section
    ]
    return "\n".join(["| number | section | depth | under |", "|---:|---|---:|---|", *rows])


def system_words() -> str:
    """The order of the system words."""
    fixed = [f"{at} `{name}`" for at, name in enumerate(SYSTEM_FIXED_WORDS)]
    first = len(SYSTEM_FIXED_WORDS)
    width = len(SYSTEM_ASSET_WORDS)
    per_asset = [f"{first + at} + {width}a `{name}`" for at, name in enumerate(SYSTEM_ASSET_WORDS)]
    return f"{', '.join(fixed)}; for each asset a: {', '.join(per_asset)}."


def addresses() -> str:
    """The venue's own addresses."""
    named = (("insurance fund", INSURANCE_ADDRESS), ("treasury", TREASURY_ADDRESS), ("backstop vault", BACKSTOP_ADDRESS))
    return "\n".join(f"* {name} `0x{address.hex()}`" for name, address in named)


def frames() -> str:
    """An example of every frame: what it means, then its bytes."""
    rows = ["```"]
    for name, frame in samples.CLIENT_FRAMES.items():
        data = encode_client_frame(frame)
        rows += [f"{name}  {_shown(unpack(data))}", *_hex(data)]
    for kind, items in NODE_FRAMES.items():
        rows += [f"{kind.name}  {_shown(items)}", *_hex(encode_node_frame(items))]
    return "\n".join([*rows, "```"])


def signing() -> str:
    """One action from fields to signature."""
    intent = samples.INTENTS["PlaceOrder"]
    rows = [
        ("private key", samples.KEY.secret), ("address", samples.KEY.address), ("contract, chain id 31337", samples.DOMAIN.contract),
        ("domain separator", domain_separator(samples.DOMAIN)), ("digest", intent_digest(samples.DOMAIN, intent)),
        ("signature r ‖ s ‖ v", samples.signed(intent)),
    ]  # fmt: skip
    lines = [f"action  {_shown(unpack(encode_intent(intent)))}", *_hex(encode_intent(intent))]
    for name, value in rows:
        lines += [name, *_hex(value)]
    return "\n".join(["```", *lines, "```"])


def weights() -> str:
    """What each query costs."""
    found: dict[int, list[str]] = {}
    for name, weight in _WEIGHTS.items():
        found.setdefault(weight, []).append(f"`{name}`")
    return "; ".join(f"{weight}: {', '.join(names)}" for weight, names in sorted(found.items())) + "."


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex() if len(value) <= 20 else f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_shown(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(int(value))


def _hex(data: bytes) -> list[str]:
    return ["    " + line for line in textwrap.wrap(data.hex(), 128)]


_TABLES: Final[tuple[tuple[str, type[Any], tuple[str, ...]], ...]] = (
    ("store", StoreSettings, ("directory",)),
    ("sequencer", SequencerSettings, ()),
    ("gateway", GatewaySettings, ("hl", "limits", "streams")),
    ("gateway.limits", LimitSettings, ()),
    ("gateway.hl", HlSettings, ()),
    ("gateway.streams", StreamLimits, ()),
    ("l1", L1Settings, ()),
    ("settlement", SettlementSettings, ("contract",)),
    ("operator", KeySettings, ()),
    ("logs", LogSettings, ()),
)
_PLAIN: Final = {
    "sequencer.cycle_bytes_max": "Bytes of inputs in one journal write.",
    "sequencer.batch_ms": "Age at which a batch in which something happened is sealed.",
    "sequencer.batch_inputs_max": "A batch is sealed when it holds so many inputs,",
    "sequencer.batch_ops_max": "or so many operations,",
    "sequencer.batch_bytes_max": "or so many bytes of inputs.",
    "gateway.host": "Address to listen on.",
    "gateway.tls_certificate": "PEM file of the certificate chain; with it the node speaks TLS itself.",
    "gateway.heartbeat_s": "The node pings a quiet WebSocket this often and drops one that does not answer.",
    "gateway.limits.connections": "Open WebSockets in all.",
    "gateway.limits.connections_per_address": "Open WebSockets of one network address.",
    "gateway.limits.refusals_per_second": "How fast that allowance comes back. 0: no limit.",
    "gateway.streams.ring_events": "Events that a stream keeps for those who reconnect.",
    "gateway.streams.ring_bytes": "Bytes that all streams together may keep.",
    "gateway.streams.idle_streams": "Streams without listeners that are kept for those who reconnect.",
    "l1.rpc": "Address of the L1 node's JSON-RPC.",
    "l1.contract": "The contract's address, 0x and 40 hex digits. Empty, with `rpc` empty: without L1, on development chains only.",
    "settlement.poll_ms": "How often L1 is looked at.",
    "settlement.fee_cap_gwei": "No transaction ever pays more per gas; what would need more waits.",
    "settlement.priority_fee_gwei_min": "Least tip per gas.",
    "store.open_files": "Files that LevelDB may hold open.",
}  # fmt: skip
"""Meanings of keys whose code has none beside it."""


def settings() -> str:
    """Every key of the operator's file: default, meaning."""
    rows: list[str] = []
    for table, cls, given in _TABLES:
        rows += [f"**`[{table}]`**", "", "| key | default | meaning |", "|---|---|---|"]
        meanings = _meanings(cls)
        for item in fields(cls):
            if item.name not in given:
                meaning = meanings.get(item.name) or _PLAIN[f"{table}.{item.name}"]
                rows.append(f"| `{item.name}` | {_default(item.default)} | {meaning} |")
        rows.append("")
    return "\n".join(rows).rstrip()


def _default(value: Any) -> str:
    assert value is not MISSING
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return (
        f"{value:,}"
        if isinstance(value, int) and value >= 10_000
        else f"`{value}`"
        if isinstance(value, str)
        else str(value)
    )


def _meanings(cls: type[Any]) -> dict[str, str]:
    """The strings below the fields of a settings class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            value = after.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[field.target.id] = " ".join(value.value.split())
    return found


def registry() -> Metrics:
    """A registry with every metric that a node has."""
    metrics = Metrics()
    for room in (GatewayGauges, GuardGauges, SequencerGauges, SettlementGauges):
        room(metrics)
    return metrics


def metric_rows(metrics: Metrics | None = None) -> list[tuple[str, str, str, str]]:
    """Name, type, labels and help of every metric of our own; the node's where no registry is given."""
    found, known = [], (metrics or registry())._registry
    for metric in sorted(known.collect(), key=lambda item: item.name):
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        collector: Any = known._names_to_collectors[name]
        found.append((name, metric.type, ", ".join(collector._labelnames), metric.documentation))
    return found


def _metric_table(rows: list[tuple[str, str, str, str]]) -> str:
    lines = [f"| `{name}`{f' ({labels})' if labels else ''} | {kind} | {text} |" for name, kind, labels, text in rows]
    return "\n".join(["| metric (labels) | type | meaning |", "|---|---|---|", *lines])


def metrics() -> str:
    """Every metric of a node."""
    return _metric_table(metric_rows())


def publisher_registry() -> Metrics:
    """A registry with every metric that a publisher has."""
    metrics = Metrics()
    OracleGauges(metrics)
    return metrics


def publisher_metrics() -> str:
    """Every metric of a publisher."""
    return _metric_table(metric_rows(publisher_registry()))


def watcher_registry() -> Metrics:
    """A registry with every metric that a watcher has."""
    metrics = Metrics()
    WatcherGauges(metrics)
    return metrics


def watcher_metrics() -> str:
    """Every metric of a watcher."""
    return _metric_table(metric_rows(watcher_registry()))


def publisher_keys() -> str:
    """Every key of a publisher's file: of the whole, and of a venue."""
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for where, cls, given in (("", PublisherSettings, ("url",)), ("sources.", VenueWanted, ("index",))):
        meanings = _meanings(cls)
        for item in fields(cls):
            if item.name not in given:
                default = "–" if item.default is MISSING else _default(item.default)
                rows.append(f"| `{where}{item.name}` | {default} | {meanings[item.name]} |")
    return "\n".join(rows)


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "rejects": rejects, "operations": operations, "types": types, "bounds": bounds, "sections": sections,
    "system-words": system_words, "addresses": addresses, "frames": frames, "signing": signing, "weights": weights,
    "settings": settings, "metrics": metrics, "publisher-metrics": publisher_metrics, "publisher-keys": publisher_keys,
    "watcher-metrics": watcher_metrics,
}  # fmt: skip


def documents() -> list[Path]:
    """Documents that may hold blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks_in(text: str) -> dict[str, str]:
    """Name and content of the blocks of a document."""
    return {found[1]: found[2].rstrip("\n") for found in _BLOCK.finditer(text)}


def renewed(text: str) -> str:
    """The document with every block as the code has it."""
    text = _BLOCK.sub(lambda found: f"<!-- from the code: {found[1]} -->\n{BLOCKS[found[1]]()}\n<!-- end -->", text)
    return _FILE.sub(_program, text)


def _program(found: re.Match[str]) -> str:
    code = (ROOT / found[1]).read_text(encoding="utf-8").rstrip("\n")
    return f"<!-- from the file: {found[1]} -->\n```python\n{code}\n```\n<!-- end of file -->"


def main() -> None:
    """Write all blocks."""
    for path in documents():
        text = path.read_text(encoding="utf-8")
        path.write_text(renewed(text), encoding="utf-8")


if __name__ == "__main__":
    main()
