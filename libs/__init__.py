"""Layered, single-purpose libraries; they never import a service."""
