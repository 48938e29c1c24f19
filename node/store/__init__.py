"""What is on disk: journal, sealed state, read-model rows, and a head witness beside them. The only place that opens LevelDB.

Start reading at `node.store.store`; the formats are in `keys`, `headers` and `witness`.
"""
