"""Hear PostgreSQL's NOTIFY on a connection of its own. It is only a nudge: who waits also looks now and then."""

import logging
import threading
from collections.abc import Callable, Iterable

import psycopg
from psycopg import sql

log = logging.getLogger(__name__)
_RECONNECT_SECONDS = 0.5


class Listener:
    """Calls `heard(channel)` from its own thread for every notification, and once a channel after a (re)connect."""

    def __init__(self, url: str, channels: Iterable[str], heard: Callable[[str], object]) -> None:
        self._url = url
        self._channels = tuple(channels)
        self._heard = heard
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop within a second."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except psycopg.OperationalError as e:
                log.warning("lost the notification connection", extra={"reason": str(e)})
                self._stopping.wait(_RECONNECT_SECONDS)

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True, application_name="hiddengem listener") as connection:
            for channel in self._channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                self._heard(channel)
            while not self._stopping.is_set():
                for notification in connection.notifies(timeout=0.5):
                    self._heard(notification.channel)
