"""The bridge to L1: deposits come in, sealed batches go out with their data, withdrawals are proved.

Start reading at `service`. Nothing here changes state: deposits enter the sequencer as inputs, and trading goes on while L1 is away.
"""
