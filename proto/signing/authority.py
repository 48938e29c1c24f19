"""Who stands behind an input: the recovered signer of user actions, reports and votes of publishers; nobody behind operator facts."""

from proto.hl.actions import HlL1Request, HlUserRequest
from proto.ids import ZERO_ADDRESS, Address
from proto.inputs import Input, OracleReport, RevokePublisher, UserAction
from proto.signing.eip712 import Domain, intent_digest, report_digest, revocation_digest
from proto.signing.hyperliquid import request_digest
from proto.signing.secp256k1 import recover


def signer_of(domain: Domain, item: Input) -> Address:
    """Recovered signer, or the zero address for inputs that nobody signs. Raises SignatureError."""
    match item:
        case UserAction():
            intent = item.intent
            if isinstance(intent, HlL1Request | HlUserRequest):
                return recover(request_digest(intent), item.signature)
            return recover(intent_digest(domain, intent), item.signature)
        case OracleReport():
            return recover(report_digest(domain, item.time, item.prices), item.signature)
        case RevokePublisher():
            return recover(revocation_digest(domain, item.publisher, item.time), item.signature)
        case _:
            return ZERO_ADDRESS
