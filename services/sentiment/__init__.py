"""Judges the tone of news about a company, by a finance lexicon."""
