"""What a person runs by hand; each script explains itself with --help."""
