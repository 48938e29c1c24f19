"""Numbers of the native actions: append only, never reused."""

from enum import IntEnum, unique


@unique
class IntentKind(IntEnum):
    """First element of the canonical array."""

    PLACE_ORDER = 1
    PLACE_ORDERS = 2
    CANCEL_ORDER = 3
    CANCEL_BY_CLIENT_ID = 4
    CANCEL_ALL = 5
    AMEND_ORDER = 6
    WITHDRAW = 7
    TRANSFER = 8
    APPROVE_AGENT = 9
    REVOKE_AGENT = 10
    CREATE_SUB_ACCOUNT = 11
    SCHEDULE_CANCEL = 12
    CANCEL_ORDERS = 13
    AMEND_ORDERS = 14
    PLACE_SCALE = 15
    PLACE_GROUP = 16
    PLACE_TWAP = 17
    CANCEL_TWAP = 18
    SET_PROTECTION = 19
    SET_LEVERAGE = 20
    BUY_COLLATERAL = 22
    TAKE_OVER = 30
    VAULT_DEPOSIT = 31
    VAULT_WITHDRAW = 32
    RESET_PROTECTION = 40
    NAME_ACCOUNT = 41
