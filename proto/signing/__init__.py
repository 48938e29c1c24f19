"""EIP-712 digests of every signed message, and secp256k1 signatures with public-key recovery."""
