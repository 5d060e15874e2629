"""One folder per container; services never import each other."""
