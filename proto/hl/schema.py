"""Plain objects to typed actions and back, in the key order that clients sign.

Invariant: `plain_action(parse_action(x))` is `x` with padding of numbers and case of hex made normal; it is what the signature covers,
so that the order of keys in JSON, which nobody signs, cannot matter.
"""

from collections.abc import Callable
from typing import Any, Final

from proto.hl.actions import (
    HlAction,
    HlApproveAgent,
    HlApproveBuilderFee,
    HlBuilder,
    HlCancel,
    HlCancelByCloid,
    HlCreateSubAccount,
    HlGrouping,
    HlModify,
    HlNoop,
    HlOrder,
    HlPlace,
    HlRegisterReferrer,
    HlReserveWeight,
    HlScheduleCancel,
    HlSendAsset,
    HlSetReferrer,
    HlSpotSend,
    HlSubAccountModify,
    HlSubAccountSpotTransfer,
    HlSubAccountTransfer,
    HlTarget,
    HlTif,
    HlTrigger,
    HlTwapCancel,
    HlTwapOrder,
    HlUpdateLeverage,
    HlUsdClassTransfer,
    HlUsdSend,
    HlUserAction,
    HlWithdraw,
)
from proto.hl.reading import (
    HlMalformedError,
    HlUnsupportedError,
    address,
    address_text,
    cloid,
    cloid_text,
    decimal,
    fields,
    flag,
    items,
    text,
    uint,
)
from proto.intents import ORDERS_PER_BATCH_MAX
from proto.units import AMOUNT_MAX, NONCE_MAX, TIME_MS_MAX, U32_MAX, U64_MAX, TimeMs

UNSUPPORTED: Final = (
    "updateIsolatedMargin", "topUpIsolatedOnlyMargin", "createVault", "vaultTransfer", "vaultModify", "vaultDistribute",
    "agentSetAbstraction", "agentEnableDexAbstraction", "userSetAbstraction", "userDexAbstraction", "multiSig", "convertToMultiSigUser",
    "tokenDelegate", "cDeposit", "cWithdraw", "evmUserModify", "spotDeploy", "perpDeploy", "CSignerAction",
    "CValidatorAction", "claimRewards", "linkStakingUser", "spotUser",
)  # fmt: skip
TESTNET: Final = "Testnet"
"""The only chain name whose signatures are taken: the other one's move money elsewhere."""


class HlWrongChainError(ValueError):
    """The signature is meant for another chain."""


def _order(value: Any) -> HlOrder:
    found = fields(value, ("a", "b", "p", "s", "r", "t"), ("c",))
    kind = fields(found["t"], (), ("limit", "trigger"))
    if len(kind) != 1:
        raise HlMalformedError("an order is either limit or trigger")
    trigger, tif = None, HlTif.GTC.value
    if "trigger" in kind:
        trigger = _trigger(kind["trigger"])
    else:
        tif = fields(kind["limit"], ("tif",))["tif"]
        if tif not in [known.value for known in HlTif]:
            raise HlMalformedError("unknown time in force")
    client = found.get("c")
    return HlOrder(
        uint(found["a"], U32_MAX), flag(found["b"]), decimal(found["p"]), decimal(found["s"]), flag(found["r"]), HlTif(tif),
        0 if client is None else cloid(client), trigger,
    )  # fmt: skip


def _trigger(value: Any) -> HlTrigger:
    found = fields(value, ("isMarket", "triggerPx", "tpsl"))
    if found["tpsl"] not in ("tp", "sl"):
        raise HlMalformedError("tpsl is tp or sl")
    return HlTrigger(flag(found["isMarket"]), decimal(found["triggerPx"]), found["tpsl"] == "tp")


def _place(value: Any) -> HlPlace:
    found = fields(value, ("type", "orders", "grouping"), ("builder",))
    orders = tuple(_order(row) for row in items(found["orders"], ORDERS_PER_BATCH_MAX))
    grouping = text(found["grouping"])
    if grouping not in [known.value for known in HlGrouping]:
        raise HlMalformedError("unknown grouping")
    builder = None
    if found.get("builder") is not None:
        code = fields(found["builder"], ("b", "f"))
        builder = HlBuilder(address(code["b"]), uint(code["f"], U32_MAX))
    return HlPlace(orders, builder, HlGrouping(grouping))


