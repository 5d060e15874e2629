"""JSON logs, metrics and the small HTTP port that shows both a process's health and its figures."""
