"""Execution: the one writer of orders on their way, of fills, ledger, positions and snapshots."""
