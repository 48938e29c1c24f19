"""eth_call and eth_estimateGas: run without changing anything, and say how it failed as geth does."""

from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from node.l1.chain.block import Block
from node.l1.chain.build import block_context
from node.l1.chain.executor import BlockContext, ExecutionRefused, Executor, Message, Outcome
from node.l1.chain.ledger import State
from node.l1.chain.params import EXECUTION_REVERTED, SERVER_ERROR, CallRequest, RpcError
from node.l1.transactions import GAS_PER_TRANSACTION, floor_gas

_ERROR_STRING: Final = bytes.fromhex("08c379a0")  # Error(string)
_PANIC: Final = bytes.fromhex("4e487b71")  # Panic(uint256)
ESTIMATE_SLACK_PPM: Final = 15_000  # Stop searching once the bounds are this close, as geth does.


def answer_call(executor: Executor, block: Block, request: CallRequest) -> bytes:
    """Return data of a call on top of `block`. Raises RpcError."""
    outcome = _run(executor, request, _on_top(block), request.gas or block.header.gas_limit, block.header.gas_limit)
    _raise_if_failed(outcome)
    return outcome.output


def estimate_gas(state: State, block: Block, request: CallRequest, gas_cap: int) -> int:
    """The least gas with which the call succeeds, within geth's slack. Raises RpcError."""
    context = _on_top(block)
    high = min(request.gas or gas_cap, gas_cap)
    if request.price_wei:
        account = state.world.get(request.sender)
        high = min(high, max(0, account.balance_wei - request.value_wei) // request.price_wei)
    outcome = _run(state.executor, request, context, high, gas_cap)
    _raise_if_failed(outcome)
    floor = floor_gas(request.data)
    low = max(outcome.gas_used, floor, GAS_PER_TRANSACTION)
    if _succeeds(state.executor, request, context, low):
        return low
    # Most calls succeed with what they used, plus what a 63/64 rule may hold back.
    guess = (outcome.gas_used + 2_300) * 64 // 63
    if low < guess < high:
        if _succeeds(state.executor, request, context, guess):
            high = guess
        else:
            low = guess
    while low + 1 < high and (high - low) * 1_000_000 > high * ESTIMATE_SLACK_PPM:
        middle = (low + high) // 2
        if _succeeds(state.executor, request, context, middle):
            high = middle
        else:
            low = middle
    return high


def _on_top(block: Block) -> BlockContext:
    """Calls see the block they are asked about, as in geth, with the time and number of that block."""
    context = block_context(block.header, block.header.timestamp_s)
    return BlockContext(block.number, block.header.timestamp_s, context.base_fee_wei, block.header.randao)


def _run(executor: Executor, request: CallRequest, context: BlockContext, gas: int, cap: int) -> Outcome:
    message = Message(
        sender=request.sender,
        to=request.to,
        value_wei=request.value_wei,
        data=request.data,
        gas_limit=min(gas, cap),
        price_wei=0,  # Calls are free, whatever price they name.
        access_list=request.access_list,
    )
    try:
        return executor.run(message, context)
    except ExecutionRefused as error:
        raise RpcError(SERVER_ERROR, _refusal(str(error))) from None


def _succeeds(executor: Executor, request: CallRequest, context: BlockContext, gas: int) -> bool:
    try:
        return _run(executor, request, context, gas, gas).success
    except RpcError:
        return False


def _raise_if_failed(outcome: Outcome) -> None:
    if outcome.success:
        return
    if outcome.halt:
        raise RpcError(SERVER_ERROR, f"execution halted: {outcome.halt}")
    reason = revert_reason(outcome.output)
    message = f"execution reverted: {reason}" if reason else "execution reverted"
    raise RpcError(EXECUTION_REVERTED, message, "0x" + outcome.output.hex())


def revert_reason(output: bytes) -> str:
    """Text of Error(string) or Panic(uint256); empty for anything else."""
    try:
        if output[:4] == _ERROR_STRING:
            (text,) = decode(("string",), output[4:])
            return str(text)
        if output[:4] == _PANIC:
            (code,) = decode(("uint256",), output[4:])
            return f"panic code {code:#x}"
    except DecodingError:
        return ""
    return ""


def _refusal(text: str) -> str:
    """geth's words for what the EVM refuses to start."""
    if "LackOfFund" in text:
        return "insufficient funds for gas * price + value"
    if "CallGasCostMoreThanGasLimit" in text:
        return "intrinsic gas too low"
    if "RejectCallerWithCode" in text:
        return "calls from a contract's address are not supported"
    return f"cannot execute: {text[:200]}"
