"""The Hyperliquid-compatible dialect over HTTP and WebSocket: reading, answering, feeding. Its rules are the core's."""
