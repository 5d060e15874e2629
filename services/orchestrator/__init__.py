"""Asks the analysts, weighs their signals, originates orders, moves the desk clock and hosts the relay."""
