"""The rule book: a deterministic state machine. No I/O, no clock, no chance, no asyncio, no floats.

The sequencer, recovery and the watcher run the same `apply`. Items here are consensus critical: modify only with appropriate care.
"""
