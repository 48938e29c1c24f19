"""What actions of the Hyperliquid-compatible dialect mean under this venue's rules."""
