"""What an order must pass before it may leave: facts in, reasons and a reservation out. No I/O, no clock."""
