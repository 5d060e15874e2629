"""Where market data comes from: Tushare, AkShare, files and a simulated exchange behind one interface."""
