"""What an operator may tell the analyst of policy."""

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the analyst of policy: those of every service."""
