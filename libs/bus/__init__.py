"""JSON-RPC 2.0 and MCP over Redis Streams: questions, hints, the registry of who is alive, and an in-memory twin."""
