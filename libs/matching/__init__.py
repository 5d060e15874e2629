"""Fill simulation on bars, shared by the paper venue and the backtest; pure functions, no order book, no state."""