def _cancel(value: Any) -> HlCancel:
    found = fields(value, ("type", "cancels"))
    rows = [fields(row, ("a", "o")) for row in items(found["cancels"], ORDERS_PER_BATCH_MAX)]
    return HlCancel(tuple((uint(row["a"], U32_MAX), uint(row["o"], U64_MAX)) for row in rows))


def _cancel_by_cloid(value: Any) -> HlCancelByCloid:
    found = fields(value, ("type", "cancels"))
    rows = [fields(row, ("asset", "cloid")) for row in items(found["cancels"], ORDERS_PER_BATCH_MAX)]
    return HlCancelByCloid(tuple((uint(row["asset"], U32_MAX), cloid(row["cloid"])) for row in rows))


def _target(value: Any) -> HlTarget:
    if type(value) is str:
        return HlTarget(0, cloid(value))
    oid = uint(value, U64_MAX)
    if oid == 0:
        raise HlMalformedError("order ids begin at 1")
    return HlTarget(oid, 0)


def _modify(value: Any) -> HlModify:
    found = fields(value, ("type", "oid", "order"))
    return HlModify(((_target(found["oid"]), _order(found["order"])),), batch=False)


def _batch_modify(value: Any) -> HlModify:
    found = fields(value, ("type", "modifies"))
    rows = [fields(row, ("oid", "order")) for row in items(found["modifies"], ORDERS_PER_BATCH_MAX)]
    return HlModify(tuple((_target(row["oid"]), _order(row["order"])) for row in rows), batch=True)


def _update_leverage(value: Any) -> HlUpdateLeverage:
    found = fields(value, ("type", "asset", "isCross", "leverage"))
    return HlUpdateLeverage(uint(found["asset"], U32_MAX), flag(found["isCross"]), uint(found["leverage"], U32_MAX))


def _sub_account_transfer(value: Any) -> HlSubAccountTransfer:
    found = fields(value, ("type", "subAccountUser", "isDeposit", "usd"))
    return HlSubAccountTransfer(
        address(found["subAccountUser"]), flag(found["isDeposit"]), uint(found["usd"], AMOUNT_MAX)
    )


def _create_sub_account(value: Any) -> HlCreateSubAccount:
    return HlCreateSubAccount(text(fields(value, ("type", "name"))["name"]))


def _sub_account_modify(value: Any) -> HlSubAccountModify:
    found = fields(value, ("type", "subAccountUser", "name"))
    return HlSubAccountModify(address(found["subAccountUser"]), text(found["name"]))


def _sub_account_spot_transfer(value: Any) -> HlSubAccountSpotTransfer:
    found = fields(value, ("type", "subAccountUser", "isDeposit", "token", "amount"))
    return HlSubAccountSpotTransfer(
        address(found["subAccountUser"]), flag(found["isDeposit"]), text(found["token"]), decimal(found["amount"])
    )


def _twap_order(value: Any) -> HlTwapOrder:
    found = fields(fields(value, ("type", "twap"))["twap"], ("a", "b", "s", "r", "m", "t"))
    return HlTwapOrder(
        uint(found["a"], U32_MAX), flag(found["b"]), decimal(found["s"]), flag(found["r"]), uint(found["m"], U32_MAX),
        flag(found["t"]),
    )  # fmt: skip


def _twap_cancel(value: Any) -> HlTwapCancel:
    found = fields(value, ("type", "a", "t"))
    return HlTwapCancel(uint(found["a"], U32_MAX), uint(found["t"], U64_MAX))


def _schedule_cancel(value: Any) -> HlScheduleCancel:
    time = fields(value, ("type",), ("time",)).get("time")
    return HlScheduleCancel(None if time is None else TimeMs(uint(time, TIME_MS_MAX)))


def _noop(value: Any) -> HlNoop:
    fields(value, ("type",))
    return HlNoop()


