"""The one door to L1: JSON-RPC client, ABI, log following, transaction sending, and the embedded chain."""
