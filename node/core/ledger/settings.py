"""What an account chose for each market. A choice that is the default is not kept."""

from typing import Final

from node.core.state import Account, MarketSetting, State
from proto.events import LeverageSet
from proto.ids import MarketId
from proto.ledger import Section

_DEFAULT: Final = MarketSetting()


def set_setting(state: State, account: Account, market: MarketId, setting: MarketSetting) -> None:
    """Keep a choice; a seal writes it."""
    if setting == _DEFAULT:
        account.settings.pop(market, None)
    else:
        account.settings[market] = setting
    state.touched[Section.VENUE_ACCOUNTS][account.id] = None
    state.events.append(LeverageSet(account.id, market, setting.leverage))
