"""Vaults: money of many, invested as one account; here the backstop vault's deposits, shares and withdrawals."""
