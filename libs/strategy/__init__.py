"""From what analysts say to what the portfolio should do: pure functions, no clock, no storage, no bus."""
