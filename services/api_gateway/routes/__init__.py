"""One module per resource of the API; a route without a declared role does not start."""
