"""What an account is worth and what its positions and orders require. Formulas: specs of margin, section 1."""
