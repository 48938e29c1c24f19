"""Every reason a request can be refused.

The number is the wire format: append only, never renumber, never reuse. Bands: 1xxx wire and signature, 2xxx account and nonce,
3xxx order, 4xxx margin, 5xxx market and price, 6xxx settlement, 9xxx node busy. `SENTENCES` says to a person what to do next;
`RETRY_CAN_HELP` says to a program whether the same request may succeed later.
"""

from enum import IntEnum, unique
from typing import Final


@unique
class RejectCode(IntEnum):
    """Stable number of a refusal, in order of precedence inside its band."""

    # 1xxx: what arrived could not be read or was not signed by anybody.
    FRAME_TOO_LARGE = 1001
    FRAME_MALFORMED = 1002
    FRAME_KIND_UNKNOWN = 1003
    ACTION_MALFORMED = 1004
    ACTION_KIND_UNKNOWN = 1005
    FIELD_WRONG_TYPE = 1006
    FIELD_OUT_OF_RANGE = 1007
    BATCH_EMPTY = 1008
    BATCH_TOO_LARGE = 1009
    SIGNATURE_MALFORMED = 1010
    SIGNATURE_INVALID = 1011
    SIGNATURE_HIGH_S = 1012
    QUERY_UNKNOWN = 1013
    STREAM_UNKNOWN = 1014
    CORRELATION_ID_IN_USE = 1015

    # 2xxx: who is asking, and with which nonce.
    SIGNER_UNKNOWN = 2001
    ACCOUNT_UNKNOWN = 2002
    SIGNER_NOT_AUTHORISED = 2003
    AGENT_EXPIRED = 2004
    AGENT_SCOPE = 2005
    NONCE_REPLAYED = 2006
    NONCE_TOO_OLD = 2007
    NONCE_TOO_FAR_AHEAD = 2008
    ACTION_EXPIRED = 2009
    AGENT_LIMIT = 2010
    AGENT_ADDRESS_IN_USE = 2011
    AGENT_UNKNOWN = 2012
    SUB_ACCOUNT_EXISTS = 2013
    SUB_ACCOUNT_LIMIT = 2014
    SUB_ACCOUNT_OF_SUB_ACCOUNT = 2015
    REFUSAL_BUDGET_SPENT = 2016
    ADDRESS_RESERVED = 2017
    AGENT_EXPIRY_PAST = 2018
    AGENT_MARKET = 2019
    AGENT_REDUCE_ONLY = 2020
    DIALECT_CLOSED = 2021
    AGENT_NAME_INVALID = 2022
    PARTING_ACTION = 2023
    PARTING_LIMIT = 2024
    ACCOUNT_NAME_INVALID = 2025

    # 3xxx: the order itself.
    ORDER_SIZE_ZERO = 3001
    ORDER_PRICE_ZERO = 3003
    ORDER_PRICE_OFF_TICK = 3005
    ORDER_BELOW_MINIMUM_NOTIONAL = 3006
    ORDER_PRICE_OUTSIDE_BAND = 3007
    CLIENT_ID_IN_USE = 3008
    ORDER_LIMIT = 3009
    POST_ONLY_WOULD_TAKE = 3010
    FOK_NOT_FILLED = 3011
    REDUCE_ONLY_WOULD_INCREASE = 3012
    ORDER_UNKNOWN = 3013
    ORDER_NOT_YOURS = 3014
    MARKET_ORDER_NEEDS_BOUND = 3016
    MARKET_ORDER_TIME_IN_FORCE = 3017
    NOTHING_TO_CANCEL = 3018
    GOOD_TIL_PAST = 3019
    SCHEDULE_TOO_SOON = 3020
    ORDER_SIZE_OFF_LOT = 3021
    AMEND_OTHER_MARKET_OR_SIDE = 3022
    SCALE_INVALID = 3023
    TRIGGER_LEVEL_REACHED = 3024
    TRIGGER_LIMIT = 3025
    GROUP_INVALID = 3026
    GROUP_REFUSED = 3027
    ORDER_IS_TRIGGER = 3028
    TWAP_DURATION = 3029
    TWAP_LIMIT = 3030
    TWAP_UNKNOWN = 3031
    TWAP_SLICE_TOO_SMALL = 3032
    PROTECTION_FROZEN = 3033
    PROTECTION_UNKNOWN = 3034
    PROTECTION_INVALID = 3035
    SCHEDULE_LIMIT = 3036

    # 4xxx: margin.
    MARGIN_INSUFFICIENT = 4001
    POSITION_LIMIT = 4002
    OPEN_INTEREST_CAP = 4003
    WITHDRAWAL_EXCEEDS_FREE_COLLATERAL = 4004
    TRANSFER_EXCEEDS_FREE_COLLATERAL = 4005
    BALANCE_INSUFFICIENT = 4006
    LEVERAGE_NOT_OFFERED = 4007
    ISOLATED_NOT_OFFERED = 4008
    NOTHING_FOR_SALE = 4009
    TAKEOVER_NOT_OFFERED = 4020
    TAKEOVER_OF_ONESELF = 4021
    TAKEOVER_PRICE_UNFIT = 4022
    TAKEOVER_BANKRUPT = 4023
    TAKEOVER_PRICE_ABOVE_LIMIT = 4024
    TAKEOVER_SHARE_TOO_LARGE = 4025
    TAKEOVER_ISOLATED_HERE = 4026
    VAULT_UNKNOWN = 4030
    VAULT_DEPOSIT_TOO_SMALL = 4031
    VAULT_PRICES_UNFIT = 4032
    VAULT_CLOSED = 4033
    VAULT_SHARES_INSUFFICIENT = 4034
    VAULT_WITHDRAWAL_PENDING = 4035

    # 5xxx: market and price.
    MARKET_UNKNOWN = 5001
    MARKET_HALTED = 5002
    MARKET_CANCEL_ONLY = 5003
    MARKET_POST_ONLY = 5004
    INDEX_STALE = 5005
    PUBLISHER_UNKNOWN = 5006
    REPORT_TIME_NOT_NEWER = 5007
    REPORT_FROM_THE_FUTURE = 5008
    REPORT_STALE = 5009
    REPORT_PRICE_INVALID = 5010
    INDEX_UNKNOWN = 5011
    TICK_TOO_EARLY = 5012
    REPORT_PRICE_JUMP = 5013
    PUBLISHER_REVOKED = 5014
    REVOCATION_REPEATED = 5015
    REVOCATION_STALE = 5016
    POSITION_CAP = 5017
    WITHDRAWAL_LIMIT = 5018
    WITHDRAWALS_GATED = 5019

    # 6xxx: settlement.
    ASSET_UNKNOWN = 6001
    AMOUNT_ZERO = 6002
    DESTINATION_ZERO = 6004
    DESTINATION_IS_SELF = 6005
    QUEUE_OUT_OF_ORDER = 6006
    PROOF_NOT_AVAILABLE = 6008
    BATCH_UNKNOWN = 6009
    RECEIPT_UNKNOWN = 6010
    WITHDRAWAL_UNKNOWN = 6011

    # 9xxx: the node, not the request.
    NODE_BUSY = 9001
    NODE_STOPPING = 9002
    RATE_LIMITED = 9003
    UNPOSTED_BATCH_BOUND = 9004
    SUBSCRIPTION_LIMIT = 9005
    READER_TOO_SLOW = 9006


