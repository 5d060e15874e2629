"""What an operator may tell the analyst of valuations."""

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the analyst of valuations: those of every service."""
