"""The Hyperliquid-compatible dialect: typed actions, their strict reading, and the bytes that are signed and kept."""
