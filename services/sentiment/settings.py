"""What an operator may tell the analyst of news."""

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the analyst of news: those of every service."""
