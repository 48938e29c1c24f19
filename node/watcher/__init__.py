"""The watcher: rebuilds every batch from L1 data alone and compares it with what the operator committed to.

Start reading at `watch`. Its only inputs are the protocol parameters and L1; it shares nothing with a node but the rule book.
"""
