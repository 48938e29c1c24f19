"""Leaf layouts of what guards markets and venue: words of the venue market leaf behind the premium, and the guards' leaf.

* venue market, from word 5: variance; mark at the sample's beginning; its time; peak; time of the last look at the maintenance fraction;
  depth of bids; of asks; its time; breaker cause; end of post-only; start of fast moves; calm price; calm since; number of ranges;
  then per range of the mark's history: time64|low64|high64.
* venue work, key 1: deficit last seen; number of assets; of revoked keys; of votes; then per asset hour, day, time of the last
  withdrawal; per revoked key, by address: time64@160|address160; per vote, in the order they came: time64@160|publisher160, voter160.
"""

from node.core.estimators import Breaker, Depth, MarkRange, Volatility
from node.core.state import Guards, Market, Outflow, RevocationVote
from proto.events import BreakerCause
from proto.hashing import address_word, word
from proto.ids import ADDRESS_BYTES, Address
from proto.units import MicroUsd, Price, TimeMs

_WORD = 32
_MASK = (1 << 64) - 1
_FIXED = 14


def encode_estimators(market: Market) -> bytes:
    """Volatility, depth, breaker and history of a market."""
    held, depth, breaker = market.volatility, market.depth, market.breaker
    parts = [
        held.variance, held.open, held.time, held.peak, held.raised, depth.bids, depth.asks, depth.time, breaker.cause,
        breaker.until, breaker.fast_from, breaker.calm_price, breaker.calm_since, len(breaker.history),
    ]  # fmt: skip
    parts.extend(row.time << 128 | row.low << 64 | row.high for row in breaker.history)
    return b"".join(word(part) for part in parts)


def decode_estimators_into(market: Market, words: list[int]) -> None:
    """The inverse of `encode_estimators`."""
    market.volatility = Volatility(words[0], Price(words[1]), TimeMs(words[2]), words[3], TimeMs(words[4]))
    market.depth = Depth(MicroUsd(words[5]), MicroUsd(words[6]), TimeMs(words[7]))
    history = [MarkRange(TimeMs(w >> 128), Price(w >> 64 & _MASK), Price(w & _MASK)) for w in words[_FIXED : _FIXED + words[13]]]
    market.breaker = Breaker(
        BreakerCause(words[8]), TimeMs(words[9]), TimeMs(words[10]), Price(words[11]), TimeMs(words[12]), history
    )


def _stamped(time: TimeMs, address: Address) -> bytes:
    return word(time << 160 | int.from_bytes(address, "big"))


def encode_guards(guards: Guards) -> bytes:
    """Leaf words of the guards."""
    parts = [word(n) for n in (guards.deficit_seen, len(guards.outflows), len(guards.revoked), len(guards.votes))]
    for flow in guards.outflows:
        parts += [word(flow.hour), word(flow.day), word(flow.time)]
    parts.extend(_stamped(guards.revoked[address], address) for address in sorted(guards.revoked))
    for vote in guards.votes:
        parts += [_stamped(vote.time, vote.publisher), address_word(vote.voter)]
    return b"".join(parts)


def decode_guards(leaf: bytes) -> Guards:
    """The inverse of `encode_guards`."""
    rows = [leaf[at : at + _WORD] for at in range(0, len(leaf), _WORD)]
    words = [int.from_bytes(row, "big") for row in rows]
    guards, at = Guards(TimeMs(words[0])), 4
    for _ in range(words[1]):
        guards.outflows.append(Outflow(words[at], words[at + 1], TimeMs(words[at + 2])))
        at += 3
    for _ in range(words[2]):
        guards.revoked[_address(rows[at])] = TimeMs(words[at] >> 160)
        at += 1
    for _ in range(words[3]):
        guards.votes.append(RevocationVote(_address(rows[at]), _address(rows[at + 1]), TimeMs(words[at] >> 160)))
        at += 2
    return guards


def _address(row: bytes) -> Address:
    return Address(row[_WORD - ADDRESS_BYTES :])
