"""Judges what public policy means for industries and the market, by rules and keywords."""
