"""`POST /exchange` and actions over WebSocket: verify, admit, sequence, and tell what became of it once it is durable."""

import asyncio
from typing import Any, Final

from node.core.outcome import Applied, OrderResult, OrderState, Rejected, ValueResult
from node.gateway.admission import Refused
from node.gateway.desk import Desk
from node.gateway.hl import errors, fmt
from node.gateway.hl.coins import Coins
from node.gateway.hl.envelope import EnvelopeError, read_envelope
from node.gateway.ports import Released
from node.gateway.verify import Unverified, Verdict
from proto.hl.actions import (
    HlCancel,
    HlCancelByCloid,
    HlCreateSubAccount,
    HlGrouping,
    HlL1Request,
    HlModify,
    HlOrder,
    HlPlace,
    HlTif,
    HlTwapCancel,
    HlTwapOrder,
    HlUserRequest,
    HlWithdraw,
)
from proto.hl.reading import HlUnsupportedError, address_text, cloid_text
from proto.hl.schema import HlWrongChainError
from proto.ids import Address
from proto.inputs import Input, UserAction
from proto.reject import RejectCode
from proto.signing.hyperliquid import SOURCE_MAINNET, request_digest
from proto.signing.secp256k1 import SignatureError, recover
from proto.units import PRICE_DECIMALS_MAX

_DEFAULT: Final = {"status": "ok", "response": {"type": "default"}}


