"""Price publishers: programs that read prices from a source, sign a report each half second and send it to the node.

Each has its own key and connection. The venue takes a weighted median of what they say (node.core.price.index): none is trusted alone.
"""
