"""A whole venue on one machine, each part a process of its own: L1, price publishers, node, watcher, bots."""
