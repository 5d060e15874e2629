"""The contract of the bus, first part: questions, what comes back, and when too much waits."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.bus.errors import (
    BusError,
    DeadlineExceeded,
    HandlerFailed,
    InvalidParams,
    MessageTooLarge,
    NoSuchMethod,
    Overloaded,
    RemoteFailure,
    ToolFailed,
)
from libs.bus.port import BusLimits, Call, CallContext
from libs.contracts.base import Method, Nothing, Tool
from tests.contract.bus.talk import (
    DOUBLE,
    HALVE,
    PATIENCE,
    QUESTIONS,
    QUICK,
    SECRET,
    WAIT,
    Counts,
    Doubled,
    Gate,
    Number,
    ShiftedClock,
    Text,
    World,
    depth_is,
    endpoint,
    eventually,
    gated,
    serving,
)


class Answers:
    """Questions and what comes back."""

    async def test_a_tool_answers_in_its_type(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            assert await bus.call("technical", DOUBLE, Number(value=21), timeout=PATIENCE) == Doubled(value=42)

    async def test_a_method_answers_in_its_type(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            assert await bus.call("technical", HALVE, Number(value=8), timeout=PATIENCE) == Doubled(value=4)

    async def test_a_fan_out_brings_answers_and_failures_as_values(self, world: World) -> None:
        async with (
            serving(world, endpoint()),
            serving(world, endpoint("policy", "policy-1")),
            world.bus("asker-1") as bus,
        ):
            answers = await bus.fan_out(["technical", "policy", "absent"], DOUBLE, Number(value=1), timeout=0.5)
        assert answers["technical"] == answers["policy"] == Doubled(value=2)
        assert isinstance(answers["absent"], DeadlineExceeded)

    async def test_a_fan_out_tells_of_each_answer_as_it_comes(self, world: World) -> None:
        heard: list[str] = []
        async with (
            serving(world, endpoint()),
            serving(world, endpoint("policy", "policy-1")),
            world.bus("asker-1") as bus,
        ):
            asked = ["technical", "policy", "absent"]
            await bus.fan_out(asked, DOUBLE, Number(value=1), timeout=0.5, heard=heard.append)
        assert sorted(heard[:2]) == ["policy", "technical"]

    async def test_a_fan_out_to_nobody_is_empty(self, world: World) -> None:
        async with world.bus("asker-1") as bus:
            assert await bus.fan_out([], DOUBLE, Number(value=1), timeout=0.5) == {}

    async def test_a_question_asked_before_the_service_starts_is_answered(self, world: World) -> None:
        async with world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
            asked = group.create_task(bus.call("technical", DOUBLE, Number(value=2), timeout=PATIENCE))
            await eventually(lambda: depth_is(bus, 1))
            async with serving(world, endpoint()):
                assert (await asked).value == 4

    async def test_what_travels_beside_the_parameters_reaches_the_handler(self, world: World) -> None:
        told: list[Call] = []

        async def listen(_number: Number, call: Call) -> Nothing:
            told.append(call)
            return Nothing()

        method = Method("desk.listen", Number, Nothing)
        served = endpoint()
        served.method(method, listen)
        context = CallContext(
            now=datetime(2024, 9, 2, 8, tzinfo=UTC),
            round_id="r-1",
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        async with serving(world, served), world.bus("asker-1") as bus:
            await bus.call("technical", method, Number(value=1), timeout=PATIENCE, context=context)
        assert told[0].context == context
        assert (told[0].caller, told[0].method, told[0].delivery) == ("asker-1", "desk.listen", 1)
        assert told[0].msg_id

    async def test_every_question_has_an_id_of_its_own(self, world: World) -> None:
        ids: list[str] = []

        async def listen(_number: Number, call: Call) -> Nothing:
            ids.append(call.msg_id)
            return Nothing()

        method = Method("desk.listen", Number, Nothing)
        served = endpoint()
        served.method(method, listen)
        async with serving(world, served):
            for _ in range(2):
                async with world.bus("asker-1") as bus:
                    for _ in range(2):
                        await bus.call("technical", method, Number(value=1), timeout=PATIENCE)
        assert len(set(ids)) == 4

    async def test_no_more_questions_are_in_hand_than_allowed(self, world: World) -> None:
        gate = Gate()
        options = replace(QUICK, questions_in_hand=3)
        async with (
            serving(world, gated(gate), options=options),
            world.bus("asker-1") as bus,
            asyncio.TaskGroup() as group,
        ):
            asked = [
                group.create_task(bus.call("technical", WAIT, Number(value=n), timeout=PATIENCE)) for n in range(9)
            ]
            await eventually(lambda: gate.entered == 3)
            gate.open.set()
            assert [(await one).value for one in asked] == [n * 2 for n in range(9)]
        assert gate.most_at_once == 3


class Failures:
    """How failures come back."""

    async def test_nobody_there_means_the_deadline_passes(self, world: World) -> None:
        async with world.bus("asker-1") as bus:
            with pytest.raises(DeadlineExceeded):
                await bus.call("absent", DOUBLE, Number(value=1), timeout=0.05)

    async def test_a_known_failure_of_a_method_keeps_its_code_and_nothing_else(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            with pytest.raises(HandlerFailed) as caught:
                await bus.call("technical", HALVE, Number(value=-1), timeout=PATIENCE)
        assert (caught.value.remote_code, caught.value.remote_retryable) == ("test.busy", True)
        assert SECRET not in repr(vars(caught.value))

    async def test_a_known_failure_of_a_tool_keeps_its_code(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            with pytest.raises(ToolFailed) as caught:
                await bus.call("technical", DOUBLE, Number(value=-1), timeout=PATIENCE)
        assert caught.value.remote_code == "test.busy"

    async def test_a_wrong_input_names_its_field(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            with pytest.raises(ToolFailed) as caught:
                await bus.call("technical", DOUBLE, Number(value=-3), timeout=PATIENCE)
        assert caught.value.detail == {"field": "symbol"}

    @pytest.mark.parametrize("method", [HALVE, DOUBLE], ids=["method", "tool"])
    async def test_the_text_of_an_unknown_failure_never_crosses(
        self, world: World, method: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            with pytest.raises(RemoteFailure) as caught:
                await bus.call("technical", method, Number(value=-2), timeout=PATIENCE)
        assert SECRET not in str(caught.value)
        logged = [record for record in caplog.records if record.exc_info]
        assert [record.__dict__["correlation_id"] for record in logged] == [caught.value.correlation_id]

    async def test_an_unknown_method_and_an_unknown_tool_are_told_apart_from_failures(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            for unknown in (Method("desk.none", Number, Doubled), Tool("none", "", Number, Doubled)):
                with pytest.raises(NoSuchMethod):
                    await bus.call("technical", unknown, Number(value=1), timeout=PATIENCE)

    async def test_parameters_of_the_wrong_type_are_refused_without_their_values(self, world: World) -> None:
        class Wrong(Number):
            more: str = SECRET

        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            for method in (Method(HALVE.name, Wrong, Doubled), Tool(DOUBLE.name, "", Wrong, Doubled)):
                with pytest.raises(InvalidParams) as caught:
                    await bus.call("technical", method, Wrong(value=1), timeout=PATIENCE)
                assert caught.value.problems == ("more: extra_forbidden",)

    async def test_an_answer_that_does_not_fit_is_an_error(self, world: World) -> None:
        class Other(Doubled):
            needed: str

        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            with pytest.raises(BusError, match="does not fit"):
                await bus.call("technical", Tool(DOUBLE.name, "", Number, Other), Number(value=1), timeout=PATIENCE)

    async def test_a_handler_is_cancelled_at_the_deadline_and_its_service_goes_on(self, world: World) -> None:
        gate = Gate()
        options = replace(QUICK, questions_in_hand=1)
        async with serving(world, gated(gate), options=options) as service, world.bus("asker-1") as bus:
            with pytest.raises(DeadlineExceeded):
                await bus.call("technical", WAIT, Number(value=1), timeout=0.05)
            assert (await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)).value == 2
            assert service.counts.seen["expired"] == 1
            await eventually(lambda: depth_is(bus, 0))

    async def test_an_expired_question_is_dropped_and_counted(self, world: World) -> None:
        ahead = ShiftedClock(3600)
        async with serving(world, endpoint(), clock=ahead) as service, world.bus("asker-1") as bus:
            with pytest.raises(DeadlineExceeded):
                await bus.call("technical", DOUBLE, Number(value=1), timeout=0.2)
            await eventually(lambda: service.counts.seen["expired"] == 1)
            await eventually(lambda: depth_is(bus, 0))
        assert service.counts.seen["answered double ok"] == 0

    async def test_a_late_reply_is_dropped_and_counted(self, world: World) -> None:
        gate, counts = Gate(), Counts()
        behind = ShiftedClock(-3600)
        async with serving(world, gated(gate), clock=behind), world.bus("asker-1", metrics=counts) as bus:
            with pytest.raises(DeadlineExceeded):
                await bus.call("technical", WAIT, Number(value=1), timeout=0.05)
            gate.open.set()
            await eventually(lambda: counts.seen["late reply"] == 1)

    async def test_too_large_a_message_is_refused_on_either_side(self, world: World) -> None:
        async def long(_number: Number, _call: Call) -> Text:
            return Text(text="x" * 600)

        small, method = BusLimits(message_bytes=500), Method("desk.long", Number, Text)
        served = endpoint()
        served.method(method, long)
        async with serving(world, served, limits=small), world.bus("asker-1", limits=small) as bus:
            with pytest.raises(MessageTooLarge):
                await bus.request("technical", "desk.long", {"text": "x" * 600}, PATIENCE)
            with pytest.raises(MessageTooLarge):
                await bus.call("technical", method, Number(value=1), timeout=PATIENCE)


class BackPressure:
    """When too much waits."""

    async def test_a_caller_with_too_many_open_questions_is_refused(self, world: World) -> None:
        gate, counts = Gate(), Counts()
        limits = BusLimits(pending_per_service=2)
        async with (
            serving(world, gated(gate)),
            world.bus("asker-1", limits=limits, metrics=counts) as bus,
            asyncio.TaskGroup() as group,
        ):
            asked = [group.create_task(bus.call("technical", WAIT, Number(value=1), timeout=PATIENCE)) for _ in "ab"]
            await eventually(lambda: gate.entered == 2)
            with pytest.raises(Overloaded):
                await bus.call("technical", WAIT, Number(value=1), timeout=PATIENCE)
            gate.open.set()
            await asyncio.gather(*asked)
            assert (await bus.call("technical", WAIT, Number(value=4), timeout=PATIENCE)).value == 8
        assert counts.seen["overloaded"] == 1

    async def test_a_backlog_made_by_others_counts_too_and_passes(self, world: World) -> None:
        limits = BusLimits(pending_per_service=5)
        for number in range(8):
            await world.write(QUESTIONS, b'{"jsonrpc":"2.0","id":"%d","method":"desk.none"}' % number)

        async with world.bus("asker-1", limits=limits) as bus:

            async def refused() -> bool:
                answer = (await bus.fan_out(["technical"], DOUBLE, Number(value=1), timeout=0.02))["technical"]
                return isinstance(answer, Overloaded)

            await eventually(refused)
            async with serving(world, endpoint()):

                async def answered() -> bool:
                    answer = (await bus.fan_out(["technical"], DOUBLE, Number(value=1), timeout=1))["technical"]
                    return answer == Doubled(value=2)

                await eventually(answered)
