"""Brings market data in and is the only writer of schema `market`."""
