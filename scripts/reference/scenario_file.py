"""The page about the scenario file, made from the JSON Schema that ``nomos-testing schema`` prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reference.markdown import GENERATED, code, link, page, sentence, table

Schema = Mapping[str, Any]

_CHOICES: Final = 5
"""A section of so many keys is a choice of words, such as the faults."""
_ROOT: Final = "Top level"
_TIME: Final = "Times"
_NODE: Final = "Nodes"

_INTRODUCTION: Final = f"""\
# The scenario file

{GENERATED}

A scenario file is YAML. It says which network is made, what loads it, what is done to its nodes and links, what must
hold, and how long it runs. Run it with `nomos-testing run FILE`. `nomos-testing plan FILE` checks the file and prints
what the run would do.

```yaml
# yaml-language-server: $schema=../docs/scenario.schema.json
topology: {{validators: 4, layout: full}}
slot: {{seconds: 0.5}}
wallets: 50
node_control: true
workloads:
  - transactions: {{rate: 2}}
faults:
  - at: {{slots: 20}}
    lasting: {{slots: 5}}
    pause: {{node: any}}
expectations:
  - consensus_liveness: {{}}
  - recovers_from_faults: {{within: {{slots: 30}}}}
run_for: {{slots: 60}}
seed: 7
```

An editor that knows `yaml-language-server` completes and checks the file with
[scenario.schema.json](scenario.schema.json). A field that is not listed here is an error. Every error names file, line
and field. [quickstart.md](quickstart.md) shows a first run, [faults.md](faults.md) explains faults and the expectations
about them.

## {_TIME}

A time is a number of seconds, or a number of slots: `2.5` or `{{slots: 5}}`. Times in `faults` count from the start of
the workloads.

## {_NODE}

A node is given by its name: `validator-0`, `executor-1`. Faults also take `any`, `any validator` and `any executor`:
then the planner draws one, by the seed."""

EXAMPLES: Final[Mapping[str, str]] = {
    "transactions": "workloads:\n  - transactions: {rate: 5, users: 500}",
    "data_availability": "workloads:\n  - data_availability: {blob_rate: 2}",
    "restarts": "workloads:\n  - restarts: {min_delay: {slots: 5}, max_delay: {slots: 15}, cooldown: {slots: 30}}",
    "restart": "faults:\n  - {at: 10, restart: {node: validator-0, wipe_data: true}}",
    "kill": "faults:\n  - {at: 10, lasting: 5, kill: {node: any}}",
    "stop": "faults:\n  - {at: 10, lasting: 5, stop: {node: any executor}}",
    "pause": "faults:\n  - {every: 20, first: 10, lasting: 3, pause: {node: any validator}}",
    "clock_skew": "faults:\n  - {at: 10, lasting: 5, clock_skew: {node: validator-1, seconds: -30}}",
    "disk_full": "faults:\n  - {at: 10, lasting: 5, disk_full: {node: validator-1}}",
    "partition": "faults:\n  - {at: 10, lasting: 5, partition: {groups: [[validator-0], [validator-1, validator-2]]}}",
    "isolate": "faults:\n  - {at: 10, lasting: 5, isolate: {node: any, one_way: true}}",
    "latency": "faults:\n  - {during: {start: 10, end: 20}, latency: {seconds: 0.1, jitter: 0.02}}",
    "loss": "faults:\n  - {at: 10, lasting: 5, loss: {rate: 0.1, nodes: [validator-0], peers: [validator-1]}}",
    "duplicate": "faults:\n  - {at: 10, lasting: 5, duplicate: {rate: 0.2}}",
    "reorder": "faults:\n  - {at: 10, lasting: 5, reorder: {rate: 0.1, hold: 0.05}}",
    "bandwidth": "faults:\n  - {at: 10, lasting: 5, bandwidth: {bytes_per_second: 20000, nodes: [any]}}",
    "randomly": "faults:\n  - randomly:\n      of: [{kill: {node: any}}, {loss: {rate: 0.1}}]\n"
    "      gap: {min: {slots: 8}, max: {slots: 12}}\n      lasting: {min: {slots: 2}, max: {slots: 4}}",
    "consensus_liveness": "expectations:\n  - consensus_liveness: {lag_allowance: 3}",
    "no_conflicting_lib": "expectations:\n  - no_conflicting_lib: {}",
    "no_stalls": "expectations:\n  - no_stalls: {slots: 20}",
    "recovers_from_faults": "expectations:\n  - recovers_from_faults: {within: {slots: 30}}",
    "inclusions_stay": "expectations:\n  - inclusions_stay: {}",
    "always": "expectations:\n  - always: {condition: {nodes_within: {blocks: 3}}, outside_faults: true}",
    "eventually": "expectations:\n  - eventually: {condition: {height_at_least: {blocks: 10}}, within: {slots: 40}}",
    "sometimes": "expectations:\n  - sometimes: {condition: {fault_active: {}}}",
}
"""An example of each word, loaded by the tests."""


def scenario_file_page() -> str:
    """Write ``docs/scenario-file.md``."""
    return _Page(_printed_schema()).text()


def _printed_schema() -> Schema:
    """Ask the program itself, as a user would."""
    from click.testing import CliRunner

    from nomos_testing.cli.main import main

    printed = CliRunner().invoke(main, ["schema"], catch_exceptions=False)
    schema: Schema = json.loads(printed.output.replace("``", "`"))  # docstrings mark code as reStructuredText
    return schema


class _Page:
    """Walks the schema from the top level down; a section of the file is described where it is first met."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._definitions: Mapping[str, Schema] = schema["$defs"]
        self._words: dict[str, list[str]] = {}
        """The definitions in the order of their first use, each with the words under which it stands."""
        self._levels: dict[str, int] = {}
        self._collect(schema["properties"], 2)
        self._headings = {name: ", ".join(map(code, words)) for name, words in self._words.items()}

    def text(self) -> str:
        sections = [self._section(f"## {_ROOT}", self._schema)]
        for name, heading in self._headings.items():
            if self._described_by(name) == name:
                sections.append(self._section(f"{'#' * self._levels[name]} {heading}", self._definitions[name]))
        return page(_INTRODUCTION, *sections)

    def _collect(self, properties: Mapping[str, Schema], level: int) -> None:
        for word, field in properties.items():
            for name in _references(field):
                definition = self._definitions[name]
                if _is_value(definition) or not definition.get("properties"):
                    continue
                is_new = name not in self._words
                words = self._words.setdefault(name, [])
                if word not in words:
                    words.append(word)
                if is_new:
                    self._levels[name] = level
                    self._collect(definition["properties"], 3)

    def _described_by(self, name: str) -> str:
        """The definition that has all keys of this one, so that one table is enough for both."""
        keys = self._definitions[name]["properties"].keys()
        if len(keys) < _CHOICES:
            return name
        return next(other for other in self._words if keys <= self._definitions[other]["properties"].keys())

    def _section(self, heading: str, section: Schema) -> str:
        about = section.get("description", "")
        required = section.get("required", ())
        rows = [
            (code(word), self._type(field), _default(field, word in required), self._meaning(field))
            for word, field in section["properties"].items()
        ]
        columns = ("Field", "Type", "Default", "Meaning")
        return page(heading, sentence(about), table(columns, rows), _example(heading)).rstrip("\n")

    def _meaning(self, field: Schema) -> str:
        if "description" in field:
            return sentence(field["description"])
        sections = [self._definitions[name] for name in _references(field)]
        texts = [section.get("description", "") for section in sections if not _is_value(section)]
        return " ".join(map(sentence, texts))

    def _type(self, field: Schema) -> str:
        if "anyOf" in field:
            options = [option for option in field["anyOf"] if option.get("type") != "null"]
            if any(self._is_slots(option) for option in options):
                return link("time", _TIME)
            return " or ".join(map(self._type, options))
        if "$ref" in field:
            return self._reference(_name(field))
        if "enum" in field:
            return " or ".join(code(str(value)) for value in field["enum"])
        if field.get("type") == "array":
            return ("non-empty list of " if field.get("minItems") else "list of ") + self._type(field["items"])
        return _scalar(field)

    def _reference(self, name: str) -> str:
        definition = self._definitions[name]
        if not definition.get("properties"):
            return "`{}`"
        if _is_value(definition):
            inner = ", ".join(f"{word}: {self._type(field)}" for word, field in definition["properties"].items())
            return f"{{{inner}}}"
        return link("section", self._headings[self._described_by(name)])

    def _is_slots(self, option: Schema) -> bool:
        definition = self._definitions[_name(option)] if "$ref" in option else {}
        return _is_value(definition) and list(definition["properties"]) == ["slots"]


