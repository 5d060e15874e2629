"""Risk: no order leaves without its verdict and its reservation."""
