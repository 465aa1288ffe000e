"""Plugin files: their words in a scenario file, and errors that say which file and line to change."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from nomos_testing import ScenarioBuilder, load_scenario
from nomos_testing.cli.main import main
from nomos_testing.faults.plan import FaultPlan
from nomos_testing.registry import Kind
from nomos_testing.scenario.file.loader import load_builder
from nomos_testing.scenario.plugins import load_plugin

PLUGIN = dedent(
    """\
    from dataclasses import dataclass
    from typing import Annotated

    from pydantic import Field, field_validator

    from nomos_testing import Section, expectation, workload
    from nomos_testing.faults import LinkEffect, LinkFault, fault


    class Part:
        def __init__(self, name, refuses=""):
            self.name, self.refuses = name, refuses

        def expectations(self):
            return ()

        def prepare(self, plan):
            if self.refuses:
                raise ValueError(self.refuses)


    @workload("burst")
    class Burst(Section):
        \"\"\"Send many at once.\"\"\"

        count: int = Field(default=1, ge=1, description="How many.")
        word: str = "a"

        @field_validator("word")
        @classmethod
        def _one_letter(cls, word):
            if len(word) != 1:
                raise ValueError("expected one letter")
            return word

        def build(self):
            if self.count == 13:
                raise ValueError("13 is too much")
            return Part("burst", "7 is not for this network" if self.count == 7 else "")


    @expectation("calm")
    class Calm(Section):
        def build(self):
            return Part("calm")


    @fault("bad_line")
    @dataclass(frozen=True, kw_only=True)
    class BadLine(LinkFault):
        delay: Annotated[float, Field(gt=0)]

        def effect(self):
            return LinkEffect(delay=self.delay)
    """
)
SCENARIO = """\
plugins: [checks.py]
topology: {validators: 2}
run_for: 60
seed: 1
workloads:
- burst: {count: 3}
faults:
- {at: 1, lasting: 2, bad_line: {delay: 0.1, nodes: [any]}}
- randomly: {of: [{bad_line: {delay: 0.2}}], gap: {min: 10, max: 11}, lasting: {min: 1, max: 2}, count: 1}
expectations:
- calm: {}
"""


def written(directory: Path, plugin: str = PLUGIN, scenario: str = SCENARIO) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "checks.py").write_text(plugin)
    path = directory / "s.yaml"
    path.write_text(scenario)
    return path


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def refusal(scenario: Path) -> str:
    """Give what ``plan`` prints, without the folder."""
    done = command("plan", scenario)
    assert done.exit_code == 1, done.output
    return done.output.replace(f"{scenario.parent}/", "")


@pytest.mark.parametrize("annotations", ["", "from __future__ import annotations\n\n"])
def test_its_words_are_planned(tmp_path: Path, annotations: str) -> None:
    done = command("plan", written(tmp_path, annotations + PLUGIN))
    assert done.exit_code == 0, done.output
    assert "workloads: burst, faults\nexpectations: calm\nfaults: 2\n" in done.output
    printed = json.loads(command("plan", "--json", written(tmp_path)).output)
    assert [fault["bad_line"]["delay"] for fault in printed["faults"]] == [0.1, 0.2]


def test_its_words_are_in_the_schema(tmp_path: Path) -> None:
    scenario = written(tmp_path)
    schema = json.loads(command("schema", "--plugin", tmp_path / "checks.py").output)
    jsonschema.validate(yaml.safe_load(scenario.read_text()), schema)
    assert schema["$defs"]["Burst"]["description"] == "Send many at once."
    assert "Burst" not in json.loads(command("schema").output)["$defs"]
    with pytest.raises(jsonschema.ValidationError, match="0 is less than the minimum of 1"):
        jsonschema.validate({"run_for": 1, "workloads": [{"burst": {"count": 0}}]}, schema)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("count: 3", "count: 0"), "s.yaml:6: workloads.0.burst.count: expected greater than or equal to 1 (got 0)\n"),
        (("count: 3", "size: 3"), "s.yaml:6: workloads.0.burst.size: unknown field; known here: count, word\n"),
        (("count: 3", "word: ab"), "s.yaml:6: workloads.0.burst.word: expected one letter (got 'ab')\n"),
        (("count: 3", "count: 13"), "s.yaml:6: workloads.0: 13 is too much\n"),
        (
            ("count: 3", "count: 7"),
            "s.yaml:6: workloads.0: workload 'burst' failed to initialize: 7 is not for this network\n",
        ),
        (("delay: 0.1", "delay: 0"), "s.yaml:8: faults.0.bad_line.delay: expected greater than 0 (got 0)\n"),
        (("[any]", "[ghost]"), "s.yaml:8: faults.0.bad_line.nodes: there is no node 'ghost'; expected one of validat"),
        (("delay: 0.2", "jitter: 1"), "s.yaml:9: faults.0.randomly.of.0.bad_line.delay: is missing\n"),
        (("calm: {}", "storm: {}"), "s.yaml:11: expectations.0.storm: unknown field; known here: consensus_liveness, "),
        (("[checks.py]", "checks.py"), "s.yaml:1: plugins: expected a valid list (got 'checks.py')\n"),
    ],
)  # fmt: skip
def test_an_error_in_its_fields_cites_file_line_and_field(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    changed = SCENARIO.replace(*change)
    assert changed != SCENARIO
    if change[1] == "jitter: 1":
        complaint = complaint.replace("faults.0", "faults.1")
    assert refusal(written(tmp_path, scenario=changed)).startswith(complaint)


HEAD = "from nomos_testing import Section, expectation, workload\nfrom nomos_testing.faults import fault\n"
"""Two lines; what follows begins in the third."""
WORD = '@workload("{}")\nclass {}(Section):\n    def build(self):\n        return None\n'


@pytest.mark.parametrize(
    ("plugin", "complaint"),
    [
        ("x = 1\nif x\n", "checks.py:2: cannot be imported: SyntaxError: expected ':'\n"),
        (
            "\nimport no_such_module\n",
            "checks.py:2: cannot be imported: ModuleNotFoundError: No module named 'no_s",
        ),
        ("def f():\n    return {}['a']\n\nf()\n", "checks.py:2: cannot be imported: KeyError: 'a'\n"),
        ("import json\njson.loads('{')\n", "checks.py:2: cannot be imported: JSONDecodeError: Expecting property name"),
        ("raise SystemExit(3)\n", "checks.py:1: cannot be imported: SystemExit: 3\n"),
        ("x = 1\n", "checks.py: defines no word; decorate a class with nomos_testing.workload, nomos_testing.expec"),
        (
            HEAD + WORD.format("burst", "One") + WORD.format("burst", "Two"),
            "checks.py:7: the workload 'burst' is defined twice, first at checks.py:3\n",
        ),
        (
            HEAD + WORD.format("transactions", "One"),
            "checks.py:3: the workload 'transactions' is built in; choose another word\n",
        ),
        (
            HEAD + WORD.format("Burst", "One"),
            "checks.py:3: cannot be imported: ValueError: workload 'Burst': exp",
        ),
        (
            HEAD + '@workload("burst")\nclass One:\n    pass\n',
            "checks.py:3: cannot be imported: TypeError: expected a class that subclasses nomos_testing.Section, got ",
        ),
        (
            HEAD + '@expectation("calm")\nclass One(Section):\n    pass\n',
            "checks.py:3: cannot be imported: TypeError: One has no method build(self)",
        ),
        (
            HEAD + '@fault("crash")\nclass One(Section):\n    pass\n',
            "checks.py:3: cannot be imported: TypeError: fault 'crash': expected a dataclass that subclasses Fault",
        ),
        (
            HEAD + '@fault("lasting")\nclass One(Section):\n    pass\n',
            "checks.py:3: cannot be imported: ValueError: fault 'lasting': this word is reserved",
        ),
        (
            HEAD + WORD.format("model_dump", "One"),
            "checks.py:3: cannot be imported: ValueError: workload 'model_dump': this word is reserved",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path, plugin: str, complaint: str) -> None:
    assert refusal(written(tmp_path, plugin)).startswith(f"s.yaml:1: plugins.0: {complaint}")
    printed = command("schema", "--plugin", tmp_path / "checks.py")
    assert (printed.exit_code, printed.output.replace(f"{tmp_path}/", "")[: len(complaint)]) == (1, complaint)


def test_a_section_that_builds_nothing_is_refused(tmp_path: Path) -> None:
    complaint = refusal(written(tmp_path, HEAD + WORD.format("burst", "One"), "plugins: [checks.py]\nrun_for: 9\n"
                                "workloads:\n- burst: {}\n"))  # fmt: skip
    assert complaint == "s.yaml:4: workloads.0: One.build gave None; expected a workload\n"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("none.py", "none.py: cannot be read: No such file or directory\n"),
        ("checks.txt", "checks.txt: expected a Python file, whose name ends in .py\n"),
    ],
)
def test_a_plugin_that_is_no_file_of_python_is_refused(tmp_path: Path, name: str, complaint: str) -> None:
    scenario = written(tmp_path, scenario=SCENARIO.replace("[checks.py]", f"\n- checks.py\n- {name}"))
    assert refusal(scenario) == f"s.yaml:3: plugins.1: {complaint}"


def test_two_plugins_with_one_word_are_refused_unless_one_imports_it(tmp_path: Path) -> None:
    scenario = written(tmp_path, scenario=SCENARIO.replace("[checks.py]", "[checks.py, more.py]"))
    (tmp_path / "more.py").write_text(HEAD + WORD.format("burst", "More"))
    line = PLUGIN.splitlines().index('@workload("burst")') + 1
    complaint = f"more.py:3: the workload 'burst' is defined twice, first at checks.py:{line}\n"
    assert refusal(scenario) == f"s.yaml:1: plugins.1: {complaint}"
    module = load_plugin(tmp_path / "checks.py").words[0].defined_by.__module__
    (tmp_path / "more.py").write_text(f"from {module} import Burst\n")
    assert command("plan", scenario).exit_code == 0


def test_scenarios_of_one_process_do_not_share_their_plugins(tmp_path: Path) -> None:
    first = written(tmp_path / "first")
    second = written(tmp_path / "second", PLUGIN.replace("Send many at once.", "Send few at once."))
    builders = [load_builder(path) for path in (first, second)]
    words = [builder.vocabulary.of(Kind.WORKLOAD)["burst"] for builder in builders]
    assert [word.model.__doc__ for word in words] == ["Send many at once.", "Send few at once."]
    assert refusal(written(tmp_path, scenario=SCENARIO.removeprefix("plugins: [checks.py]\n"))).startswith(
        "s.yaml:5: workloads.0.burst: unknown field; known here: transactions, data_availability, restarts\n"
    )


def test_a_plan_with_a_plugins_fault_is_read_with_its_words_only(tmp_path: Path) -> None:
    builder = load_builder(written(tmp_path))
    stored = builder.build().faults.to_json()
    assert FaultPlan.from_json(stored, builder.vocabulary.of(Kind.FAULT)) == builder.build().faults
    with pytest.raises(ValueError, match="unknown fault 'bad_line'; expected one of restart, kill, "):
        FaultPlan.from_json(stored)


def test_a_builder_takes_sections(tmp_path: Path) -> None:
    words: dict[str, Any] = {
        word.word: word.model for word in load_plugin(written(tmp_path).parent / "checks.py").words
    }
    builder = ScenarioBuilder.topology(validators=2).with_workload(words["burst"](count=3)).run_for(seconds=60)
    scenario = builder.with_expectation(words["calm"]()).build()
    assert [part.name for part in (*scenario.workloads, *scenario.expectations)] == ["burst", "calm"]
    assert scenario.source.not_replayable_because.startswith("workload 'burst' is Python (nomos_testing_plugin_checks_")
    assert load_scenario(tmp_path / "s.yaml").source.document is not None