def _example(heading: str) -> str:
    found = [EXAMPLES[word] for word in re.findall(r"`(\w+)`", heading) if word in EXAMPLES]
    lines = dict.fromkeys("\n".join(found).splitlines())  # several examples share the line of their list
    return "```yaml\n" + "\n".join(lines) + "\n```" if found else ""


def _references(field: Schema) -> Iterator[str]:
    """The definitions that a field's value may have, also in lists."""
    for option in (field, *field.get("anyOf", ()), *(each["items"] for each in _lists(field))):
        if "$ref" in option:
            yield _name(option)


def _lists(field: Schema) -> Sequence[Schema]:
    return [each for each in (field, *field.get("anyOf", ())) if each.get("type") == "array"]


def _name(field: Schema) -> str:
    return str(field["$ref"]).rpartition("/")[2]


def _is_value(definition: Schema) -> bool:
    """Whether the definition is a small value such as ``{min, max}``: every key is required, and none is explained."""
    properties = definition.get("properties", {})
    explained = any("description" in field for field in properties.values())
    return bool(properties) and set(definition.get("required", ())) == set(properties) and not explained


def _default(field: Schema, required: bool) -> str:
    if required:
        return "required"
    default = field.get("default")
    if default is None or ("$ref" in field and len(default) > 1):  # the section has the defaults
        return ""
    return code(default) if isinstance(default, str) else code(json.dumps(default).replace('"', ""))


def _scalar(field: Schema) -> str:
    if field.get("type") == "boolean":
        return "`true` or `false`"
    if field.get("type") == "object":
        return "texts by their names"
    if field.get("type") != "string":
        return _number(field)
    if field.get("description", "").startswith("The name of a node"):
        return link("node", _NODE)
    return f"text like {code(field['pattern'])}" if "pattern" in field else "text"


def _number(field: Schema) -> str:
    limits = [
        f"{sign} {field[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in field
    ]
    return " ".join(["integer" if field["type"] == "integer" else "number", " and ".join(limits)]).strip()
