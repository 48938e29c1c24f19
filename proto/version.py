"""The version of the rules and of the wire.

`PROTOCOL_VERSION` is part of `rulesHash`: changing any rule that can change a root means changing this number.
"""

from typing import Final

PROTOCOL_VERSION: Final = 2
FRAME_VERSION: Final = 1
