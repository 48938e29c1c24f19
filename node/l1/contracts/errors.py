"""Every way the settlement contract refuses, by number: what a revert's bytes mean to a person and to a program.

Invariants: numbers are append only, never reused, and disjoint from the node's own 60xx; all errors of the ABI are here.
Bands: 61xx deposits, 62xx data, 63xx commitments, 64xx withdrawals, 65xx deployment, 66xx views, 69xx library.
"""

from typing import Final, NamedTuple

from node.l1.abi import AbiMismatch, Decoded, load_contract


class Refusal(NamedTuple):
    """Stable number of an error, and a sentence that helps."""

    number: int
    sentence: str


class Explained(NamedTuple):
    """A decoded revert."""

    number: int
    error: Decoded
    sentence: str


REFUSALS: Final[dict[str, Refusal]] = {
    "AssetUnknown": Refusal(6101, "The contract holds no asset with this id; see assetIds()."),
    "AssetIsNative": Refusal(6102, "This asset is ETH; send it with depositETH."),
    "AmountZero": Refusal(6103, "The amount is zero; send more."),
    "OwnerZero": Refusal(6104, "The owner is the zero address; name the account to credit."),
    "AmountDoesNotDivide": Refusal(6105, "The amount is no multiple of the ledger's unit; round it down to one."),
    "AmountTooLarge": Refusal(6106, "One deposit holds at most 2^63-1 ledger units; split it."),
    "DepositCapExceeded": Refusal(
        6107, "The escrow of this asset would exceed its cap; deposit less, or after withdrawals."
    ),
    "TransferAmountDiffers": Refusal(
        6108, "The token delivered another amount than was sent; such tokens are not accepted."
    ),
    "PlainTransfer": Refusal(6109, "ETH sent without a call has no owner; use depositETH."),
    "NotOperator": Refusal(6201, "Only the operator posts or resets data; check the key and the contract."),
    "NotTopLevelCall": Refusal(
        6202, "Data must be the input of the operator's own transaction, not of a call inside one."
    ),
    "CalldataNotCanonical": Refusal(6203, "Encode the call the standard way, with nothing behind the chunk."),
    "BatchNotAhead": Refusal(6204, "Data can be posted or reset for the 1024 batches after the tip only."),
    "ChunkIndexWrong": Refusal(6205, "Chunks come in order; read dataOf(batch) and go on from there, or reset."),
    "ChunkEmpty": Refusal(6206, "A chunk holds at least one byte."),
    "ChunkTooLarge": Refusal(6207, "A chunk holds at most 120000 bytes; cut the body smaller."),
    "TooManyChunks": Refusal(6208, "A batch holds at most 64 chunks; seal smaller batches."),
    "BatchIdWrong": Refusal(6301, "The next batch is tip + 1; it may be posted already."),
    "PrevStateRootWrong": Refusal(6302, "The batch does not continue the state at the tip."),
    "DataMissing": Refusal(6303, "Post the batch's data before its commitment."),
    "DataHashWrong": Refusal(6304, "The commitment is about other data than was posted; reset and post its own."),
    "RulesHashWrong": Refusal(
        6305, "The batch was made under other rules than this contract's; check genesis and version."
    ),
    "QueueCursorBackwards": Refusal(6306, "The batch claims fewer queue items than its predecessor."),
    "QueueCursorBeyondQueue": Refusal(
        6307, "The batch claims queue items that are not on L1; they may have been reorganised away."
    ),
    "QueueHashWrong": Refusal(6308, "The batch claims other queue items than L1 has; they may have been reorganised."),
    "L2TimeBackwards": Refusal(6309, "The batch is older than its predecessor."),
    "L2TimeAheadOfL1": Refusal(
        6310, "The batch is more than 15 minutes ahead of L1; wait, and check the node's clock."
    ),
    "LastSeqNotHigher": Refusal(6311, "The batch has no input after its predecessor's last."),
    "SignatureInvalid": Refusal(6312, "The operator did not sign this commitment for this contract and chain."),
    "StateRootOpeningWrong": Refusal(6313, "Roots and system words do not hash to the batch's state root."),
    "SystemWordsCount": Refusal(6314, "The number of system words is not that of this contract's assets."),
    "SystemWordWrong": Refusal(6315, "A system word contradicts the commitment or the asset table."),
    "TotalOutOfRange": Refusal(6316, "A running total is outside its range."),
    "LiabilitiesExceedDeposits": Refusal(6317, "The batch owes users more than was ever deposited."),
    "DepositedExceedsReceived": Refusal(6318, "The batch credits more than was ever deposited."),
    "OwingCapExceeded": Refusal(6319, "Accounts owe more than the asset's cap."),
    "BatchUnknown": Refusal(6401, "No such batch is committed."),
    "BatchNotFinal": Refusal(
        6402, "The challenge window of this batch is open; wait, or prove against an earlier batch."
    ),
    "DestinationZero": Refusal(6403, "The destination is the zero address."),
    "AlreadyWithdrawn": Refusal(6404, "This withdrawal was paid before."),
    "WithdrawalNotInTree": Refusal(
        6405, "The proof does not show this withdrawal; index and all fields must be those of the leaf."
    ),
    "EscrowShort": Refusal(
        6406, "More would be paid than was ever deposited; this should not happen, tell the operator."
    ),
    "GasTooLow": Refusal(6407, "Give the transaction more gas, so that the destination gets its share."),
    "NothingToClaim": Refusal(6408, "Nothing is waiting for this address."),
    "NotYourClaim": Refusal(6409, "Only the owner may send a claim elsewhere; others may send it to the owner."),
    "SendFailed": Refusal(6410, "The destination refused the ETH; name another one."),
    "ProofMalformed": Refusal(
        6411, "The proof has a zero or surplus sibling, a bit too high, or an index outside the tree."
    ),
    "WindowTooShort": Refusal(6501, "On this chain the challenge window is at least seven days."),
    "GenesisInvalid": Refusal(6502, "Genesis hash, genesis state root and rules hash must not be zero."),
    "OperatorZero": Refusal(6503, "The operator is the zero address."),
    "AssetTableInvalid": Refusal(
        6504, "Assets come by ascending id from 0, each token once, with code, divisor and caps in range."
    ),
    "QueueIndexUnknown": Refusal(6601, "The queue has no such item yet."),
    "ReentrancyGuardReentrantCall": Refusal(6901, "The contract was called again from inside a call."),
    "SafeERC20FailedOperation": Refusal(
        6902, "The token refused; check balance, approval, and whether it blocks the address."
    ),
    "InvalidShortString": Refusal(6903, "Cannot occur: part of a library."),
    "StringTooLong": Refusal(6904, "Cannot occur: part of a library."),
}


def explain(revert_data: bytes) -> Explained | None:
    """What the contract meant by reverting with these bytes; None where they are no error of its own."""
    try:
        decoded = load_contract("Novate").decode_error(revert_data)
    except AbiMismatch:
        return None
    if decoded is None or decoded.name not in REFUSALS:
        return None
    refusal = REFUSALS[decoded.name]
    return Explained(refusal.number, decoded, refusal.sentence)
