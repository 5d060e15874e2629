"""Judges how a share is valued against its own past and its industry."""
