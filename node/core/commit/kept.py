"""What the venue keeps of an account beside its scheduled cancel: lists in canonical msgpack, hashed by the third word of its leaf.

    [settings, volumes, protections, fired, name]
    settings     [[market, leverage, isolated], ...]
    volumes      [[UTC day, micro-USDC], ...]
    protections  [[market, window ms, freeze ms, quantity, delta, since, traded, net, frozen at], ...]
    fired        [UTC day, how often the scheduled cancel came on it], or empty
    name         [32 bytes], or empty
"""

from node.core.state import Account, MarketSetting, Protection
from proto.canonical import pack, unpack
from proto.ids import MarketId
from proto.units import Lots, MicroUsd, TimeMs


def encode_kept(account: Account) -> bytes:
    """The lists of an account, each in ascending order; empty where all of them are."""
    volumes = [[day, account.volumes[day]] for day in sorted(account.volumes)]
    protections = [
        [number, p.window_ms, p.freeze_ms, p.quantity, p.delta, p.since, p.traded, p.net, p.frozen_at]
        for number, p in sorted(account.protections.items())
    ]
    fired = [account.fired_day, account.fired] if account.fired or account.fired_day else []
    settings = [[number, s.leverage, s.isolated] for number, s in sorted(account.settings.items())]
    lists = [settings, volumes, protections, fired, [account.name] if account.name else []]
    return pack(lists) if any(lists) else b""


def decode_kept_into(account: Account, data: bytes) -> None:
    """The inverse of `encode_kept`."""
    if not data:
        return
    settings, volumes, protections, fired, name = unpack(data)
    account.settings = {MarketId(number): MarketSetting(leverage, isolated) for number, leverage, isolated in settings}
    account.volumes = {day: MicroUsd(amount) for day, amount in volumes}
    for number, window_ms, freeze_ms, quantity, delta, since, traded, net, frozen_at in protections:
        account.protections[MarketId(number)] = Protection(
            window_ms, freeze_ms, Lots(quantity), Lots(delta), TimeMs(since), Lots(traded), Lots(net), TimeMs(frozen_at)
        )
    if fired:
        account.fired_day, account.fired = fired
    account.name = name[0] if name else b""
