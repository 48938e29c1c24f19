"""What assets are worth: index prices as they were last set, kept on disk so that a replay values what it sees as the first pass did."""

from node.core.state import State
from node.views.rows import ASSET_PREFIX, decode_row, encode_row
from node.views.table import OrderedTable
from proto.events import IndexSet
from proto.ids import USDC


class AssetPrices:
    """Price of each asset but USDC, micro-USDC per whole unit; 0 before there is one."""

    __slots__ = ("_by_index", "_dirty", "_rows", "_unpriced", "late")

    def __init__(self, table: OrderedTable) -> None:
        self._rows: dict[int, list[int]] = {}  # Asset -> [index, decimals, price].
        self._by_index: dict[int, list[int]] = {}
        self._dirty: dict[int, None] = {}
        self._unpriced: dict[int, list[tuple[int, int]]] = {}  # Asset -> flows of accounts that came before its first price.
        self.late: list[tuple[int, int]] = []
        """Those flows, by account in micro-USDC, once there is a price; for whoever sums them up."""
        for key, value in table.scan(ASSET_PREFIX, bytes((ASSET_PREFIX[0] + 1,))):
            self._set(int.from_bytes(key[1:], "big"), decode_row(value))

    def _set(self, asset: int, row: list[int]) -> None:
        self._rows[asset] = row
        known = self._by_index.setdefault(row[0], [])
        if asset not in known:
            known.append(asset)

    def seed(self, state: State) -> None:
        """Take assets and prices from the state."""
        for asset in state.params.assets:
            if asset.id == USDC or not asset.index:
                continue
            row: list[int] = [asset.index, asset.decimals, state.indices[asset.index].price]
            if self._rows.get(asset.id) != row:
                self._set(asset.id, row)
                self._dirty[asset.id] = None

    def index_set(self, event: IndexSet) -> None:
        """An index was judged anew."""
        for asset in self._by_index.get(event.index_id, ()):
            if not self._rows[asset][2] and event.price:
                flows, decimals = self._unpriced.pop(asset, []), self._rows[asset][1]
                self.late.extend((account, amount * event.price // 10**decimals) for account, amount in flows)
            if self._rows[asset][2] != event.price:
                self._rows[asset][2] = event.price
                self._dirty[asset] = None

    def price(self, asset: int) -> int:
        """Of a whole unit."""
        row = self._rows.get(asset)
        return 0 if row is None else row[2]

    def worth(self, asset: int, amount: int) -> int:
        """An amount of ledger units in micro-USDC, rounded down."""
        if asset == USDC:
            return amount
        row = self._rows.get(asset)
        return 0 if row is None else amount * row[2] // 10 ** row[1]

    def flow(self, account: int, asset: int, amount: int) -> int:
        """What an account's flow is worth; one before the asset's first price counts at that, later."""
        row = self._rows.get(asset)
        if row is not None and not row[2]:
            self._unpriced.setdefault(asset, []).append((account, amount))
        return self.worth(asset, amount)

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write."""
        rows = [(ASSET_PREFIX + asset.to_bytes(2, "big"), encode_row(tuple(self._rows[asset]))) for asset in self._dirty]
        self._dirty.clear()
        return rows
