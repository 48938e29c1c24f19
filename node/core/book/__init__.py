"""Price-time order books: resting orders, matching plans, open-order totals."""
