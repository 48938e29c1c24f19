"""The door: native protocol over WebSocket, HTTP reads, admission, limits, streams.

The way of one action: session (read, decode) → verify (signature, off the event loop, in batches, first in first out) → admission → writer
→ answer, in the order in which the connection's frames came. Nothing here changes state, and nothing is answered that is not durable.
"""
