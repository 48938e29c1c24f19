"""What two independent programs must agree on, byte for byte.

Units, ids, intents, inputs, events, operations, reject codes, canonical encoding, hashing, signing, frames, Merkle trees, batches.
Everything here is pure: no clock, no chance, no I/O. docs/PROTOCOL.md says the same in prose.
"""
