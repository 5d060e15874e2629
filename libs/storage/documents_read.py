"""Documents (policy, news) as they were public at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class Document:
    """One stored text; `session_date` is the exchange date it carries."""

    document_id: str
    kind: str
    outlet: str
    session_date: date
    title: str
    body: str
    section: str | None
    source: str
    synthetic: bool
    published_at: datetime


_DOCUMENTS = """
SELECT document_id, kind, outlet, session_date, title, body, section, source, synthetic, published_at
FROM market.documents
WHERE kind = %(kind)s AND published_at > %(since)s AND published_at <= %(as_of)s
  AND (%(sections)s::text[] IS NULL OR section = ANY(%(sections)s::text[]))
ORDER BY published_at DESC, document_id
"""


def documents(
    snapshot: Snapshot, kind: str, *, since: datetime, as_of: datetime, sections: Sequence[str] | None = None
) -> tuple[Document, ...]:
    """The documents of one kind published after `since` and by `as_of`, newest first; `sections` narrows."""
    wanted = None if sections is None else list(sections)
    parameters = {"kind": kind, "since": since, "as_of": as_of, "sections": wanted}
    return tuple(Document(*row) for row in fetch(snapshot, _DOCUMENTS, parameters))
