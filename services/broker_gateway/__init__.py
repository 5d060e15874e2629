"""The only door to a venue: sends each intent at most once, and brings back what venues report."""
