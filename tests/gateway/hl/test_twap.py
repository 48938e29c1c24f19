"""Time-sliced orders and named sub-accounts through the dialect."""

from typing import Any

from proto.ids import sub_account_address
from tests.gateway.hl.post import envelope, exchange, info, order, place, statuses
from tests.gateway.hl.test_exchange import ALICE, BOB, funded
from tests.gateway.live import eventually, live

ME = "0x" + ALICE.address.hex()


def twap(size: str = "1", minutes: int = 5, **more: Any) -> dict[str, Any]:
    return {"type": "twapOrder", "twap": {"a": 0, "b": True, "s": size, "r": False, "m": minutes, "t": True, **more}}


async def status(url: str, action: dict[str, Any]) -> Any:
    answer = await exchange(url, envelope(ALICE, action))
    assert answer["status"] == "ok", answer
    return answer["response"]["data"]["status"]


async def test_a_twap_runs_is_cancelled_and_remembered() -> None:
    async with live() as node:
        url = await funded(node)
        statuses(await exchange(url, envelope(BOB, place(order("60000", "5", buy=False)))))
        number = (await status(url, twap()))["running"]["twapId"]
        await eventually(lambda: node.state.twaps[number].filled == 10_000)
        await eventually(lambda: node.views.seq == node.state.seq)  # What is applied is shown once it is durable.
        [row] = await info(url, type="userTwapSliceFills", user=ME)
        assert (row["twapId"], row["fill"]["twapId"], row["fill"]["sz"]) == (number, number, "0.1")
        assert await status(url, {"type": "twapCancel", "a": 0, "t": number}) == "success"
        again = await status(url, {"type": "twapCancel", "a": 0, "t": number})
        assert again == {"error": "TWAP was never placed, already canceled, or filled."}
        ended, began = await info(url, type="twapHistory", user=ME)
        assert (began["status"], ended["status"]) == ({"status": "activated"}, {"status": "terminated"})
        assert (ended["state"]["executedSz"], ended["state"]["executedNtl"], ended["state"]["minutes"]) == ("0.1", "6000.0", 5)
        assert ended["twapId"] == number
        assert await info(url, type="userTwapSliceFillsByTime", user=ME, startTime=0) == [row]


async def test_what_refuses_a_twap() -> None:
    async with live() as node:
        url = await funded(node)
        assert await status(url, twap(minutes=1)) == {"error": "Invalid TWAP duration: 1 min(s)"}
        small = await status(url, twap("0.00001"))
        assert small["error"].startswith("Order must have minimum value of $10.")
        assert (await status(url, twap("0.000001")))["error"].startswith("Order has invalid size.")
        assert (await status(url, twap(a=9)))["error"].startswith("There is no such market.")


async def test_named_sub_accounts() -> None:
    async with live() as node:
        url = await funded(node)
        answer = await exchange(url, envelope(ALICE, {"type": "createSubAccount", "name": "desk"}))
        where = "0x" + sub_account_address(ALICE.address, 0).hex()
        assert answer == {"status": "ok", "response": {"type": "createSubAccount", "data": where}}
        rename = {"type": "subAccountModify", "subAccountUser": where, "name": "desk two"}
        assert (await exchange(url, envelope(ALICE, rename)))["status"] == "ok"
        [sub] = await info(url, type="subAccounts", user=ME)
        assert (sub["name"], sub["subAccountUser"]) == ("desk two", where)
        bad = await exchange(url, envelope(ALICE, {"type": "createSubAccount", "name": ""}))
        assert bad == {"status": "err", "response": "Sub-account name must be between 1 and 16 characters long"}


async def test_fees_show_volume_and_tiers() -> None:
    async with live() as node:
        url = await funded(node)
        statuses(await exchange(url, envelope(BOB, place(order("60000", "0.5", buy=False)))))
        statuses(await exchange(url, envelope(ALICE, place(order("60000", "0.5")))))
        fees = await info(url, type="userFees", user=ME)
        assert (fees["userCrossRate"], fees["userAddRate"]) == ("0.00045", "0.00015")
        tiers = node.state.params.fees.tiers
        assert len(fees["feeSchedule"]["tiers"]["vip"]) == len(tiers)
        assert [day["userCross"] for day in fees["dailyUserVlm"]] == (["30000.0"] if tiers else [])
