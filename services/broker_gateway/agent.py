"""What the gateway answers on the bus."""

from libs.bus.endpoint import Endpoint
from libs.bus.port import Call
from libs.contracts.card import AgentCard
from libs.contracts.orders import BROKER_PLACE, BROKER_QUERY, PlaceOrder, PlaceResult, QueryOrder, QueryResult
from libs.runtime.threads import SerialWorker
from services.broker_gateway.placing import Placer


class BrokerGateway:
    """Hands each question to the one thread that talks to the venue."""

    def __init__(self, placer: Placer, worker: SerialWorker) -> None:
        self._placer = placer
        self._worker = worker

    def endpoint(self, card: AgentCard) -> Endpoint:
        """Everything the gateway answers."""
        endpoint = Endpoint(card)
        endpoint.method(BROKER_PLACE, self.place)
        endpoint.method(BROKER_QUERY, self.query)
        return endpoint

    async def place(self, order: PlaceOrder, _: Call) -> PlaceResult:
        """Send an order, at most once."""
        return await self._worker.run(self._placer.place, order)

    async def query(self, query: QueryOrder, _: Call) -> QueryResult:
        """What the venue knows of an intent."""
        return await self._worker.run(self._placer.query, query)
