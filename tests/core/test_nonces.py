"""Nonces against their rule written naively: every nonce ever used is remembered, and the window is computed from all of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.ledger.accounts import open_account
from node.core.ledger.signers import NONCE_FUTURE_MS, NONCE_PAST_MS, NONCES_KEPT, check_nonce, use_nonce
from node.core.state import State
from proto.reject import RejectCode
from proto.units import TimeMs
from tests.core.venue import PARAMS, START_MS, address

Used = list[int]


def naive(used: Used, nonce: int, now: int) -> RejectCode | None:
    """The rule of DESIGN over the whole history: the 100 highest are kept, what left the window is forgotten."""
    if nonce <= now - NONCE_PAST_MS:
        return RejectCode.NONCE_TOO_OLD
    if nonce >= now + NONCE_FUTURE_MS:
        return RejectCode.NONCE_TOO_FAR_AHEAD
    kept = sorted(used)[-NONCES_KEPT:]
    if nonce in kept:
        return RejectCode.NONCE_REPLAYED
    if len(kept) == NONCES_KEPT and nonce < kept[0]:
        return RejectCode.NONCE_TOO_OLD
    return None


shifts = st.one_of(
    st.integers(-150, 150), st.integers(-NONCE_PAST_MS - 2, NONCE_FUTURE_MS + 2),
    st.sampled_from([-NONCE_PAST_MS, -NONCE_PAST_MS + 1, NONCE_FUTURE_MS - 1, NONCE_FUTURE_MS]),
)  # fmt: skip
waits = st.sampled_from([0, 0, 0, 0, 1, 1_000, NONCE_FUTURE_MS, NONCE_PAST_MS])


@given(st.integers(0, 120), st.lists(st.tuples(waits, shifts), max_size=60))
@settings(max_examples=60)
def test_nonces_follow_their_rule(burst: int, uses: list[tuple[int, int]]) -> None:
    state = State(PARAMS, time=TimeMs(START_MS))
    signer = open_account(state, address(1), None).signers[0]
    used, ever = Used(), Used()
    for wait, shift in [(0, number) for number in range(burst)] + uses:
        state.time = TimeMs(state.time + wait)
        nonce = state.time + shift
        code = check_nonce(signer, nonce, state.time)
        assert code == naive(used, nonce, state.time)
        if code is None:
            assert nonce not in ever, "a nonce was used twice"
            use_nonce(state, signer, nonce)
            ever.append(nonce)
            used = [known for known in (*used, nonce) if known > state.time - NONCE_PAST_MS]
        assert len(signer.nonces) <= NONCES_KEPT
        assert signer.nonces == sorted(signer.nonces)
