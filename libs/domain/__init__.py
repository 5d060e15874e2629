"""The desk's words: symbols, bars, orders, fills, signals, time and the root of all errors."""
