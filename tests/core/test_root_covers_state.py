"""Every mutable field that `apply` reads is under the state root: change any one and the root is another.

The walk is generic over the dataclasses of the state. What it may pass over is listed here, field by field, with the reason; a field that
is added to the state is walked unless somebody writes down why not.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import Any

import pytest

from node.core import state as shapes
from node.core.liquidation import work
from node.core.state import (
    CancelWork,
    LeaveWork,
    LiquidateWork,
    MarketSetting,
    State,
    UnwindWork,
)
from proto.events import CloseReason
from proto.ids import (
    ETH,
    AccountId,
    MarketId,
    OrderId,
    VaultId,
)
from proto.units import (
    MicroUsd,
    TimeMs,
)
from tests.core.venue import GUARDED, full_root
from tests.scenarios.language import Script, address_of

# Functions of what is committed, rebuilt by restore; tests of restore compare them.
DERIVED = {
    "Position": ["buy_lots", "buy_value", "sell_lots", "sell_value", "reduce_buys", "reduce_sells", "orders"],
    "Order": ["before", "after"],
    "Account": ["orders", "triggers", "twaps", "clients", "sub_accounts", "fee_day", "fee_rates"],
    "Market": ["bids", "asks", "rises", "falls", "initial_ppm", "maintenance"],
    "State": [
        "orders", "by_address", "agents", "free_slots", "liquidating", "unwinding", "leaving", "work_heap",
        "free_work", "expiries", "cancel_times", "risk", "protected", "triggers", "twaps",
        "twap_times", "free_waiting_slots", "children", "groups", "bound",
    ],
}
# The key under which the object's own leaf stands.
KEYS = {
    "Order": ["slot"], "Trigger": ["slot"], "Twap": ["slot"], "Account": ["id"], "Vault": ["id"], "Signer": ["account"], "Index": ["id"],
    **{name: ["slot"] for name in ("LiquidateWork", "CancelWork", "TriggerWork", "UnwindWork", "LeaveWork")},
}  # fmt: skip
# Parameters, committed by the rules hash; outboxes of the current input and of the current batch.
ELSEWHERE = {"State": ["params", "touched", "events", "ops", "settled"], "Market": ["params"]}


def passed_over(name: str) -> list[str]:
    return [field for table in (DERIVED, KEYS, ELSEWHERE) for field in table.get(name, [])]


def busy_state() -> State:
    """A state in which every kind of object exists and every list holds something."""
    script = Script(GUARDED)
    for line in (
        "bob schedule 90000000", "deposit alice 2 ETH", "alice sub 0",
        "alice approve robot for 100000 on 1,2", "bob sell 50 @ 100", "alice buy 40 @ 100",
        "carol buy 3 @ 95 id 7", "carol sell 3 @ 105 post", "sample", "funding", "wait 3600000", "price 1 100", "price 2 100", "sample",
        "funding", "alice withdraw 5 to alice",
        "carol pair buy 1 @ 95 ; stop buy 1 at 104 @ 104", "carol parent buy 1 @ 94 ; stop sell 1 at 92 market reduce",
        "alice onposition stop sell 0 at 91 market reduce til=90000",
        "bob protect window 1000 freeze 5 quantity 3 delta 2", "bob name 61",
        "carol twap buy 20 @ 90 for 300", "work 1",
        "revoke publisher1 by publisher2", "revoke publisher3 by publisher3",
        "bob stop buy 1 at 103 market", "price 1 109", "seal", "alice withdraw 6 to alice",
    ):  # fmt: skip
        script.line(line)
    state = script.venue.state
    later = TimeMs(state.time + 5)
    work.add(state, LiquidateWork(AccountId(3), MarketId(0), later, state.time, MicroUsd(7), MarketId(1), AccountId(2), (AccountId(5),)))
    work.add(state, CancelWork(AccountId(4), MarketId(1), OrderId(3), CloseReason.SCHEDULED_CANCEL, later))
    work.add(state, UnwindWork(AccountId(1), MarketId(2), later))
    work.add(state, LeaveWork(AccountId(4), VaultId(1), 5, later))
    alice = state.accounts[state.by_address[address_of("alice")]]
    assert alice.balances[ETH]
    alice.settings[MarketId(2)] = MarketSetting(5, isolated=True)
    return state


Change = tuple[str, Callable[[], None], Callable[[], None]]
"""What is changed, how, and back."""


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, IntEnum):
        return next(item for item in type(value) if item != value)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:] if value else bytes([1]) * 32
    if isinstance(value, tuple):
        return (*value, 7)
    raise AssertionError(f"no other value for {value!r}")


def changes(item: Any, path: str) -> Iterator[Change]:
    """Every single change that can be made below a dataclass."""
    for field in fields(item):
        if field.name in passed_over(type(item).__name__):
            continue
        value, here = getattr(item, field.name), f"{path}.{field.name}"
        if isinstance(value, dict | list):
            yield from container_changes(value, here)
        elif is_dataclass(value):
            yield from changes(value, here)
        else:
            yield here, setter(item, field.name, other(value)), setter(item, field.name, value)


def setter(item: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(item, name, value)


def container_changes(held: dict[Any, Any] | list[Any], path: str) -> Iterator[Change]:
    """Take each entry out; change each entry."""
    for key in list(held) if isinstance(held, dict) else range(len(held)):
        value, here = held[key], f"{path}[{key!r}]"
        if isinstance(held, dict):
            yield f"{here} removed", remover(held, key), putter(held, dict(held))
        elif not path.endswith(".totals"):  # As long as the parameters' assets.
            yield f"{here} removed", remover(held, key), filler(held, list(held))
        if is_dataclass(value):
            yield from changes(value, here)
        else:
            changed = tuple(other(part) for part in value) if isinstance(value, tuple) else other(value)
            yield here, placer(held, key, changed), placer(held, key, value)


def remover(held: Any, key: Any) -> Callable[[], None]:
    return lambda: held.__delitem__(key)


def placer(held: Any, key: Any, value: Any) -> Callable[[], None]:
    return lambda: held.__setitem__(key, value)


def putter(held: dict[Any, Any], whole: dict[Any, Any]) -> Callable[[], None]:
    def restore() -> None:
        held.clear()
        held.update(whole)

    return restore


def filler(held: list[Any], whole: list[Any]) -> Callable[[], None]:
    def restore() -> None:
        held[:] = whole

    return restore


def test_any_change_gives_another_root() -> None:
    state = busy_state()
    root, silent, tried = full_root(state), [], 0
    for name, change, back in list(changes(state, "state")):
        if ".positions[" in name and not held_position(state, name):
            continue
        change()
        if full_root(state) == root:
            silent.append(name)
        back()
        assert full_root(state) == root, f"{name} was not put back"
        tried += 1
    assert silent == []
    assert tried > 250


def test_every_container_of_the_state_holds_something() -> None:
    """An empty one would leave a field untested."""
    filled: dict[str, bool] = {}

    def visit(item: Any) -> None:
        for field in fields(item):
            value, name = getattr(item, field.name), f"{type(item).__name__}.{field.name}"
            if field.name in passed_over(type(item).__name__):
                continue
            if isinstance(value, dict | list):
                filled[name] = filled.get(name, False) or bool(value)
                for part in value.values() if isinstance(value, dict) else value:
                    if is_dataclass(part):
                        visit(part)
            elif is_dataclass(value):
                visit(value)

    visit(busy_state())
    assert [name for name, full in filled.items() if not full] == []


def held_position(state: State, name: str) -> bool:
    """A record without size holds derived totals only; its funding index is set anew before it gets a size."""
    account, market = (int(part.split("]")[0]) for part in name.split("[")[1:3])
    return bool(state.accounts[AccountId(account)].positions[MarketId(market)].size)


def test_what_is_passed_over_exists() -> None:
    for table in (DERIVED, KEYS, ELSEWHERE):
        for name, listed in table.items():
            known = [field.name for field in fields(getattr(shapes, name))]
            assert [field for field in listed if field not in known] == []
            assert len(passed_over(name)) == len(dict.fromkeys(passed_over(name)))


@pytest.mark.parametrize("kind", ["MarkRange", *(name for name in vars(shapes) if is_dataclass(getattr(shapes, name)))])
def test_every_shape_of_the_state_is_reached(kind: str) -> None:
    """Shapes that no walk reaches are parameters or derived."""
    seen: list[str] = []

    def visit(item: Any) -> None:
        if is_dataclass(item):
            seen.append(type(item).__name__)
            for field in fields(item):
                if field.name not in passed_over(type(item).__name__):
                    visit(getattr(item, field.name))
        elif isinstance(item, dict | list):
            for value in item.values() if isinstance(item, dict) else item:
                visit(value)

    visit(busy_state())
    derived = ["Level", "BookSide", "RiskIndex", "Ladder"]
    assert kind in seen or kind in derived or kind.endswith("Params")
