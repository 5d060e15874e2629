"""The door: REST and JSON-RPC over HTTP, with API keys; everything else of the desk stays behind it."""
