"""What every connection shares: admission, verification, the writer, views, counters."""

from collections.abc import Callable

from node.core.outcome import Rejected
from node.gateway.admission import Admission, Refused
from node.gateway.gauges import GatewayGauges
from node.gateway.ports import Released, Writer
from node.gateway.queries import Queries
from node.gateway.settings import GatewaySettings
from node.gateway.verify import Verdict, Verifier
from node.ops.clock import Clock
from node.views.venue import Views
from proto.frames import FRAME_BYTES_MAX, FrameKind, encode_node_frame
from proto.hl.actions import HlL1Request, HlPlace
from proto.ids import AccountId, Address
from proto.inputs import Input, OracleReport, RevokePublisher, UserAction
from proto.intents import ORDERS_PER_BATCH_MAX, PlaceGroup, PlaceOrder, PlaceOrders, PlaceScale
from proto.reject import RejectCode
from proto.signing.eip712 import DOMAIN_NAME, DOMAIN_VERSION, Domain
from proto.version import FRAME_VERSION, PROTOCOL_VERSION

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


class Desk:
    """Shared by all sessions; owned by the gateway."""

    def __init__(
        self,
        settings: GatewaySettings,
        domain: Domain,
        writer: Writer,
        queries: Queries,
        views: Views,
        admission: Admission,
        gauges: GatewayGauges,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.domain = domain
        self.queries = queries
        self.views = views
        self.admission = admission
        self.gauges = gauges
        self.clock = clock
        self.verifier = Verifier(domain, settings.verify_batch, settings.limits.verifying)
        self._writer = writer
        self._state = writer.peek(lambda state: state)

    def hello(self) -> bytes:
        """`[HELLO, 0, map]`: what a client must know to sign and to stay within bounds."""
        params = self._state.params
        limits = self.settings.limits
        return encode_node_frame(
            (
                FrameKind.HELLO.value,
                0,
                {
                    "frame_version": FRAME_VERSION, "protocol_version": PROTOCOL_VERSION, "network": params.network,
                    "genesis": params.digest(), "domain_name": DOMAIN_NAME, "domain_version": DOMAIN_VERSION,
                    "chain_id": self.domain.chain_id, "contract": self.domain.contract, "seq": self.views.seq,
                    "time": self.clock.wall_ns() // _NS_PER_MS, "frame_bytes_max": FRAME_BYTES_MAX,
                    "orders_per_batch_max": ORDERS_PER_BATCH_MAX, "in_flight_max": limits.in_flight,
                    "subscriptions_max": limits.subscriptions, "weight_per_minute": limits.weight_per_minute,
                    "frames_per_minute": limits.frames_per_minute,
                },
            )
        )  # fmt: skip

    def address_of(self, account: int) -> Address:
        """Address of an account that is known to exist."""
        return self._state.accounts[AccountId(account)].address

    def admit(self, item: Input, verdict: Verdict, reply: Callable[[Released], None]) -> Refused | None:
        """Judge an item whose signature was checked, and queue it."""
        if isinstance(verdict, RejectCode):
            return Refused(verdict)
        refused: Refused | None = None
        if isinstance(item, UserAction):
            refused = self.admission.action(item, verdict)
            if refused is None:
                self._count(item, verdict)
        elif isinstance(item, OracleReport):
            refused = self.admission.report(item, verdict)
            self.gauges.reports += 1
        elif isinstance(item, RevokePublisher):
            refused = self.admission.revocation(item, verdict)
        if refused is not None:
            return refused
        code = self._writer.submit(item, verdict, reply)
        if code is None:
            return None
        if isinstance(item, UserAction):
            self.admission.settled(item, verdict)
        return Refused(code, "", 100)

    def _count(self, item: UserAction, signer: bytes) -> None:
        gauges, intent = self.gauges, item.intent
        gauges.actions += 1
        gauges.signed_by(signer)
        if type(intent) is PlaceOrder:
            gauges.orders += 1
        elif type(intent) is PlaceOrders:
            gauges.orders += len(intent.orders)
        elif type(intent) is PlaceScale:
            gauges.orders += intent.count
        elif type(intent) is PlaceGroup:
            gauges.orders += len(intent.orders) + len(intent.triggers)
        elif isinstance(intent, HlL1Request) and isinstance(intent.action, HlPlace):
            gauges.orders += len(intent.action.orders)

    def answered(self, released: Released, began_ns: int) -> None:
        """Account for an input that came through a connection and is durable now."""
        self.gauges.ack.observe((self.clock.monotonic_ns() - began_ns) / _NS_PER_S)
        item = released.item
        if type(item) is UserAction:
            self.admission.settled(item, released.signer)
            if type(released.outcome) is Rejected:
                self.admission.refused(released.signer)