SENTENCES: Final[dict[RejectCode, str]] = {
    RejectCode.FRAME_TOO_LARGE: "The frame is larger than this node accepts; send smaller frames.",
    RejectCode.FRAME_MALFORMED: "The frame is not a canonical msgpack array; see docs/PROTOCOL.md, Frames.",
    RejectCode.FRAME_KIND_UNKNOWN: "No frame has this kind number; see docs/PROTOCOL.md, Frames.",
    RejectCode.ACTION_MALFORMED: "The action is not a canonical msgpack array with the fields of its kind.",
    RejectCode.ACTION_KIND_UNKNOWN: "No action has this kind number; see docs/PROTOCOL.md, Actions.",
    RejectCode.FIELD_WRONG_TYPE: "A field has another type than its definition; integers must be integers, not booleans or text.",
    RejectCode.FIELD_OUT_OF_RANGE: "A field is outside its range; see docs/PROTOCOL.md, Bounds.",
    RejectCode.BATCH_EMPTY: "A batch needs at least one order.",
    RejectCode.BATCH_TOO_LARGE: "A batch holds at most 50 orders; split it.",
    RejectCode.SIGNATURE_MALFORMED: "A signature is 65 bytes: r, s, v with v 27 or 28.",
    RejectCode.SIGNATURE_INVALID: "No key can have made this signature; check the domain and what was hashed.",
    RejectCode.SIGNATURE_HIGH_S: "Use the low-s form of the signature.",
    RejectCode.QUERY_UNKNOWN: "No query has this name; see docs/PROTOCOL.md, Queries.",
    RejectCode.STREAM_UNKNOWN: "No stream has this name; see docs/PROTOCOL.md, Streams.",
    RejectCode.CORRELATION_ID_IN_USE: "A subscription with this id exists on this connection; choose another id.",
    RejectCode.SIGNER_UNKNOWN: "The recovered signer is unknown here; deposit first, or check domain, chain id and contract.",
    RejectCode.ACCOUNT_UNKNOWN: "There is no such account; an account exists after its first credit.",
    RejectCode.SIGNER_NOT_AUTHORISED: "This signer may not act for that account; its owner or an approved agent must sign.",
    RejectCode.AGENT_EXPIRED: "The agent's approval has expired; the owner must approve it again.",
    RejectCode.AGENT_SCOPE: "Agents may trade only; the owner must sign this.",
    RejectCode.NONCE_REPLAYED: "This nonce was used; take a new one, milliseconds since the epoch are usual.",
    RejectCode.NONCE_TOO_OLD: "The nonce is below the 100 highest used, or over two days old; take a newer one.",
    RejectCode.NONCE_TOO_FAR_AHEAD: "The nonce is more than one day ahead of the node's clock; check yours.",
    RejectCode.ACTION_EXPIRED: "The action reached the sequencer after its expiresAfter; send it again with a later one.",
    RejectCode.AGENT_LIMIT: "The account has as many agents as it may have; revoke one first.",
    RejectCode.AGENT_ADDRESS_IN_USE: "This address is known as another signer or account; use a fresh key.",
    RejectCode.AGENT_UNKNOWN: "The account has no such agent.",
    RejectCode.SUB_ACCOUNT_EXISTS: "The sub-account exists already.",
    RejectCode.SUB_ACCOUNT_LIMIT: "The account has as many sub-accounts as it may have.",
    RejectCode.SUB_ACCOUNT_OF_SUB_ACCOUNT: "A sub-account cannot have sub-accounts; use its master.",
    RejectCode.REFUSAL_BUDGET_SPENT: "Too many refused actions from this account; wait a little.",
    RejectCode.ADDRESS_RESERVED: "This address belongs to the venue.",
    RejectCode.DIALECT_CLOSED: "Here only agents that were approved natively for this dialect may use it; approve one, or sign natively.",
    RejectCode.AGENT_NAME_INVALID: "An agent's name has at most 16 characters; ` valid_until ` and a time in ms may follow.",
    RejectCode.PARTING_ACTION: "Only a CancelAll can be left for the connection's end.",
    RejectCode.PARTING_LIMIT: "This connection has cancels for as many accounts as it may have; use another one.",
    RejectCode.ACCOUNT_NAME_INVALID: "A name is UTF-8 padded with zeros; through the other dialect, 1 to 16 characters.",
    RejectCode.AGENT_EXPIRY_PAST: "The agent's validUntil is in the past; choose a later one, or 0 for none.",
    RejectCode.AGENT_MARKET: "This agent may not act in that market, or not in all; the owner's approval names its markets.",
    RejectCode.AGENT_REDUCE_ONLY: "This agent may place and amend reduce-only orders alone.",
    RejectCode.ORDER_SIZE_ZERO: "The size must be at least one lot.",
    RejectCode.ORDER_SIZE_OFF_LOT: "The size has more decimals than the market's lots; round it.",
    RejectCode.AMEND_OTHER_MARKET_OR_SIDE: "An order cannot change market or side; cancel it and place another.",
    RejectCode.TRIGGER_LEVEL_REACHED: "The mark is at or past this level: buy stops and sell take-profits wait above it, others below.",
    RejectCode.TRIGGER_LIMIT: "The account has as many waiting triggers as it may have; cancel some.",
    RejectCode.GROUP_INVALID: "These orders do not make such a group; see docs/PROTOCOL.md, Groups.",
    RejectCode.GROUP_REFUSED: "Another order of the group was refused, so this one was not placed.",
    RejectCode.ORDER_IS_TRIGGER: "A waiting trigger cannot be amended; cancel it and place another.",
    RejectCode.TWAP_DURATION: "A time-sliced order runs 300 to 86,400 s, in whole slices of 30 s.",
    RejectCode.TWAP_LIMIT: "The account has as many time-sliced orders as it may have; cancel one, or wait for its end.",
    RejectCode.TWAP_UNKNOWN: "There is no such time-sliced order of this account; it has ended or never existed.",
    RejectCode.TWAP_SLICE_TOO_SMALL: "A slice would be below the market's minimum; take a larger size or a shorter time.",
    RejectCode.PROTECTION_FROZEN: "Too much of the account's quotes traded here at once; reset its protection, or wait until it ends.",
    RejectCode.PROTECTION_UNKNOWN: "The account has no protection in this market.",
    RejectCode.PROTECTION_INVALID: "A protection needs a window and at least one bound; a window of 0 takes it away.",
    RejectCode.SCHEDULE_LIMIT: "The account's scheduled cancel has come ten times today (UTC); this dialect allows no more.",
    RejectCode.SCALE_INVALID: "A scale is made of limit orders, and its client ids must fit: the first one, and the next numbers.",
    RejectCode.ORDER_PRICE_ZERO: "A limit order needs a price above zero.",
    RejectCode.ORDER_PRICE_OFF_TICK: "Prices have at most 5 significant figures unless they are whole USDC; round it.",
    RejectCode.ORDER_BELOW_MINIMUM_NOTIONAL: "Price times size is below the market's minimum; make the order larger.",
    RejectCode.ORDER_PRICE_OUTSIDE_BAND: "The price is too far from the mark; see the market's band.",
    RejectCode.CLIENT_ID_IN_USE: "An open order of this account has this client id; choose another.",
    RejectCode.ORDER_LIMIT: "The account has as many open orders as it may have; cancel some.",
    RejectCode.POST_ONLY_WOULD_TAKE: "The post-only order would have traded at once; move its price away from the book.",
    RejectCode.FOK_NOT_FILLED: "The book cannot fill the whole order at its limit now.",
    RejectCode.REDUCE_ONLY_WOULD_INCREASE: "There is no opposite position that this reduce-only order could reduce.",
    RejectCode.ORDER_UNKNOWN: "There is no such open order; it was filled, cancelled or never existed.",
    RejectCode.ORDER_NOT_YOURS: "This order belongs to another account.",
    RejectCode.MARKET_ORDER_NEEDS_BOUND: "This market has no price band; give the worst price you accept.",
    RejectCode.MARKET_ORDER_TIME_IN_FORCE: "A market order is immediate-or-cancel or fill-or-kill.",
    RejectCode.NOTHING_TO_CANCEL: "The account has no open order there.",
    RejectCode.GOOD_TIL_PAST: "The order's goodTil has come; choose a later one, or 0 for none.",
    RejectCode.SCHEDULE_TOO_SOON: "A scheduled cancel is at least 5 s ahead of the node's clock, or 0 to clear it.",
    RejectCode.MARGIN_INSUFFICIENT: "Initial margin would not be met with this order; reduce it, cancel others or deposit.",
    RejectCode.POSITION_LIMIT: "The position would pass the largest there may be.",
    RejectCode.OPEN_INTEREST_CAP: "The market's open-interest cap is reached; only reducing orders are taken.",
    RejectCode.WITHDRAWAL_EXCEEDS_FREE_COLLATERAL: "Margin needs this money; close positions or withdraw less.",
    RejectCode.TRANSFER_EXCEEDS_FREE_COLLATERAL: "Margin needs this money; close positions or transfer less.",
    RejectCode.BALANCE_INSUFFICIENT: "The balance is smaller than the amount.",
    RejectCode.ISOLATED_NOT_OFFERED: "Positions are cross-margined here; use a sub-account to keep one apart.",
    RejectCode.NOTHING_FOR_SALE: "This account owes no more than its cap, or holds nothing of this asset.",
    RejectCode.LEVERAGE_NOT_OFFERED: "The market does not offer so much leverage; see its tiers.",
    RejectCode.TAKEOVER_NOT_OFFERED: "This portfolio is not in liquidation, or healthy again; there is nothing to take over.",
    RejectCode.TAKEOVER_OF_ONESELF: "An account cannot take over itself, its master or a sub-account of the same master.",
    RejectCode.TAKEOVER_PRICE_UNFIT: "A price that this portfolio is valued with is stale or uncertain; try again when publishers agree.",
    RejectCode.TAKEOVER_BANKRUPT: "The portfolio is worth nothing; vault, insurance fund and those on the other side close it.",
    RejectCode.TAKEOVER_PRICE_ABOVE_LIMIT: "The price stands above the worst that you accept; it falls with time.",
    RejectCode.TAKEOVER_SHARE_TOO_LARGE: "The share is larger than what brings the rest back to its buffer; take less.",
    RejectCode.TAKEOVER_ISOLATED_HERE: "You hold a market of this portfolio isolated; only cross positions can take it in.",
    RejectCode.VAULT_UNKNOWN: "There is no such vault.",
    RejectCode.VAULT_DEPOSIT_TOO_SMALL: "The deposit is below the vault's minimum, or buys no share.",
    RejectCode.VAULT_PRICES_UNFIT: "A price that the vault is valued with is stale or uncertain; try again when publishers agree.",
    RejectCode.VAULT_CLOSED: "The vault is in liquidation or in debt and takes no deposits.",
    RejectCode.VAULT_SHARES_INSUFFICIENT: "The account has fewer shares than that.",
    RejectCode.VAULT_WITHDRAWAL_PENDING: "A withdrawal from this vault is pending; wait until it is paid.",
    RejectCode.MARKET_UNKNOWN: "There is no such market.",
    RejectCode.MARKET_HALTED: "The market is halted.",
    RejectCode.MARKET_CANCEL_ONLY: "The market takes cancels only at the moment.",
    RejectCode.MARKET_POST_ONLY: "The market takes post-only orders only at the moment.",
    RejectCode.INDEX_STALE: "The index has no fresh quorum of publishers; only reducing orders are taken until it returns.",
    RejectCode.PUBLISHER_UNKNOWN: "The report is not signed by a publisher of this venue.",
    RejectCode.REPORT_TIME_NOT_NEWER: "The publisher has reported a time as new as this.",
    RejectCode.REPORT_FROM_THE_FUTURE: "The report's time is ahead of the node's clock; check the publisher's clock.",
    RejectCode.REPORT_STALE: "The report is too old to be used; check the publisher's clock and connection.",
    RejectCode.REPORT_PRICE_INVALID: "A reported price is zero or above the largest there is.",
    RejectCode.INDEX_UNKNOWN: "The report names an index that this venue does not have.",
    RejectCode.TICK_TOO_EARLY: "The tick is not due yet.",
    RejectCode.REPORT_PRICE_JUMP: "The price is too far from the fresh index; check the source. A real move counts once it is stale.",
    RejectCode.PUBLISHER_REVOKED: "This publisher's key was revoked; it counts no more on this network.",
    RejectCode.REVOCATION_REPEATED: "This publisher's vote counts already; the others must vote.",
    RejectCode.REVOCATION_STALE: "The vote is older than a day; sign it anew.",
    RejectCode.POSITION_CAP: "The position, with the open orders of that side, would be larger than one account may have in this market.",
    RejectCode.WITHDRAWAL_LIMIT: "More than may leave at a time; withdraw less, or wait: it grows back within the hour and the day.",
    RejectCode.WITHDRAWALS_GATED: "An account is in deficit; nothing leaves until that is settled. Try again in a minute.",
    RejectCode.ASSET_UNKNOWN: "There is no such asset.",
    RejectCode.AMOUNT_ZERO: "The amount must be above zero.",
    RejectCode.DESTINATION_ZERO: "The destination is the zero address; nobody could claim it.",
    RejectCode.DESTINATION_IS_SELF: "Source and destination are the same account.",
    RejectCode.QUEUE_OUT_OF_ORDER: "The queue item is not the next one.",
    RejectCode.PROOF_NOT_AVAILABLE: "The proof exists once the batch is sealed; ask again in a moment.",
    RejectCode.BATCH_UNKNOWN: "There is no such batch yet.",
    RejectCode.RECEIPT_UNKNOWN: "There is no receipt for this sequence number, or it is no longer kept.",
    RejectCode.WITHDRAWAL_UNKNOWN: "No sealed batch has this withdrawal; ask again in a moment, or check its index.",
    RejectCode.NODE_BUSY: "The node's queue is full; try again in a moment.",
    RejectCode.NODE_STOPPING: "The node is shutting down; reconnect later.",
    RejectCode.RATE_LIMITED: "Too many requests; wait as long as the answer says.",
    RejectCode.UNPOSTED_BATCH_BOUND: "Too many batches wait for L1; orders are taken again when settlement catches up.",
    RejectCode.SUBSCRIPTION_LIMIT: "This connection has as many subscriptions as it may have.",
    RejectCode.READER_TOO_SLOW: "This connection reads too slowly and is closed; reconnect with the last number seen.",
}

