"""Leaf layouts: state objects to 32-byte words and back.

A leaf's hash is the keccak of its words; `aux` is what the words only hash (signers and nonces of an account) and is stored beside them.
Layouts (w = one big-endian word; a|b: packed from the high end):
* account: owner160-in-low | master32 above; payee160 | assets16 | positions16 above; authority hash; cash (two's complement); borrow index;
  per asset: id16 at the top, amount128 at the bottom; per position four words: market16|isolated8 at the top and size64 at the bottom,
  entry, funding index, isolatedCash128|lossIndex128.
* order: id64|account32|market16|side4|type4|tif8|stp4|reduceOnly4 in the low bytes; price64|size64|remaining64|priority64;
  goodTil64|clientId128|time64.
* market: index price; mark; funding index; funding pool; funding rate; open interest; status; loss index of longs, of shorts; loss pool;
  initialVolPpm32|maintenanceVolPpm32.
* vault: number; account id; total shares.
* venue market: basis; basis time; sample sum; samples; last trade; then what node.core.commit.guard_leaves says.
* venue index: price; confidence; status; fresh until; publishers; then per report (by publisher address): address, price|confidence|time.
* work queue, triggers and time-sliced orders: node.core.commit.work_leaves, waiting_leaves.
* venue account: account id; time of the scheduled cancel; hash of what node.core.commit.kept says, which is the aux.
Every leaf has at least three words. Positions stand by market id, assets by id, reports and signers by address.
"""

from typing import Any

from node.core.commit.guard_leaves import decode_estimators_into, encode_estimators
from node.core.commit.kept import decode_kept_into, encode_kept
from node.core.state import (
    Account,
    Index,
    Market,
    Order,
    Position,
    Report,
    Signer,
    State,
    Vault,
)
from proto.canonical import pack, unpack
from proto.events import IndexStatus, MarketStatus
from proto.hashing import address_word, keccak, word
from proto.ids import AccountId, Address, AssetId, IndexId, MarketId, OrderId, Slot, VaultId
from proto.intents import OrderType, SelfTrade, Side, TimeInForce, market_word
from proto.ledger import SYSTEM_ASSET_WORDS, SYSTEM_FIXED_WORDS
from proto.units import AssetUnits, FundingUnits, Lots, MicroPrice, MicroUsd, Ppm, Price, TimeMs

WORD = 32
_ACCOUNT_WORDS = 5  # Before the assets.
_POSITION_WORDS = 4


def _signed(value: int) -> bytes:
    return value.to_bytes(WORD, "big", signed=True)


def _words(data: bytes) -> list[bytes]:
    return [data[at : at + WORD] for at in range(0, len(data), WORD)]


