"""The settlement contract: Solidity sources, their compiled artifacts, and the numbers of its refusals."""
