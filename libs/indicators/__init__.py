"""Indicators over float64 arrays of one share's bars; the only user of TA-Lib."""