def _uint(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def encode_signers(signers: list[Signer]) -> bytes:
    """Signers by address with all they may do and the nonces they used."""
    rows = sorted(signers, key=lambda signer: signer.address)
    return pack([[s.address, s.is_agent, s.valid_until, s.scope, s.name, s.markets, _pack_nonces(s.nonces)] for s in rows])


def _pack_nonces(nonces: list[int]) -> bytes:
    return b"".join([nonce.to_bytes(8, "big") for nonce in nonces])


def authority_hash(signers: list[Signer]) -> bytes:
    """keccak over per signer: address|agent8 word, validUntil64|scope64 word, name, markets, keccak of the nonces as 8 bytes each."""
    parts: list[bytes] = []
    for signer in sorted(signers, key=lambda item: item.address):
        parts.append((signer.is_agent << 160 | _uint(signer.address)).to_bytes(WORD, "big"))
        parts.append((signer.valid_until << 64 | signer.scope).to_bytes(WORD, "big"))
        parts.append(signer.name)
        parts.append(market_word(signer.markets))
        parts.append(keccak(_pack_nonces(signer.nonces)))
    return keccak(b"".join(parts))


def decode_signers(account: AccountId, data: bytes) -> list[Signer]:
    """The inverse of `encode_signers`."""
    signers = []
    for address, is_agent, valid_until, scope, name, markets, nonces in unpack(data):
        kept = [_uint(nonces[at : at + 8]) for at in range(0, len(nonces), 8)]
        signers.append(Signer(Address(address), account, is_agent, TimeMs(valid_until), scope, name, tuple(markets), kept))
    return signers


def encode_account(account: Account) -> bytes:
    """Leaf words of an account."""
    held = [account.positions[number] for number in sorted(account.positions) if account.positions[number].size]
    parts = [
        (account.master << 160 | _uint(account.address)).to_bytes(WORD, "big"),
        (len(held) << 176 | len(account.balances) << 160 | _uint(account.payee)).to_bytes(WORD, "big"),
        authority_hash(account.signers),
        _signed(account.cash),
        word(account.borrow_index),
    ]
    parts.extend((asset << 240 | account.balances[asset]).to_bytes(WORD, "big") for asset in sorted(account.balances))
    for position in held:
        size = position.size & (1 << 64) - 1
        parts.append((position.market << 240 | position.isolated << 232 | size).to_bytes(WORD, "big"))
        parts.append(_signed(position.entry))
        parts.append(_signed(position.funding_index))
        parts.append(position.isolated_cash.to_bytes(16, "big", signed=True) + position.loss_index.to_bytes(16, "big"))
    return b"".join(parts)


def decode_account(number: AccountId, leaf: bytes, aux: bytes) -> Account:
    """The inverse of `encode_account` with the signers beside it."""
    words = _words(leaf)
    owner, payee = _uint(words[0]), _uint(words[1])
    account = Account(
        number, Address(words[0][12:]), AccountId(owner >> 160), Address(words[1][12:]), MicroUsd(_int(words[3])),
        _uint(words[4]),
    )  # fmt: skip
    account.signers = decode_signers(number, aux)
    assets, positions = payee >> 160 & 0xFFFF, payee >> 176 & 0xFFFF
    first = _ACCOUNT_WORDS + assets
    for row in words[_ACCOUNT_WORDS:first]:
        account.balances[AssetId(_uint(row[:2]))] = AssetUnits(_uint(row[16:]))
    for at in range(first, first + _POSITION_WORDS * positions, _POSITION_WORDS):
        market = MarketId(_uint(words[at][:2]))
        account.positions[market] = Position(
            market, Lots(_int(words[at][24:])), MicroUsd(_int(words[at + 1])), FundingUnits(_int(words[at + 2])),
            bool(words[at][2]), MicroUsd(_int(words[at + 3][:16])), _uint(words[at + 3][16:]),
        )  # fmt: skip
    return account


def encode_order(order: Order) -> bytes:
    """Leaf words of a resting order."""
    flags = (
        order.id << 72
        | order.account << 40
        | order.market << 24
        | order.side << 20
        | order.order_type << 16
        | order.time_in_force << 8
        | order.self_trade << 4
        | order.reduce_only
    )
    numbers = order.price << 192 | order.size << 128 | order.remaining << 64 | order.priority
    return (
        flags.to_bytes(WORD, "big")
        + numbers.to_bytes(WORD, "big")
        + (order.good_til << 192 | order.client_id << 64 | order.time).to_bytes(WORD, "big")
    )


def decode_order(slot: int, leaf: bytes) -> Order:
    """The inverse of `encode_order`."""
    flags, numbers, client = (_uint(item) for item in _words(leaf))
    mask = (1 << 64) - 1
    return Order(
        OrderId(flags >> 72),
        AccountId(flags >> 40 & 0xFFFFFFFF),
        MarketId(flags >> 24 & 0xFFFF),
        Side(flags >> 20 & 0xF),
        OrderType(flags >> 16 & 0xF),
        TimeInForce(flags >> 8 & 0xFF),
        bool(flags & 0xF),
        SelfTrade(flags >> 4 & 0xF),
        Price(numbers >> 192),
        Lots(numbers >> 128 & mask),
        Lots(numbers >> 64 & mask),
        client >> 64 & (1 << 128) - 1,
        TimeMs(client & mask),
        TimeMs(client >> 192),
        numbers & mask,
        Slot(slot),
    )


def encode_market(market: Market) -> bytes:
    """Leaf words of a market in the ledger."""
    return b"".join(
        (
            word(market.index_price),
            word(market.mark),
            _signed(market.funding_index),
            _signed(market.funding_pool),
            _signed(market.funding_rate),
            word(market.open_interest),
            word(market.status),
            word(market.long_loss_index),
            word(market.short_loss_index),
            _signed(market.loss_pool),
            word(market.initial_vol_ppm << 32 | market.maintenance_vol_ppm),
        )
    )


def decode_market_into(market: Market, leaf: bytes) -> None:
    """Fill a freshly listed market from its ledger leaf."""
    words = _words(leaf)
    market.index_price, market.mark = Price(_uint(words[0])), Price(_uint(words[1]))
    market.funding_index, market.funding_pool = FundingUnits(_int(words[2])), MicroUsd(_int(words[3]))
    market.funding_rate, market.open_interest = _int(words[4]), Lots(_uint(words[5]))
    market.status = MarketStatus(_uint(words[6]))
    market.long_loss_index, market.short_loss_index = _uint(words[7]), _uint(words[8])
    market.loss_pool, fractions = MicroUsd(_int(words[9])), _uint(words[10])
    market.initial_vol_ppm, market.maintenance_vol_ppm = Ppm(fractions >> 32), Ppm(fractions & 0xFFFFFFFF)


def encode_vault(vault: Vault) -> bytes:
    """Leaf words of a vault."""
    return word(vault.id) + word(vault.account) + word(vault.total_shares)


def decode_vault(leaf: bytes) -> Vault:
    """The inverse of `encode_vault`."""
    number, account, shares = (_uint(item) for item in _words(leaf))
    return Vault(VaultId(number), AccountId(account), shares)


def encode_venue_market(market: Market) -> bytes:
    """Leaf words of a market's estimators."""
    premium = market.premium
    fields = (premium.basis, premium.basis_time, premium.sample_sum, premium.samples, premium.last_trade)
    return b"".join(_signed(field) for field in fields) + encode_estimators(market)


def decode_venue_market_into(market: Market, leaf: bytes) -> None:
    """Fill a market's estimators from its venue leaf."""
    words = _words(leaf)
    basis, basis_time, sample_sum, samples, last_trade = (_int(item) for item in words[:5])
    premium = market.premium
    premium.basis, premium.basis_time, premium.sample_sum = basis, TimeMs(basis_time), sample_sum
    premium.samples, premium.last_trade = samples, Price(last_trade)
    decode_estimators_into(market, [_uint(item) for item in words[5:]])


def encode_index(index: Index) -> bytes:
    """Leaf words of an index with its reports."""
    parts = [word(v) for v in (index.price, index.confidence, index.status, index.fresh_until, index.publishers)]
    for address in sorted(index.reports):
        report = index.reports[address]
        parts.append(address_word(address))
        parts.append((report.price << 128 | report.confidence << 64 | report.time).to_bytes(WORD, "big"))
    return b"".join(parts)


def decode_index(number: int, leaf: bytes) -> Index:
    """The inverse of `encode_index`."""
    words = _words(leaf)
    price, confidence, status, fresh_until, publishers = (_uint(item) for item in words[:5])
    index = Index(
        IndexId(number), MicroPrice(price), MicroPrice(confidence), IndexStatus(status), TimeMs(fresh_until), publishers
    )
    mask = (1 << 64) - 1
    for at in range(5, len(words), 2):
        packed = _uint(words[at + 1])
        report = Report(MicroPrice(packed >> 128), MicroPrice(packed >> 64 & mask), TimeMs(packed & mask))
        index.reports[Address(words[at][12:])] = report
    return index


def encode_venue_account(account: Account) -> bytes:
    """Leaf words of what the venue keeps of an account beside the ledger; empty where there is nothing."""
    kept = encode_kept(account)
    if not (account.cancel_at or kept):
        return b""
    return word(account.id) + word(account.cancel_at) + (keccak(kept) if kept else word(0))


def decode_venue_account_into(account: Account, leaf: bytes, aux: bytes) -> None:
    """Fill an account from its venue leaf with the lists beside it."""
    account.cancel_at = TimeMs(_uint(_words(leaf)[1]))
    decode_kept_into(account, aux)


def system_fields(state: State) -> list[Any]:
    """The system words' values, in the order of proto.ledger."""
    fields: list[Any] = [
        state.seq, state.time, state.queue_cursor, state.queue_hash, state.batch_id, state.next_account, state.next_order,
        state.next_priority, state.next_trade, state.order_slots, state.withdrawal_count, state.borrow_index, len(state.totals),
    ]  # fmt: skip
    for totals in state.totals:
        fields += [totals.owed, totals.owing, totals.entries, totals.withdrawn, totals.deposited, totals.price]
    return fields


def encode_system(state: State) -> bytes:
    """The system words, concatenated."""
    return b"".join(field if isinstance(field, bytes) else _signed(field) for field in system_fields(state))


def decode_system_into(state: State, data: bytes) -> None:
    """Fill counters and totals."""
    words = _words(data)
    numbers = [_int(item) for item in words]
    state.seq, state.time, state.queue_cursor, state.queue_hash = numbers[0], TimeMs(numbers[1]), numbers[2], words[3]
    state.batch_id, state.next_account, state.next_order = numbers[4], AccountId(numbers[5]), OrderId(numbers[6])
    state.next_priority, state.next_trade, state.order_slots = numbers[7], numbers[8], numbers[9]
    state.withdrawal_count, state.borrow_index = numbers[10], numbers[11]
    assert numbers[12] == len(state.totals), "assets of the parameters"
    for number, totals in enumerate(state.totals):
        at = len(SYSTEM_FIXED_WORDS) + len(SYSTEM_ASSET_WORDS) * number
        totals.owed, totals.owing, totals.entries, totals.withdrawn, totals.deposited, price = numbers[at : at + 6]
        totals.price = MicroPrice(price)
