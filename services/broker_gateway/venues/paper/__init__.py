"""The paper venue: a small exchange of its own, with a durable book, and the adapter that speaks to it."""
