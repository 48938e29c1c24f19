"""The node: everything that one operator runs.

Rooms point downwards only (`[tool.importlinter]` in pyproject.toml is the law): the command line and the laboratory see
the application, the application sees every room, and all stand on the rule book (`node.core`) and on `proto`.
"""