class RateLimitedError(Exception):
    """The peer sends too much; the answer is 429."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"Too many requests; wait {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms


class BusyError(Exception):
    """The node cannot take or answer it now; the answer is 500."""


def _err(text: str) -> dict[str, Any]:
    return {"status": "err", "response": text}


def _statuses(kind: str, statuses: list[Any]) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": statuses}}}


def _twap(action: HlTwapOrder | HlTwapCancel, status: Any) -> dict[str, Any]:
    kind = "twapOrder" if isinstance(action, HlTwapOrder) else "twapCancel"
    return {"status": "ok", "response": {"type": kind, "data": {"status": status}}}


def _value(outcome: Applied) -> int:
    result = outcome.results[0]
    assert isinstance(result, ValueResult), "the action gives a number"
    return result.value


class Exchange:
    """Takes signed actions of the dialect."""

    def __init__(self, desk: Desk, coins: Coins) -> None:
        self._desk = desk
        self._coins = coins

    async def submit(self, peer: str, body: Any) -> dict[str, Any]:
        """The answer to a body. Raises HlMalformedError (422), RateLimitedError and BusyError."""
        desk = self._desk
        try:
            action = read_envelope(body)
        except (HlUnsupportedError, HlWrongChainError, EnvelopeError) as error:
            return _err(str(error))
        refused = desk.admission.weigh_action(peer, action)
        if refused is not None:
            raise RateLimitedError(refused.retry_after_ms)
        outcome = await self._sequence(action)
        if isinstance(outcome, Refused):
            return self._refused(action, outcome)
        return self._answer(action, outcome)

    async def _sequence(self, action: UserAction) -> Released | Refused:
        """What came of it, or why it was not sequenced."""
        desk, began = self._desk, self._desk.clock.monotonic_ns()
        done: asyncio.Future[Released | Refused] = asyncio.get_running_loop().create_future()

        def settle(what: Released | Refused) -> None:
            if not done.done():
                done.set_result(what)

        def released(what: Released) -> None:
            desk.answered(what, began)
            settle(what)

        def verified(item: Input, verdict: Verdict) -> None:
            if done.done():
                return
            if not isinstance(verdict, RejectCode) and not desk.admission.knows(verdict):
                settle(Refused(RejectCode.SIGNER_UNKNOWN, self._stranger(action, verdict)))
                return
            refused = desk.admit(item, verdict, released)
            if refused is not None:
                desk.gauges.refused[refused.code] += 1
                settle(refused)

        if not desk.verifier.put(Unverified(action, verified)):
            raise BusyError
        try:
            async with asyncio.timeout(desk.settings.query_ms / 1_000):
                return await done
        except TimeoutError:
            raise BusyError from None

    def _stranger(self, action: UserAction, signer: Address) -> str:
        """What to tell a signer whom nobody knows: perhaps the signature is meant for another network."""
        intent = action.intent
        if isinstance(intent, HlL1Request):
            try:
                other = recover(request_digest(intent, SOURCE_MAINNET), action.signature)
            except SignatureError:
                other = signer
            if self._desk.admission.knows(other):
                return "Mainnet and testnet require different signature."
        if isinstance(intent, HlUserRequest):
            return f"Must deposit before performing actions. User: {address_text(signer)}"
        return errors.unknown_signer(signer)

    def _refused(self, action: UserAction, refused: Refused) -> dict[str, Any]:
        if refused.code in (RejectCode.NODE_BUSY, RejectCode.NODE_STOPPING):
            raise BusyError
        if refused.code == RejectCode.SIGNER_UNKNOWN:
            return _err(refused.detail)
        if refused.code in (RejectCode.RATE_LIMITED, RejectCode.REFUSAL_BUDGET_SPENT):
            return _err(f"Too many cumulative requests sent {refused.detail}; wait {refused.retry_after_ms} ms.")
        return self._rejected(action, refused.code)

    def _rejected(self, action: UserAction, code: RejectCode) -> dict[str, Any]:
        intent = action.intent
        vault = intent.vault if isinstance(intent, HlL1Request) else None
        withdrawal = isinstance(intent, HlUserRequest) and isinstance(intent.action, HlWithdraw)
        return _err(errors.envelope_error(code, intent.nonce, vault, withdrawal=withdrawal))

    def _answer(self, action: UserAction, released: Released) -> dict[str, Any]:
        outcome, intent = released.outcome, action.intent
        if isinstance(outcome, Rejected):
            if isinstance(intent, HlL1Request) and isinstance(intent.action, HlTwapOrder | HlTwapCancel):
                error = errors.twap_error(outcome.code, intent.action)
                if error is not None:
                    return _twap(intent.action, {"error": error})
            if outcome.code == RejectCode.SIGNER_UNKNOWN:
                return _err(errors.unknown_signer(released.signer))
            return self._rejected(action, outcome.code)
        assert isinstance(outcome, Applied)
        if not isinstance(intent, HlL1Request):
            return _DEFAULT
        results = [result for result in outcome.results if isinstance(result, OrderResult)]
        match intent.action:
            case HlPlace(orders=orders, grouping=grouping):
                rows = [self._placed(order, result, grouping) for order, result in zip(orders, results, strict=True)]
                return _statuses("order", rows)
            case HlCancel(cancels=cancels) | HlCancelByCloid(cancels=cancels):
                done: list[Any] = [
                    {"error": errors.cancel_error(result.code, asset)} if result.code else "success"
                    for (asset, _), result in zip(cancels, results, strict=True)
                ]
                return _statuses("cancel", done)
            case HlModify(modifies=modifies, batch=batch):
                rows = [self._modified(order, result) for (_, order), result in zip(modifies, results, strict=True)]
                if batch:
                    return _statuses("order", rows)
                return _err(rows[0]["error"]) if "error" in rows[0] else _DEFAULT
            case HlTwapOrder() as twap:
                return _twap(twap, {"running": {"twapId": _value(outcome)}})
            case HlCreateSubAccount():
                opened = self._desk.address_of(_value(outcome))
                return {"status": "ok", "response": {"type": "createSubAccount", "data": address_text(opened)}}
            case HlTwapCancel() as stopped:
                return _twap(stopped, "success")
            case _:
                return _DEFAULT

    def _placed(self, order: HlOrder, result: OrderResult, grouping: HlGrouping = HlGrouping.NONE) -> Any:
        asset = order.asset
        if result.code == RejectCode.POST_ONLY_WOULD_TAKE:
            bbo, decimals = self._desk.views.books[asset + 1].bbo(), self._coins.decimals(asset + 1)
            return {"error": errors.post_only_error(asset, fmt.price(bbo.bid, decimals), fmt.price(bbo.ask, decimals))}
        if result.code:
            return {"error": errors.order_error(result.code, asset)}
        named: dict[str, Any] = {"oid": result.order}
        if order.cloid:
            named["cloid"] = cloid_text(order.cloid)
        if result.state == OrderState.WAITING_PARENT:
            return "waitingForFill"
        if result.state == OrderState.WAITING and grouping != HlGrouping.NONE and order.trigger is not None:
            return "waitingForTrigger"
        if result.state in (OrderState.RESTING, OrderState.WAITING):
            return {"resting": named}
        if not result.filled:
            immediate = order.tif in (HlTif.IOC, HlTif.FRONTEND_MARKET)
            text = errors.immediate_error(asset) if immediate else errors.order_error(
                RejectCode.REDUCE_ONLY_WOULD_INCREASE, asset
            )  # fmt: skip
            return {"error": text}
        decimals = self._coins.decimals(asset + 1)
        average = fmt.fixed(result.quote // result.filled, PRICE_DECIMALS_MAX - decimals)
        return {"filled": {"totalSz": fmt.fixed(result.filled, decimals), "avgPx": average, **named}}

    def _modified(self, order: HlOrder, result: OrderResult) -> Any:
        if result.code and result.code != RejectCode.POST_ONLY_WOULD_TAKE:
            return {"error": errors.modify_error(result.code, order.asset)}
        return self._placed(order, result)
