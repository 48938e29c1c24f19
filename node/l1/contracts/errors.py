"""Every way the settlement contract refuses, by number: what a revert's bytes mean to a person and to a program.

Invariants: numbers are append only, never reused, and disjoint from the node's own 60xx; all errors of the ABI are here.
Bands: 61xx deposits, 62xx data, 63xx commitments, 64xx withdrawals, 65xx deployment, 66xx views, 68xx ladder,
parameters, committee, escape; 69xx library.
"""

from typing import Final, NamedTuple

from node.l1.abi import AbiMismatch, Decoded, load_contract

CONTRACTS: Final = ("Novate", "Committee", "Escape", "Timelock")


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
    "PayloadTooLarge": Refusal(6110, "An action in the queue holds at most 4096 bytes; cut a batch of orders smaller."),
    "DepositsPaused": Refusal(6111, "Deposits are paused until then; withdrawals are not."),
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
    "BlobMissing": Refusal(6209, "The transaction carries fewer blobs than it names."),
    "DataMixed": Refusal(6210, "A batch's body is in call data or in blobs, not both; reset and post it one way."),
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
    "L2TimeBehindL1": Refusal(6320, "The batch is too far behind L1; seal a newer one."),
    "QueueItemSkipped": Refusal(6321, "The batch leaves a queue item behind that is older than its deadline; take it in."),
    "PostingPaused": Refusal(6322, "The guardian has paused the operator's posting until then."),
    "VenueFrozen": Refusal(6323, "The venue is frozen for ever: no deposits, actions or batches; withdraw or escape."),
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
    "PeriodTooShort": Refusal(6505, "On this chain the period has a minimum."),
    "PeriodsOutOfOrder": Refusal(
        6506, "Deadline <= opening <= freeze; attestation window below the challenge window; lag no less than that."
    ),
    "ModuleInvalid": Refusal(6507, "Time lock, committee and escape must exist, made for this contract's address."),
    "QueueIndexUnknown": Refusal(6601, "The queue has no such item yet."),
    "NotOpenYet": Refusal(6801, "Only the operator posts while no queue item is too old."),
    "OpenPostingNeedsValidators": Refusal(
        6802, "Without validators nobody could tell a false open batch; wait until the venue can be frozen."
    ),
    "AttestationsNotRequired": Refusal(6803, "This deployment has no attestation, so none can be missing."),
    "NothingConsumed": Refusal(6804, "An open batch must take in queue items."),
    "TipNotAttested": Refusal(6805, "The newest batch is not the operator's; attest to it or have it reverted first."),
    "NotFreezableYet": Refusal(6806, "No queue item has waited long enough for a freeze."),
    "NotSettled": Refusal(6807, "This is for after a freeze, when the newest batch is final."),
    "BatchFinal": Refusal(6808, "A final batch cannot be reverted."),
    "BatchIsAttested": Refusal(6809, "Validators attested to this batch or one after it."),
    "AttestationPending": Refusal(6810, "Validators have until then to attest to this batch."),
    "DepositConsumed": Refusal(6812, "A batch has taken this deposit in; it is in the owner's account."),
    "AlreadyRefunded": Refusal(6813, "This deposit was given back before."),
    "NotThisDeposit": Refusal(6814, "The queue has another item there; all fields must be those of its event."),
    "NotAuthorised": Refusal(6821, "Only the contract or role that this is for may do it."),
    "SignersInvalid": Refusal(6822, "Signers ascend, are 1 to 16, and no more are required than there are."),
    "RulesScheduleInvalid": Refusal(6823, "Rules change at a batch after the tip, and have a hash."),
    "PauseTooLong": Refusal(6824, "A pause lasts three days at most."),
    "NotNovate": Refusal(6831, "Only the settlement contract may do this."),
    "NotTimelock": Refusal(6832, "Only the time lock may do this."),
    "ValidatorsInvalid": Refusal(6833, "Validators ascend, are at most 64, and no more are required than there are."),
    "PeriodInvalid": Refusal(6834, "The period has a minimum on this chain."),
    "NotValidator": Refusal(6835, "The signer is no validator; see validators()."),
    "BondMissing": Refusal(6836, "The validator has too little at stake; add to its bond."),
    "AttestationInvalid": Refusal(6837, "Attestations are 65 bytes, low s, of this batch in this contract's domain."),
    "NothingToAttest": Refusal(6838, "This deployment has no attestation."),
    "OpenBondWrong": Refusal(6839, "An open batch costs exactly openBond()."),
    "OpenBondUnknown": Refusal(6840, "No bond is kept for this batch."),
    "BondNotFreeYet": Refusal(6841, "The bond stays until then, for what may still be proved."),
    "BondTooSmall": Refusal(6842, "The amount is zero or more than is bonded."),
    "NothingBonded": Refusal(6843, "Nothing is bonded there, or nothing was sent."),
    "EvidenceNotSealed": Refusal(6844, "Seal the evidence first: sealEvidence(keccak(sender, evidence hash, salt))."),
    "EvidenceTooFresh": Refusal(6845, "The evidence can be shown from then on."),
    "EvidenceShowsNothing": Refusal(6846, "The two do not contradict each other."),
    "ReceiptInvalid": Refusal(6847, "The receipt is not signed by the culprit for this contract."),
    "BatchNotFinalYet": Refusal(6848, "The batch must be final first."),
    "CommitmentUnknown": Refusal(6849, "The contract has another commitment for this batch."),
    "OpeningWrong": Refusal(6850, "The cycle is not under the commitment's inputsRoot."),
    "NothingToPull": Refusal(6851, "Nothing is waiting for this address."),
    "PullRefused": Refusal(6852, "The destination refused the ETH; name another one."),
    "NotYourPull": Refusal(6853, "Only the owner may send it elsewhere; others may send it to the owner."),
    "WiringWrong": Refusal(6861, "The escape contract was made for other assets than the settlement contract has."),
    "ClaimPeriodTooShort": Refusal(6862, "On this chain claims are taken for at least thirty days."),
    "EscapeNotSettled": Refusal(6863, "Escape opens after a freeze, when the newest batch is final."),
    "EscapeIsOpen": Refusal(6864, "Escape was opened before."),
    "EscapeNotOpen": Refusal(6865, "Open the escape first, with the roots and system words of the newest batch."),
    "EscapeOpeningWrong": Refusal(6866, "Roots and system words do not hash to the newest batch's state root."),
    "ClaimsAreOver": Refusal(6867, "The time for claims is over."),
    "ClaimsNotOver": Refusal(6868, "Payment begins when the time for claims is over."),
    "AccountReserved": Refusal(6869, "This account is the venue's own; nobody has its key."),
    "AlreadyClaimed": Refusal(6870, "This account has claimed."),
    "NotClaimed": Refusal(6871, "This account has not claimed."),
    "AlreadyPaid": Refusal(6872, "This account was paid all it gets."),
    "LeafMalformed": Refusal(6873, "These are not the words of such a leaf."),
    "LeafNotInTree": Refusal(6874, "The proof does not show this leaf in the final state."),
    "MarketsCount": Refusal(6875, "Give one market leaf for each position, in their order."),
    "VaultNotValued": Refusal(6876, "Have the vault valued first."),
    "VaultIsValued": Refusal(6877, "This vault was valued before."),
    "DelayIsFixed": Refusal(6891, "The delay of the time lock is for ever."),
    "ReentrancyGuardReentrantCall": Refusal(6901, "The contract was called again from inside a call."),
    "SafeERC20FailedOperation": Refusal(
        6902, "The token refused; check balance, approval, and whether it blocks the address."
    ),
    "InvalidShortString": Refusal(6903, "Cannot occur: part of a library."),
    "StringTooLong": Refusal(6904, "Cannot occur: part of a library."),
}


def explain(revert_data: bytes) -> Explained | None:
    """What the contract meant by reverting with these bytes; None where they are no error of its own."""
    for name in CONTRACTS:
        try:
            decoded = load_contract(name).decode_error(revert_data)
        except AbiMismatch:
            continue
        if decoded is not None and decoded.name in REFUSALS:
            refusal = REFUSALS[decoded.name]
            return Explained(refusal.number, decoded, refusal.sentence)
    return None
