"""Judges the whole market: its phase and how much risk it rewards."""
