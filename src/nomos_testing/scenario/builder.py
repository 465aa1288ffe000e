"""The builder of scenarios in Python.

It is immutable: each call returns a new builder, and ``build`` checks the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from nomos_testing.expectations.continuous import Always, Check, Eventually, Sometimes
from nomos_testing.expectations.inclusion_permanence import InclusionsStay
from nomos_testing.expectations.liveness import ConsensusLiveness, Window
from nomos_testing.expectations.no_stalls import NoStalls
from nomos_testing.expectations.recovery import DEFAULT_WITHIN as DEFAULT_RECOVERY
from nomos_testing.expectations.recovery import RecoversFromFaults
from nomos_testing.expectations.safety import NoConflictingLib
from nomos_testing.faults.durations import Time, span
from nomos_testing.faults.errors import FaultPlanError, FieldPath
from nomos_testing.faults.fault import Fault
from nomos_testing.faults.plan import FaultPlan
from nomos_testing.faults.schedule import At, Entry
from nomos_testing.registry import BuildsExpectation, BuildsWorkload, Kind, word_of
from nomos_testing.runtime.interfaces import AnyExpectation, AnyWorkload, RunPlan
from nomos_testing.runtime.specifications import NotCopyable, PartCopies, Specification
from nomos_testing.scenario.errors import ScenarioBuildError
from nomos_testing.scenario.fault_planning import with_faults
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.scenario.serialization import Parts, source_of
from nomos_testing.scenario.vocabulary import BUILT_IN, Vocabulary
from nomos_testing.sections import Section
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE
from nomos_testing.topology import DataAvailability, PodPlacement, TopologySpec, WalletSpec, with_sampling_delay
from nomos_testing.topology.placement import PlacementError
from nomos_testing.topology.timing import RunTiming
from nomos_testing.workloads.blobs.workload import DataAvailabilityWorkload
from nomos_testing.workloads.chaos import (
    DEFAULT_MAX_DELAY,
    DEFAULT_MIN_DELAY,
    DEFAULT_TARGET_COOLDOWN,
    ChaosRestart,
)
from nomos_testing.workloads.faults import FaultInjection
from nomos_testing.workloads.transactions.workload import TransactionWorkload

FUNDS_PER_WALLET = 100
MINIMUM_SLOTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioBuilder:
    """A scenario in the making. Start with ``ScenarioBuilder.topology(...)``, end with ``.build()``.

    ```python
    scenario = (
        ScenarioBuilder.topology(validators=3, executors=1, layout="star")
        .wallets(1000)
        .transactions(rate=5, users=500)
        .expect_consensus_liveness()
        .run_for(seconds=60)
        .build()
    )
    ```
    """

    spec: TopologySpec
    """The network so far."""
    name: str = "scenario"
    """See ``named``."""
    workloads: tuple[AnyWorkload, ...] = ()
    """See ``with_workload``."""
    expectations: tuple[AnyExpectation, ...] = ()
    """See ``with_expectation``."""
    seconds: float | None = None
    """See ``run_for``."""
    slots: int | None = None
    """See ``run_for``."""
    chosen_seed: int | None = None
    """See ``seed``."""
    node_control: bool = False
    """See ``enable_node_control``."""
    network_control: bool = False
    """See ``enable_network_control``."""
    placement: PodPlacement = field(default_factory=PodPlacement)
    """See ``k8s``."""
    notices: tuple[str, ...] = ()
    """See ``note``."""
    schedule: tuple[Entry, ...] = ()
    """See ``faults``."""
    vocabulary: Vocabulary = BUILT_IN
    """The words that a scenario file of this scenario can use."""
    sections: tuple[tuple[tuple[Kind, int], Section], ...] = ()
    """The sections that built workloads and expectations, with the place of what they built."""

    @classmethod
    def topology(
        cls,
        *,
        validators: int,
        executors: int = 0,
        layout: str = "star",
        data_availability: DataAvailability | str = "standard",
        sampling_delay: float | None = None,
    ) -> ScenarioBuilder:
        """Choose the nodes. Layouts: ``star`` (all nodes connect to node 0), ``chain``, ``full``.

        ``data_availability`` is ``standard``, ``original`` or your own parameters. ``original`` are the parameters of
        the original framework: three or more nodes cannot sample every blob with them. ``sampling_delay`` is in
        seconds, for slots of one second or more. None: the delay of the parameters.
        """
        with _build_errors():
            spec = TopologySpec(
                validators=validators,
                executors=executors,
                layout=layout,
                data_availability=data_availability,
                sampling_delay=sampling_delay,
            )
        return cls(spec=spec)

    def named(self, name: str) -> ScenarioBuilder:
        """Set the name in reports and of the run directory."""
        return replace(self, name=name)

    def slot(self, *, seconds: float, active_slot_coeff: float = 0.9) -> ScenarioBuilder:
        """Set the slot clock. Below one second: embedded nodes only."""
        with _build_errors():
            spec = replace(self.spec, slot_duration=seconds, active_slot_coeff=active_slot_coeff)
        return replace(self, spec=spec)

    def with_settings(self, settings: Settings) -> ScenarioBuilder:
        """Use the sampling delay of the environment in the plan. Deployers use it in any case."""
        return replace(self, spec=with_sampling_delay(self.spec, settings))

    def wallets(self, users: int) -> ScenarioBuilder:
        """Fund ``users`` accounts with 100 tokens each."""
        return self.initialize_wallet(total=FUNDS_PER_WALLET * users, users=users)

    def initialize_wallet(self, *, total: int, users: int) -> ScenarioBuilder:
        """Split ``total`` tokens evenly over ``users`` accounts. The first accounts get the remainder."""
        with _build_errors():
            wallet = WalletSpec(total=total, users=users)
        return replace(self, spec=replace(self.spec, wallet=wallet))

    def transactions(
        self, *, rate: int = 1, users: int | None = None, once_per_account: bool = False, best_effort: bool = False
    ) -> ScenarioBuilder:
        """Send ``rate`` transactions per block from at most ``users`` accounts, and expect half of them in blocks.

        An account spends its change again once its last transaction is in a block, so the rate holds for any duration.
        With ``once_per_account`` each account sends once, and the transactions are spread over the run. If there are
        too few accounts for the rate, the scenario is refused. With ``best_effort`` they send as many as they can.
        """
        with _build_errors():
            workload = TransactionWorkload(
                rate=rate, users=users, once_per_account=once_per_account, best_effort=best_effort
            )
        return self.with_workload(workload)

    def data_availability(
        self,
        *,
        channel_rate: int | None = None,
        blob_rate: int = 1,
        headroom_percent: int | None = None,
        verify_blobs: bool = True,
    ) -> ScenarioBuilder:
        """Disperse ``blob_rate`` blobs per block over ``channel_rate`` channels and ``headroom_percent`` more.

        Without a ``channel_rate`` there are as many channels as the blobs need. With one, there are 20 percent more by
        default. The workload expects most blobs in blocks. With ``verify_blobs`` it also expects that a sample of them
        can be fetched back unchanged.
        """
        with _build_errors():
            workload = DataAvailabilityWorkload(
                channel_rate=channel_rate,
                blob_rate=blob_rate,
                headroom_percent=headroom_percent,
                verify_blobs=verify_blobs,
            )
        return self.with_workload(workload)

    def restarts(
        self,
        *,
        min_delay: Time = DEFAULT_MIN_DELAY,
        max_delay: Time = DEFAULT_MAX_DELAY,
        cooldown: Time = DEFAULT_TARGET_COOLDOWN,
        include_validators: bool = True,
        include_executors: bool = True,
    ) -> ScenarioBuilder:
        """Restart nodes at random moments, each at most once per cooldown. Needs ``enable_node_control()``.

        Times are in seconds, or ``slots(N)``.
        """
        with _build_errors():
            workload = ChaosRestart(
                min_delay=min_delay,
                max_delay=max_delay,
                target_cooldown=cooldown,
                include_validators=include_validators,
                include_executors=include_executors,
            )
        return self.with_workload(workload)

    def fault(self, fault: Fault, *, at: Time, lasting: Time | None = None) -> ScenarioBuilder:
        """Inject one fault after the start of the workloads: ``.fault(Pause("any"), at=slots(5), lasting=4)``.

        For example ``.fault(Pause("any"), at=slots(5), lasting=4)``.
        """
        return self.faults(At(span(at), fault, None if lasting is None else span(lasting)))

    def faults(self, *entries: Entry) -> ScenarioBuilder:
        """Add entries to the schedule of faults: ``at``, ``every``, ``during``, ``randomly``.

        Faults of nodes need ``enable_node_control()``. Faults of links turn network control on.
        """
        return replace(self, schedule=(*self.schedule, *entries))

    def with_workload(self, workload: AnyWorkload | BuildsWorkload) -> ScenarioBuilder:
        """Add a workload, or the section of one. Its expectations come with it."""
        built, sections = self._with_section(workload, Kind.WORKLOAD, len(self.workloads))
        return replace(self, workloads=(*self.workloads, built), sections=sections)

    def expect_consensus_liveness(self, *, lag_allowance: int = 2, window: Window = "run") -> ScenarioBuilder:
        """Expect that the chain grows and that every node stays near the highest.

        ``window="original"`` judges as the original framework does: by the heights at the end, which include the blocks
        of the cooldown.
        """
        with _build_errors():
            expectation = ConsensusLiveness(lag_allowance=lag_allowance, window=window)
        return self.with_expectation(expectation)

    def expect_no_conflicting_lib(self) -> ScenarioBuilder:
        """Expect that no two nodes finalize conflicting blocks."""
        return self.with_expectation(NoConflictingLib())

    def expect_no_stalls(self, *, slots: float | None = None) -> ScenarioBuilder:
        """Expect that outside of faults no node goes without a new block for more than ``slots`` slots.

        The default is as long as the leader lottery makes likely.
        """
        return self.with_expectation(NoStalls(slots=slots))

    def expect_recovery(self, *, within: Time = DEFAULT_RECOVERY) -> ScenarioBuilder:
        """Expect that after each heal every node comes within two blocks of the highest node in time."""
        return self.with_expectation(RecoversFromFaults(within=within))

    def expect_inclusions_stay(self) -> ScenarioBuilder:
        """Expect that transactions that all nodes have after a recovery are on the chain at the end."""
        return self.with_expectation(InclusionsStay())

    def always(self, name: str, check: Check, *, outside_faults: bool = False) -> ScenarioBuilder:
        """Expect that ``check`` holds whenever it is checked during the run."""
        return self.with_expectation(Always(name, check, outside_faults=outside_faults))

    def eventually(self, name: str, check: Check, *, within: Time, after_each_heal: bool = False) -> ScenarioBuilder:
        """Expect that ``check`` comes true in time: ``within=slots(20)`` of the start, or of each heal.

        The time counts from the start, or from each heal.
        """
        return self.with_expectation(Eventually(name, check, within=within, after_each_heal=after_each_heal))

    def sometimes(self, name: str, check: Check) -> ScenarioBuilder:
        """Expect that ``check`` is true at some time in the run."""
        return self.with_expectation(Sometimes(name, check))

    def with_expectation(self, expectation: AnyExpectation | BuildsExpectation) -> ScenarioBuilder:
        """Add an expectation, or the section of one."""
        built, sections = self._with_section(expectation, Kind.EXPECTATION, len(self.expectations))
        return replace(self, expectations=(*self.expectations, built), sections=sections)

    def with_vocabulary(self, vocabulary: Vocabulary) -> ScenarioBuilder:
        """Use the words of plugins. Without them a run with such words cannot be replayed."""
        return replace(self, vocabulary=vocabulary)

    def enable_node_control(self) -> ScenarioBuilder:
        """Let workloads stop and start nodes. A deployer that cannot do this refuses the scenario."""
        return replace(self, node_control=True)

    def enable_network_control(self) -> ScenarioBuilder:
        """Let faults cut and slow the links between nodes. A deployer that cannot do this refuses the scenario."""
        return replace(self, network_control=True)

    def k8s(
        self,
        *,
        requests: Mapping[str, str] | None = None,
        limits: Mapping[str, str] | None = None,
        node_selector: Mapping[str, str] | None = None,
        spread: bool = True,
    ) -> ScenarioBuilder:
        """Say how pods are placed on Kubernetes. Other deployers ignore it, and ``K8S_RUNNER_...`` variables win.

        Args:
            requests: resources that each node's pod asks for: ``{"cpu": "100m", "memory": "256Mi"}``.
            limits: the most that each node's pod gets.
            node_selector: labels of the machines that pods may run on.
            spread: put nodes on different machines where the cluster has several.
        """
        try:
            placement = PodPlacement(
                requests=requests or {}, limits=limits or {}, node_selector=node_selector or {}, spread=spread
            )
        except PlacementError as error:
            raise ScenarioBuildError(str(error), path=("k8s", *error.path)) from None
        return replace(self, placement=placement)

    def note(self, text: str) -> ScenarioBuilder:
        """Add a message for the user. It is also in the journal."""
        return replace(self, notices=(*self.notices, text))

    def seed(self, seed: int) -> ScenarioBuilder:
        """Fix node keys and every random choice. A run without a seed draws one and prints it."""
        return replace(self, chosen_seed=seed)

    def run_for(self, *, seconds: float | None = None, slots: int | None = None) -> ScenarioBuilder:
        """Set the duration, in seconds or in slots."""
        if (seconds is None) == (slots is None):
            raise ScenarioBuildError("run_for takes either seconds or slots")
        return replace(self, seconds=seconds, slots=slots)

    def build(self, *, faults: FaultPlan | None = None, rng: Random = THIS_MACHINE.rng) -> Scenario:
        """Check everything and make the scenario.

        Args:
            faults: a plan that replaces the one from schedule and seed.
            rng: draws the seed if none was given.

        Raises:
            ScenarioBuildError: a part does not fit. The text names it.
        """
        seed = rng.getrandbits(48) if self.chosen_seed is None else self.chosen_seed
        spec = replace(self.spec, seed=seed)
        metrics = RunTiming(
            run_duration=self._duration(),
            slot_duration=spec.slot_duration,
            active_slot_coeff=spec.active_slot_coeff,
            security_param=spec.security_param,
        )
        plan = RunPlan(
            topology=spec,
            metrics=metrics,
            seed=seed,
            node_control=self.node_control,
            network_control=self.network_control,
        )
        workloads, given = self._own_parts()
        if self.schedule:
            workloads = (*workloads, FaultInjection(self.schedule))
        with _build_errors():
            plan = with_faults(plan, workloads, faults)
        expectations: list[tuple[AnyExpectation, FieldPath]] = [
            (expectation, ("workloads", index))
            for index, workload in enumerate(workloads)
            for expectation in workload.expectations()
        ]
        expectations += [(expectation, ("expectations", index)) for index, expectation in enumerate(given)]
        for index, workload in enumerate(workloads):
            _prepare("workload", workload, plan, ("workloads", index))
        for expectation, path in expectations:
            _prepare("expectation", expectation, plan, path)
        return Scenario(
            name=self.name,
            topology=spec,
            workloads=workloads,
            expectations=tuple(expectation for expectation, _ in expectations),
            metrics=metrics,
            seed=seed,
            node_control=plan.node_control,
            network_control=plan.network_control,
            faults=plan.faults,
            k8s=self.placement,
            notices=self.notices,
            source=source_of(
                self.name,
                plan,
                self.placement,
                Parts(
                    workloads=workloads,
                    expectations=given,
                    sections=dict(self.sections),
                    vocabulary=self.vocabulary,
                ),
            ),
        )

    def _own_parts(self) -> tuple[tuple[AnyWorkload, ...], tuple[AnyExpectation, ...]]:
        """Return the scenario parts of its own, because ``prepare`` may write into them: a builder can build twice."""
        copies, parts = PartCopies(), (*self.workloads, *self.expectations)
        for part in parts:
            if isinstance(part, Specification):
                copies.put(part, part)
        for part in parts:
            try:
                copies.of(part)
            except NotCopyable as error:
                raise ScenarioBuildError(f"{part.name!r}: {error}") from error
        return tuple(map(copies.of, self.workloads)), tuple(map(copies.of, self.expectations))

    def _with_section(
        self, part: object, kind: Kind, index: int
    ) -> tuple[Any, tuple[tuple[tuple[Kind, int], Section], ...]]:
        """Build a part that is given as a section, and remember the section."""
        if not isinstance(part, Section):
            return part, self.sections
        word, cls = word_of(part), type(part).__qualname__
        if word is None or word.kind is not kind:
            raise ScenarioBuildError(f"{cls} is no {kind.singular}; decorate it with nomos_testing.{kind.singular}")
        with _build_errors():
            built = word.build(part)
        if not hasattr(built, "name"):
            raise ScenarioBuildError(f"{cls}.build gave {built!r}; expected a {kind.singular}")
        return built, (*self.sections, ((kind, index), part))

    def _duration(self) -> float:
        slot = self.spec.slot_duration
        requested = self.slots * slot if self.slots is not None else self.seconds
        if requested is None:
            raise ScenarioBuildError("a scenario needs a duration; call run_for(seconds=...) or run_for(slots=...)")
        if not 0 < requested < float("inf"):
            raise ScenarioBuildError(f"run_for: expected a duration above 0, got {requested}")
        return max(requested, MINIMUM_SLOTS * slot)


@contextmanager
def _build_errors() -> Iterator[None]:
    """Turn the errors of a part into errors of the scenario."""
    try:
        yield
    except FaultPlanError as error:
        raise ScenarioBuildError(error.message, path=error.path) from None
    except ValueError as error:
        raise ScenarioBuildError(str(error)) from None


def _prepare(kind: str, part: AnyWorkload | AnyExpectation, plan: RunPlan, path: FieldPath) -> None:
    try:
        part.prepare(plan)
    except ValueError as error:
        raise ScenarioBuildError(f"{kind} '{part.name}' failed to initialize: {error}", part=path) from error