RETRY_CAN_HELP: Final[dict[RejectCode, bool]] = {
    code: code
    in {
        RejectCode.SIGNER_UNKNOWN, RejectCode.ACCOUNT_UNKNOWN, RejectCode.AGENT_LIMIT, RejectCode.REFUSAL_BUDGET_SPENT,
        RejectCode.PROTECTION_FROZEN, RejectCode.SCHEDULE_LIMIT,
        RejectCode.TWAP_LIMIT, RejectCode.TRIGGER_LIMIT, RejectCode.TRIGGER_LEVEL_REACHED,
        RejectCode.CLIENT_ID_IN_USE, RejectCode.ORDER_LIMIT, RejectCode.POST_ONLY_WOULD_TAKE, RejectCode.FOK_NOT_FILLED,
        RejectCode.REDUCE_ONLY_WOULD_INCREASE, RejectCode.ORDER_PRICE_OUTSIDE_BAND, RejectCode.MARGIN_INSUFFICIENT,
        RejectCode.OPEN_INTEREST_CAP, RejectCode.WITHDRAWAL_EXCEEDS_FREE_COLLATERAL,
        RejectCode.TRANSFER_EXCEEDS_FREE_COLLATERAL, RejectCode.BALANCE_INSUFFICIENT, RejectCode.MARKET_HALTED,
        RejectCode.MARKET_CANCEL_ONLY, RejectCode.MARKET_POST_ONLY, RejectCode.INDEX_STALE,
        RejectCode.REPORT_FROM_THE_FUTURE, RejectCode.REPORT_PRICE_JUMP, RejectCode.TICK_TOO_EARLY,
        RejectCode.POSITION_CAP, RejectCode.WITHDRAWAL_LIMIT, RejectCode.WITHDRAWALS_GATED, RejectCode.PROOF_NOT_AVAILABLE,
        RejectCode.BATCH_UNKNOWN, RejectCode.WITHDRAWAL_UNKNOWN,
        RejectCode.TAKEOVER_NOT_OFFERED,
        RejectCode.TAKEOVER_PRICE_UNFIT,
        RejectCode.TAKEOVER_BANKRUPT,
        RejectCode.TAKEOVER_PRICE_ABOVE_LIMIT,
        RejectCode.TAKEOVER_SHARE_TOO_LARGE,
        RejectCode.VAULT_PRICES_UNFIT,
        RejectCode.VAULT_CLOSED,
        RejectCode.VAULT_WITHDRAWAL_PENDING,
        RejectCode.NODE_BUSY, RejectCode.NODE_STOPPING, RejectCode.RATE_LIMITED, RejectCode.UNPOSTED_BATCH_BOUND,
        RejectCode.SUBSCRIPTION_LIMIT, RejectCode.READER_TOO_SLOW,
    }
    for code in RejectCode
}  # fmt: skip

assert len(SENTENCES) == len(RejectCode), "every refusal says what to do next"