_PARSERS: Final[dict[str, Callable[[Any], HlAction]]] = {
    "order": _place,
    "cancel": _cancel,
    "cancelByCloid": _cancel_by_cloid,
    "modify": _modify,
    "batchModify": _batch_modify,
    "twapOrder": _twap_order,
    "twapCancel": _twap_cancel,
    "scheduleCancel": _schedule_cancel,
    "updateLeverage": _update_leverage,
    "subAccountTransfer": _sub_account_transfer,
    "createSubAccount": _create_sub_account,
    "subAccountModify": _sub_account_modify,
    "subAccountSpotTransfer": _sub_account_spot_transfer,
    "registerReferrer": lambda value: HlRegisterReferrer(text(fields(value, ("type", "code"))["code"])),
    "reserveRequestWeight": lambda value: HlReserveWeight(uint(fields(value, ("type", "weight"))["weight"], U32_MAX)),
    "setReferrer": lambda value: HlSetReferrer(text(fields(value, ("type", "code"))["code"])),
    "noop": _noop,
}


def parse_action(value: Any) -> HlAction:
    """The typed action in a plain object. Raises HlMalformedError and HlUnsupportedError."""
    kind = value.get("type") if type(value) is dict else None
    if type(kind) is not str:
        raise HlMalformedError("an action has a type")
    parser = _PARSERS.get(kind)
    if parser is None:
        raise (
            HlUnsupportedError(f"{kind} is not supported") if kind in UNSUPPORTED else HlMalformedError("unknown type")
        )
    return parser(value)


def _plain_order(order: HlOrder) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "a": order.asset, "b": order.is_buy, "p": order.price, "s": order.size, "r": order.reduce_only,
        "t": {"limit": {"tif": order.tif.value}} if order.trigger is None else {"trigger": _plain_trigger(order.trigger)},
    }  # fmt: skip
    if order.cloid:
        shown["c"] = cloid_text(order.cloid)
    return shown


def _plain_trigger(trigger: HlTrigger) -> dict[str, Any]:
    tpsl = "tp" if trigger.take_profit else "sl"
    return {"isMarket": trigger.is_market, "triggerPx": trigger.price, "tpsl": tpsl}


def _plain_modify(action: HlModify) -> dict[str, Any]:
    rows = [
        {"oid": target.oid or cloid_text(target.cloid), "order": _plain_order(order)}
        for target, order in action.modifies
    ]
    return {"type": "batchModify", "modifies": rows} if action.batch else {"type": "modify", **rows[0]}


def plain_action(action: HlAction) -> dict[str, Any]:
    """The object whose msgpack, in this order of keys, is signed."""
    match action:
        case HlPlace():
            placed: dict[str, Any] = {
                "type": "order",
                "orders": [_plain_order(order) for order in action.orders],
                "grouping": action.grouping.value,
            }
            if action.builder is not None:
                placed["builder"] = {"b": address_text(action.builder.address), "f": action.builder.fee}
            return placed
        case HlCancel():
            return {"type": "cancel", "cancels": [{"a": asset, "o": oid} for asset, oid in action.cancels]}
        case HlCancelByCloid():
            rows = [{"asset": asset, "cloid": cloid_text(number)} for asset, number in action.cancels]
            return {"type": "cancelByCloid", "cancels": rows}
        case HlModify():
            return _plain_modify(action)
        case HlUpdateLeverage():
            return {
                "type": "updateLeverage", "asset": action.asset, "isCross": action.is_cross, "leverage": action.leverage,
            }  # fmt: skip
        case HlSubAccountTransfer():
            return {
                "type": "subAccountTransfer", "subAccountUser": address_text(action.sub_account),
                "isDeposit": action.is_deposit, "usd": action.usd,
            }  # fmt: skip
        case HlSetReferrer():
            return {"type": "setReferrer", "code": action.code}
        case HlCreateSubAccount():
            return {"type": "createSubAccount", "name": action.name}
        case HlSubAccountModify():
            named = address_text(action.sub_account)
            return {"type": "subAccountModify", "subAccountUser": named, "name": action.name}
        case HlSubAccountSpotTransfer():
            return {
                "type": "subAccountSpotTransfer", "subAccountUser": address_text(action.sub_account),
                "isDeposit": action.is_deposit, "token": action.token, "amount": action.amount,
            }  # fmt: skip
        case HlRegisterReferrer():
            return {"type": "registerReferrer", "code": action.code}
        case HlReserveWeight():
            return {"type": "reserveRequestWeight", "weight": action.weight}
        case HlTwapOrder():
            terms = {
                "a": action.asset, "b": action.is_buy, "s": action.size, "r": action.reduce_only, "m": action.minutes,
                "t": action.randomize,
            }  # fmt: skip
            return {"type": "twapOrder", "twap": terms}
        case HlTwapCancel():
            return {"type": "twapCancel", "a": action.asset, "t": action.twap_id}
        case HlScheduleCancel():
            return {"type": "scheduleCancel"} if action.time is None else {"type": "scheduleCancel", "time": action.time}
        case HlNoop():
            return {"type": "noop"}


