"""The contract of the bus, second part: what is delivered, again and again, and what survives crashes and stops."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from libs.bus.dead_letters import DeadLetter, DeadLetterList
from libs.bus.port import Call, CallContext, Hint
from libs.contracts.base import Method, Nothing
from tests.contract.bus.talk import (
    DOUBLE,
    FAST_CLAIM,
    HINTS,
    NOTE,
    PATIENCE,
    QUICK,
    WAIT,
    Busy,
    Gate,
    Notes,
    Number,
    Refused,
    World,
    answers,
    depth_is,
    endpoint,
    eventually,
    gated,
    hint,
    serving,
)


class HintsDelivered:
    """Hints: at least once, in order, until they succeed or are given up."""

    async def test_hints_arrive_in_order_with_their_own_ids(self, world: World) -> None:
        notes = Notes()
        async with serving(world, endpoint(notes=notes)), world.bus("relay-1") as bus:
            await bus.hint([hint(f"m-{n}", n) for n in range(20)])
            await eventually(lambda: len(notes.seen) == 20)
            await eventually(lambda: depth_is(bus, 0))
        assert notes.values == list(range(20))
        assert [call.msg_id for call in notes.calls] == [f"m-{n}" for n in range(20)]

    async def test_hints_written_before_the_service_first_starts_arrive(self, world: World) -> None:
        notes = Notes()
        async with world.bus("relay-1") as bus:
            await bus.hint([hint("m-1", 1)])
            async with serving(world, endpoint(notes=notes)):
                await eventually(lambda: notes.values == [1])

    async def test_desk_time_and_round_travel_with_ahint(self, world: World) -> None:
        notes = Notes()
        now = datetime(2024, 9, 2, 8, tzinfo=UTC)
        async with serving(world, endpoint(notes=notes)), world.bus("relay-1") as bus:
            await bus.hint([Hint("technical", "m-1", NOTE.name, {"value": 1}, now=now, round_id="r-1")])
            await eventually(lambda: len(notes.calls) == 1)
        assert notes.calls[0].context == CallContext(now=now, round_id="r-1")

    async def test_a_hint_that_fails_for_now_is_tried_again_soon_and_holds_nobody_up(self, world: World) -> None:
        notes = Notes(fail_with=lambda tries: Busy() if tries == 1 else None)
        async with serving(world, endpoint(notes=notes)), world.bus("relay-1") as bus:
            await bus.hint([hint("m-1", 1), hint("m-2", 2)])
            await eventually(lambda: len(notes.seen) == 3)
            await eventually(lambda: depth_is(bus, 0))
        assert notes.seen == [(1, 1), (2, 1), (1, 2)]

    async def test_a_hint_that_keeps_failing_becomes_a_dead_letter_after_its_deliveries(self, world: World) -> None:
        notes = Notes(fail_with=lambda _: Refused())
        options = replace(FAST_CLAIM, max_deliveries=3)
        async with serving(world, endpoint(notes=notes), options=options) as service, world.bus("relay-1") as bus:
            await bus.hint([hint("m-1", 1)])
            await eventually(lambda: len(service.letters.letters) == 1)
            await eventually(lambda: depth_is(bus, 0))
        assert notes.seen == [(1, 1), (1, 2), (1, 3)]
        letter = service.letters.letters[0]
        assert (letter.reason, letter.msg_id, letter.method, letter.stream) == ("exhausted", "m-1", NOTE.name, HINTS)
        assert service.counts.seen["dead letter exhausted"] == 1

    @pytest.mark.parametrize(
        ("hint", "reason"),
        [
            (hint("m-1", 1, "desk.none"), "no_such_method"),
            (Hint("technical", "m-1", NOTE.name, {"value": "x"}), "invalid_params"),
        ],
    )
    async def test_a_hint_that_no_try_can_help_is_given_up_at_once(self, world: World, hint: Hint, reason: str) -> None:
        async with serving(world, endpoint()) as service, world.bus("relay-1") as bus:
            await bus.hint([hint])
            await eventually(lambda: len(service.letters.letters) == 1)
            await eventually(lambda: depth_is(bus, 0))
        assert service.letters.letters[0].reason == reason

    async def test_a_letter_that_cannot_be_kept_stays_until_it_can(self, world: World) -> None:
        class Stubborn(DeadLetterList):
            refusals = 2

            async def record(self, letter: DeadLetter) -> None:
                if self.refusals:
                    self.refusals -= 1
                    raise Busy
                await super().record(letter)

        letters = Stubborn()
        async with (
            serving(world, endpoint(), options=FAST_CLAIM, letters=letters),
            world.bus("relay-1") as bus,
        ):
            await bus.hint([hint("m-1", 1, "desk.none")])
            await eventually(lambda: len(letters.letters) == 1)
            await eventually(lambda: depth_is(bus, 0))


class Crashes:
    """What survives a consumer."""

    async def test_work_of_a_dead_consumer_is_claimed_by_another(self, world: World) -> None:
        gate = Gate()
        options = replace(QUICK, longest_deadline_seconds=0.3)
        async with world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
            async with serving(world, gated(gate, "technical-1")) as first:
                asked = group.create_task(bus.call("technical", WAIT, Number(value=3), timeout=PATIENCE))
                await eventually(lambda: gate.entered == 1)
                await first.kill()
            gate.open.set()
            async with serving(world, gated(gate, "technical-2"), options=options) as second:
                assert (await asked).value == 6
                assert second.counts.seen["redelivered"] == 1
        assert gate.deliveries == [1, 2]

    async def test_an_instance_that_starts_again_finishes_its_own_work_first(self, world: World) -> None:
        gate = Gate()
        async with world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
            async with serving(world, gated(gate)) as first:
                asked = group.create_task(bus.call("technical", WAIT, Number(value=3), timeout=PATIENCE))
                await eventually(lambda: gate.entered == 1)
                await first.kill()
            gate.open.set()
            async with serving(world, gated(gate)):
                assert (await asked).value == 6
        assert gate.deliveries == [1, 2]

    async def test_a_hint_that_kills_its_handler_every_time_is_given_up(self, world: World) -> None:
        notes = Notes()

        async def die(number: Number, call: Call) -> Nothing:
            await notes(number, call)
            await asyncio.Event().wait()
            return Nothing()

        def served() -> Any:
            found = endpoint(instance="technical-1")
            found.method(Method("desk.die", Number, Nothing), die)
            return found

        options = replace(QUICK, max_deliveries=2)
        async with world.bus("relay-1") as bus:
            await bus.hint([hint("m-1", 1, "desk.die")])
            for seen in ([(1, 1)], [(1, 1), (1, 2)]):
                async with serving(world, served(), options=options) as service:
                    await eventually(partial(notes.are, seen))
                    await service.kill()
            async with serving(world, served(), options=options) as service:
                await eventually(lambda: len(service.letters.letters) == 1)
        assert service.letters.letters[0].reason == "exhausted"

    async def test_two_replicas_share_the_work(self, world: World) -> None:
        gate = Gate()
        options = replace(QUICK, questions_in_hand=1)
        async with (
            serving(world, gated(gate, "technical-1"), options=options) as first,
            serving(world, gated(gate, "technical-2"), options=options) as second,
            world.bus("asker-1") as bus,
            asyncio.TaskGroup() as group,
        ):
            asked = [group.create_task(bus.call("technical", WAIT, Number(value=1), timeout=PATIENCE)) for _ in "ab"]
            await eventually(lambda: gate.entered == 2)
            gate.open.set()
            await asyncio.gather(*asked)
            assert first.counts.seen["answered wait ok"] == second.counts.seen["answered wait ok"] == 1

    async def test_a_server_that_loses_everything_loses_no_open_question(self, world: World) -> None:
        gate = Gate()
        async with serving(world, gated(gate)), world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
            asked = group.create_task(bus.call("technical", WAIT, Number(value=3), timeout=PATIENCE))
            await eventually(lambda: gate.entered == 1)
            await world.lose_everything()
            gate.open.set()
            await eventually(lambda: answers(bus))
            assert (await asked).value == 6

    async def test_hints_go_on_after_the_server_lost_everything(self, world: World) -> None:
        notes = Notes()
        async with serving(world, endpoint(notes=notes)), world.bus("relay-1") as bus:
            await bus.hint([hint("m-1", 1)])
            await eventually(lambda: notes.values == [1])
            await world.lose_everything()
            await bus.hint([hint("m-2", 2)])
            await eventually(lambda: notes.values == [1, 2])


class Stopping:
    """Stop reading, finish what is in hand, leave the rest."""

    async def test_a_stop_finishes_what_is_in_hand_and_leaves_the_rest(self, world: World) -> None:
        gate = Gate()
        options = replace(QUICK, questions_in_hand=1)
        async with world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
            async with serving(world, gated(gate), options=options) as first:
                asked = [
                    group.create_task(bus.call("technical", WAIT, Number(value=n), timeout=PATIENCE)) for n in (1, 2)
                ]
                await eventually(lambda: gate.entered == 1)
                first.stop.set()
                gate.open.set()
                await first.drain()
                assert gate.entered == 1
            assert sum(one.done() for one in asked) == 1
            async with serving(world, gated(gate), options=options):
                assert sorted([(await one).value for one in asked]) == [2, 4]
        assert gate.deliveries == [1, 1]

    async def test_work_that_outlasts_the_drain_is_left_for_the_next_life(self, world: World) -> None:
        gate = Gate()
        async with world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
            async with serving(world, gated(gate), options=replace(QUICK, drain_seconds=0.05)) as first:
                asked = group.create_task(bus.call("technical", WAIT, Number(value=1), timeout=PATIENCE))
                await eventually(lambda: gate.entered == 1)
                await first.drain()
            gate.open.set()
            async with serving(world, gated(gate)):
                assert (await asked).value == 2
        assert gate.deliveries == [1, 2]

    async def test_an_idle_service_stops_at_once(self, world: World) -> None:
        async with serving(world, endpoint()) as service, world.bus("asker-1") as bus:
            await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)
            async with asyncio.timeout(1):
                await service.drain()
