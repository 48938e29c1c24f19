"""Index from publishers' reports, mark from three estimators, price bands, market status."""
