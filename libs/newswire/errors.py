"""What can go wrong between a public page and a document; each error says whether trying again can help."""

from datetime import datetime

from libs.domain.errors import HiddenGemError


class NewswireError(HiddenGemError):
    """A page could not become documents."""

    code = "newswire.failed"


class AddressRefused(NewswireError):
    """An address this desk does not talk to: not on the outlet's list, not public, or not the agreed port."""

    code = "newswire.address_refused"


class RobotsRefused(NewswireError):
    """The site's robots.txt asks us to stay away, or could not be read for a reason that means the same."""

    code = "newswire.robots_refused"


class ContentRefused(NewswireError):
    """An answer that is too large, of the wrong type, or not decodable as the text it claims to be."""

    code = "newswire.content_refused"


class PageChanged(NewswireError):
    """The page has another shape than its parser knows. An unknown page is never an empty list."""

    code = "newswire.page_changed"


class FetchFailed(NewswireError):
    """The site did not give the page."""

    code = "newswire.fetch_failed"
    retryable = True


class FetchTimeout(FetchFailed):
    """The whole page did not arrive before the deadline."""

    code = "newswire.timeout"


class HostLimited(FetchFailed):
    """The site asks for patience (429, 503); `until` is when it may be asked again."""

    code = "newswire.limited"

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class HostBanned(FetchFailed):
    """The site shuts this desk out (401, 403); it is left alone until `until`."""

    code = "newswire.banned"

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class NotDue(NewswireError):
    """Asking now would be impolite; `until` is when the page or its host may be asked again."""

    code = "newswire.not_due"
    retryable = True

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until
