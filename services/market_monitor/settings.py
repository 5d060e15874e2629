"""What an operator may tell the analyst of the whole market."""

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the analyst of the whole market: those of every service."""
