"""What an operator may tell the analyst of charts."""

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the analyst of charts: those of every service."""
