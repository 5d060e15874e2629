"""Judges a share's chart: trend, momentum, stretch, volume, levels and patterns."""