def _signed_by_user(value: Any, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> tuple[dict[str, Any], int]:
    found = fields(value, ("type", "signatureChainId", "hyperliquidChain", *names), optional)
    digits = text(found["signatureChainId"])
    try:
        chain_id = int(digits, 16) if digits.startswith("0x") and len(digits) <= 18 else -1
    except ValueError:
        chain_id = -1
    if chain_id < 0:
        raise HlMalformedError("signatureChainId is 0x and hex digits")
    if found["hyperliquidChain"] != TESTNET:
        raise HlWrongChainError("Mainnet and testnet require different signature.")
    return found, chain_id


def parse_user_action(value: Any) -> tuple[HlUserAction, int, int] | None:
    """Typed action, nonce and signature chain of a user-signed action; None where the type is not one of these.

    Raises HlMalformedError and HlWrongChainError.
    """
    kind = value.get("type") if type(value) is dict else None
    match kind:
        case "usdSend" | "withdraw3":
            found, chain_id = _signed_by_user(value, ("destination", "amount", "time"))
            made = HlUsdSend if kind == "usdSend" else HlWithdraw
            decimal(found["amount"])
            address(found["destination"])
            return made(text(found["destination"]), text(found["amount"])), uint(found["time"], NONCE_MAX), chain_id
        case "approveAgent":
            found, chain_id = _signed_by_user(value, ("agentAddress", "nonce"), ("agentName",))
            name = found.get("agentName")
            agent = HlApproveAgent(address(found["agentAddress"]), "" if name is None else text(name))
            return agent, uint(found["nonce"], NONCE_MAX), chain_id
        case "approveBuilderFee":
            found, chain_id = _signed_by_user(value, ("maxFeeRate", "builder", "nonce"))
            fee = HlApproveBuilderFee(text(found["maxFeeRate"]), address(found["builder"]))
            return fee, uint(found["nonce"], NONCE_MAX), chain_id
        case "usdClassTransfer":
            found, chain_id = _signed_by_user(value, ("amount", "toPerp", "nonce"))
            moved = HlUsdClassTransfer(text(found["amount"]), flag(found["toPerp"]))
            return moved, uint(found["nonce"], NONCE_MAX), chain_id
        case "spotSend":
            found, chain_id = _signed_by_user(value, ("destination", "token", "amount", "time"))
            address(found["destination"])
            decimal(found["amount"])
            spot = HlSpotSend(text(found["destination"]), text(found["token"]), text(found["amount"]))
            return spot, uint(found["time"], NONCE_MAX), chain_id
        case "sendAsset":
            names = ("destination", "sourceDex", "destinationDex", "token", "amount", "fromSubAccount")
            found, chain_id = _signed_by_user(value, (*names, "nonce"))
            address(found["destination"])
            decimal(found["amount"])
            sent = HlSendAsset(*(text(found[name]) for name in names))
            return sent, uint(found["nonce"], NONCE_MAX), chain_id
        case _:
            return None
