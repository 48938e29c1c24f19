"""One value of every message, record, operation and frame, with every field different from its default: what the golden vectors encode."""

from proto.batch import Body, Commitment, Cycle
from proto.frames import (
    ActionFrame,
    ClientFrame,
    FrameKind,
    PartingFrame,
    PingFrame,
    QueryFrame,
    ReportFrame,
    RevokePublisherFrame,
    SubscribeFrame,
    UnsubscribeFrame,
)
from proto.hl.actions import (
    HlBuilder,
    HlGrouping,
    HlL1Request,
    HlOrder,
    HlPlace,
    HlTif,
    HlTrigger,
    HlUsdSend,
    HlUserRequest,
)
from proto.ids import (
    USDC,
    Address,
    AssetId,
    IndexId,
    MarketId,
    OrderId,
    Seq,
    VaultId,
)
from proto.inputs import (
    DepositSeen,
    FundingTick,
    IndexPrice,
    Input,
    OracleReport,
    QueueItemSeen,
    RevokePublisher,
    SampleTick,
    SealTick,
    WorkTick,
    encode_record,
    hl_action,
    user_action,
)
from proto.intents import (
    Amend,
    AmendOrder,
    AmendOrders,
    ApproveAgent,
    BuyCollateral,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelOrders,
    CancelTwap,
    CreateSubAccount,
    Grouping,
    Intent,
    NameAccount,
    OrderSpec,
    OrderType,
    PlaceGroup,
    PlaceOrder,
    PlaceOrders,
    PlaceScale,
    PlaceTwap,
    ResetProtection,
    RevokeAgent,
    ScheduleCancel,
    SelfTrade,
    SetLeverage,
    SetProtection,
    Side,
    TakeOver,
    TimeInForce,
    Transfer,
    TriggerKind,
    TriggerSpec,
    VaultDeposit,
    VaultWithdraw,
    Withdraw,
    encode_intent,
)
from proto.ops import OpKind, OpTuple
from proto.signing.eip712 import Domain, intent_digest, report_digest, revocation_digest
from proto.signing.hyperliquid import request_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import (
    AMOUNT_MAX,
    LOTS_MAX,
    NONCE_MAX,
    PRICE_MAX,
    TIME_MS_MAX,
    AssetUnits,
    Lots,
    MicroPrice,
    Ppm,
    Price,
    TimeMs,
)

