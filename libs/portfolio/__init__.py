"""Ledger and position arithmetic: from fills to entries, holdings and equity. Pure; storage keeps what it computes."""
