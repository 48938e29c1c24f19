"""Who owns what: accounts, signers and their nonces, balances with their running totals, positions."""