KEY = SigningKey(bytes(31) + b"\x07")
DOMAIN = Domain(31337, Address(bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3")))
OTHER = Address(bytes(range(20)))
NONCE, EXPIRES = 1_700_000_000_123, TimeMs(1_700_000_060_000)
BUY = OrderSpec(
    MarketId(1), Side.BUY, OrderType.LIMIT, TimeInForce.POST_ONLY, Price(500_000), Lots(12_345), False,  # noqa: FBT003
    0x0102030405060708090A0B0C0D0E0F10, SelfTrade.EXPIRE_TAKER, TimeMs(1_800_000_000_123),
)  # fmt: skip
SELL = OrderSpec(
    MarketId(2), Side.SELL, OrderType.MARKET, TimeInForce.IOC, Price(0), Lots(7), True, 0, SelfTrade.EXPIRE_BOTH,  # noqa: FBT003
)  # fmt: skip
WIDEST = OrderSpec(
    MarketId(2**16 - 1), Side.SELL, OrderType.LIMIT, TimeInForce.FOK, Price(PRICE_MAX), Lots(LOTS_MAX), True,  # noqa: FBT003
    2**128 - 1, SelfTrade.EXPIRE_MAKER, TimeMs(TIME_MS_MAX),
)  # fmt: skip
_HEAD = (KEY.address, NONCE, EXPIRES)

INTENTS: dict[str, Intent] = {
    "PlaceOrder": PlaceOrder(*_HEAD, BUY),
    "PlaceOrder, widest": PlaceOrder(KEY.address, NONCE_MAX, TimeMs(TIME_MS_MAX), WIDEST),
    "PlaceOrders": PlaceOrders(*_HEAD, (BUY, SELL)),
    "CancelOrder": CancelOrder(*_HEAD, OrderId(77)),
    "CancelByClientId": CancelByClientId(*_HEAD, BUY.client_id),
    "CancelAll": CancelAll(*_HEAD, MarketId(3)),
    "AmendOrder": AmendOrder(*_HEAD, OrderId(77), 5, Price(499_990), Lots(11)),
    "Withdraw": Withdraw(*_HEAD, OTHER, USDC, AssetUnits(1_000_001)),
    "Transfer": Transfer(*_HEAD, OTHER, AssetId(1), AssetUnits(AMOUNT_MAX)),
    "ApproveAgent": ApproveAgent(
        *_HEAD, OTHER, TimeMs(1_800_000_000_000), 3, b"laptop".ljust(32, b"\0"), (MarketId(1), MarketId(700))
    ),
    "RevokeAgent": RevokeAgent(*_HEAD, OTHER),
    "CreateSubAccount": CreateSubAccount(*_HEAD, 2**32 - 1),
    "ScheduleCancel": ScheduleCancel(*_HEAD, TimeMs(1_700_000_900_001)),
    "SetLeverage": SetLeverage(*_HEAD, MarketId(2), 7, isolated=True),
    "BuyCollateral": BuyCollateral(*_HEAD, OTHER, AssetId(1), AssetUnits(1_500_000_001)),
    "TakeOver": TakeOver(*_HEAD, OTHER, MarketId(2), 557_941_285_101, Ppm(980_000)),
    "VaultDeposit": VaultDeposit(*_HEAD, VaultId(1), AssetUnits(10_000_001)),
    "VaultWithdraw": VaultWithdraw(*_HEAD, VaultId(1), AMOUNT_MAX),
    "CancelOrders": CancelOrders(*_HEAD, (OrderId(77), OrderId(2**64 - 1)), (BUY.client_id, 5)),
    "AmendOrders": AmendOrders(
        *_HEAD, (Amend(OrderId(77), 0, Price(499_990), Lots(11)), Amend(OrderId(0), 5, Price(1), Lots(2)))
    ),
    "PlaceGroup": PlaceGroup(
        *_HEAD, Grouping.CHILDREN, (BUY,),
        (TriggerSpec(TriggerKind.TAKE_PROFIT, Price(600_000), SELL), TriggerSpec(TriggerKind.STOP, Price(400_000), SELL)),
    ),
    "PlaceTwap": PlaceTwap(*_HEAD, MarketId(3), Side.SELL, Lots(LOTS_MAX), True, 1_800, Ppm(30_000), Price(PRICE_MAX)),  # noqa: FBT003
    "CancelTwap": CancelTwap(*_HEAD, OrderId(2**64 - 1)),
    "SetProtection": SetProtection(*_HEAD, MarketId(3), 1_000, 5_000, LOTS_MAX, 50),
    "ResetProtection": ResetProtection(*_HEAD, MarketId(3)),
    "NameAccount": NameAccount(*_HEAD, b"desk one".ljust(32, b"\0")),
    "PlaceScale": PlaceScale(*_HEAD, BUY, Price(400_000), 20, Ppm(2_500_000)),
}


def signed(intent: Intent) -> bytes:
    """The sample key's signature of an action."""
    return KEY.sign(intent_digest(DOMAIN, intent))


LINES = (
    IndexPrice(IndexId(1), MicroPrice(64_716_000_000), MicroPrice(3_000_000)),
    IndexPrice(IndexId(4), MicroPrice(2**56 - 1), MicroPrice(0)),
)
VOTE = RevokePublisher(
    KEY.address, TimeMs(NONCE), KEY.sign(revocation_digest(DOMAIN, KEY.address, TimeMs(NONCE)))
)
REPORT = OracleReport(TimeMs(NONCE), LINES, KEY.sign(report_digest(DOMAIN, TimeMs(NONCE), LINES)))
HL_PLACE = HlL1Request(
    HlPlace(
        (HlOrder(2, True, "50000.5", "0.1", False, HlTif.ALO, BUY.client_id),), HlBuilder(OTHER, 10)  # noqa: FBT003
    ),
    NONCE, OTHER, EXPIRES,
)  # fmt: skip
HL_TRIGGERS = HlL1Request(
    HlPlace(
        (
            HlOrder(2, True, "50000.5", "0.1", False, HlTif.GTC, 0),  # noqa: FBT003
            HlOrder(2, False, "45000", "0.1", True, HlTif.GTC, 0, HlTrigger(True, "46000.5", False)),  # noqa: FBT003
        ), None, HlGrouping.CHILDREN,
    ),
    NONCE, None, TimeMs(0),
)  # fmt: skip
HL_SEND = HlUserRequest(HlUsdSend("0x" + OTHER.hex().upper(), "12.50"), NONCE, 421_614)
INPUTS: dict[str, Input] = {
    "UserAction": user_action(INTENTS["PlaceOrder"], signed(INTENTS["PlaceOrder"])),
    "HlL1Action": hl_action(HL_PLACE, KEY.sign(request_digest(HL_PLACE))),
    "HlL1Action, triggers": hl_action(HL_TRIGGERS, KEY.sign(request_digest(HL_TRIGGERS))),
    "HlUserAction": hl_action(HL_SEND, KEY.sign(request_digest(HL_SEND))),
    "DepositSeen": DepositSeen(5, OTHER, AssetId(1), AssetUnits(123_456_789)),
    "QueueItemSeen": QueueItemSeen(6, OTHER, encode_intent(INTENTS["Withdraw"])),
    "OracleReport": REPORT,
    "RevokePublisher": VOTE,
    "SampleTick": SampleTick(),
    "FundingTick": FundingTick(),
    "WorkTick": WorkTick(16),
    "SealTick": SealTick(9),
}

OPS: dict[str, OpTuple] = {
    "CLOCK": (OpKind.CLOCK, 41, NONCE),
    "ACCOUNT_OPENED": (OpKind.ACCOUNT_OPENED, 7, OTHER, 3),
    "NONCE_USED": (OpKind.NONCE_USED, 3, OTHER, NONCE),
    "AGENT_SET": (OpKind.AGENT_SET, 3, OTHER, EXPIRES, 1, b"laptop".ljust(32, b"\0"), b"\0\1\2\xbc".ljust(32, b"\0")),
    "AGENT_REMOVED": (OpKind.AGENT_REMOVED, 3, OTHER),
    "DEPOSIT": (OpKind.DEPOSIT, 5, 3, 1, AMOUNT_MAX),
    "QUEUE_ITEM": (OpKind.QUEUE_ITEM, 6, OTHER, 4004),
    "WITHDRAWAL": (OpKind.WITHDRAWAL, 2, 3, 0, 1_000_001, OTHER),
    "TRANSFER": (OpKind.TRANSFER, 3, 4, 0, 12),
    "ORDER_OPENED": (OpKind.ORDER_OPENED, 77, 3, 1, 0, 0, 3, 2, 500_000, 12_345, BUY.client_id, BUY.good_til),
    "ORDER_CHANGED": (OpKind.ORDER_CHANGED, 77, 499_990, 11, 80, 6),
    "ORDER_CLOSED": (OpKind.ORDER_CLOSED, 77, 1, 11),
    "FILL": (OpKind.FILL, 77, 78, 3, 4, 1, 1, 500_000, 5, -12, 345),
    "FUNDING_SETTLED": (OpKind.FUNDING_SETTLED, 3, 1, -(2**90), 2**119),
    "PRICE_SET": (OpKind.PRICE_SET, 1, 500_000, 500_010),
    "FUNDING_SET": (OpKind.FUNDING_SET, 1, -12_500_000, -(2**119)),
    "LIQUIDATION_STEP": (OpKind.LIQUIDATION_STEP, 3, 1, -199, 277_605_000),
    "MARKET_STATUS_SET": (OpKind.MARKET_STATUS_SET, 1, 2),
    "VENUE_SET": (OpKind.VENUE_SET, bytes(range(32))),
    "INTEREST_SETTLED": (OpKind.INTEREST_SETTLED, 3, 1_800_000, 80_000_000_000),
    "BORROW_INDEX_SET": (OpKind.BORROW_INDEX_SET, 80_000_000_000),
    "ASSET_PRICED": (OpKind.ASSET_PRICED, 2, 64_716_000_000),
    "COLLATERAL_SOLD": (OpKind.COLLATERAL_SOLD, 3, 4, 1, 10**9, 2_925_000_000),
    "POSITION_MOVED": (OpKind.POSITION_MOVED, 3, 1, 2, -199, -(2**90)),
    "CASH_MOVED": (OpKind.CASH_MOVED, 3, 2, 1, -4_043_200_000, 8),
    "ASSET_MOVED": (OpKind.ASSET_MOVED, 3, 1, 2, 123_456_789, 7),
    "LOSS_SOCIALISED": (OpKind.LOSS_SOCIALISED, 3, 2, 1, 1, 4_043_200_001, 2**119),
    "LOSS_SETTLED": (OpKind.LOSS_SETTLED, 3, 1, 17, 2**119),
    "VAULT_DEPOSIT": (OpKind.VAULT_DEPOSIT, 1, 3, AMOUNT_MAX, 2**99),
    "VAULT_LEAVING": (OpKind.VAULT_LEAVING, 1, 3, 2**99, NONCE),
    "VAULT_PAID": (OpKind.VAULT_PAID, 1, 3, 2**99, 123_456_789),
    "TAKEN_OVER": (OpKind.TAKEN_OVER, 3, 0, 4, 557_941_285_000, 980_000, 65_234_609),
    "FRACTIONS_SET": (OpKind.FRACTIONS_SET, 1, 37_500, 13_583),
    "TRIGGER_PLACED": (
        OpKind.TRIGGER_PLACED, 79, 3, 1, 1, 1, 1, 1, 3, 3, 600_000, 590_000, 12_345, BUY.client_id, BUY.good_til, 77, 78,
    ),
    "TRIGGER_FIRED": (OpKind.TRIGGER_FIRED, 79, 1),
    "TRIGGER_CLOSED": (OpKind.TRIGGER_CLOSED, 79, 14, 4001),
    "TWAP_PLACED": (OpKind.TWAP_PLACED, 80, 3, 1, 1, 12_345, 1, 1_800, 30_000, 500_000),
    "TWAP_SLICED": (OpKind.TWAP_SLICED, 80, 81, 206, 4001),
    "TWAP_CLOSED": (OpKind.TWAP_CLOSED, 80, 8, 12_000),
}

CLIENT_FRAMES: dict[str, ClientFrame] = {
    "ACTION": ActionFrame(1, encode_intent(INTENTS["PlaceOrder"]), signed(INTENTS["PlaceOrder"])),
    "QUERY": QueryFrame(2, "account", [OTHER]),
    "SUBSCRIBE": SubscribeFrame(3, "book", [1], 2**40),
    "UNSUBSCRIBE": UnsubscribeFrame(3),
    "PING": PingFrame(2**32 - 1),
    "REPORT": ReportFrame(4, REPORT),
    "REVOKE_PUBLISHER": RevokePublisherFrame(6, VOTE),
    "PARTING": PartingFrame(5, encode_intent(INTENTS["CancelAll"]), signed(INTENTS["CancelAll"])),
}
SERVER_KINDS = tuple(kind for kind in FrameKind if kind >= 64)

RECORDS = tuple(encode_record(TimeMs(NONCE + number), item) for number, item in enumerate(INPUTS.values()))
BODY = Body(9, Seq(34), (Cycle(Seq(34), RECORDS[:3]), Cycle(Seq(37), RECORDS[3:])))


def commitment(inputs_root: bytes, data_hash: bytes) -> Commitment:
    """A commitment to the sample body."""
    roots = [bytes([number]) * 32 for number in range(6)]
    return Commitment(
        9, roots[0], roots[1], inputs_root, roots[2], data_hash, roots[3], roots[4], 41, 20, 7, TimeMs(NONCE + 7)
    )
