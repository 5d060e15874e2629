"""The root of every error the desk raises on purpose; each subclass has a stable code and says if a retry can help."""

from typing import ClassVar


class HiddenGemError(Exception):
    """A failure the desk knows by name; the text is for operators and never crosses a process boundary."""

    code: ClassVar[str] = "hiddengem.error"
    retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or self.code).strip().splitlines()[0]


class InvalidInput(HiddenGemError):
    """Something a caller gave is wrong; `field` names it."""

    code = "input.invalid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class NotFound(HiddenGemError):
    """The thing asked for does not exist."""

    code = "input.not_found"


class ConfigurationError(HiddenGemError):
    """A setting is missing or wrong; the process must not start (exit code 78)."""

    code = "config.invalid"
