"""Tell a page for people from data: what vendors send when something stands between us and their answer."""

_BEGINNINGS = (b"<!doctype", b"<html", b"<head", b"<body", b"<script")


def is_html_page(body: bytes) -> bool:
    """Whether these bytes begin as a page does."""
    return body[:200].lstrip().lower().startswith(_BEGINNINGS)
