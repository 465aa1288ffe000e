"""The sections about the chain: heights, forks, and the ways of blocks through the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from nomos_testing.evidence.fork_trees import ForkTree, Reorganisation
from nomos_testing.evidence.numbers import RunNumbers
from nomos_testing.evidence.propagation import Block as ChainBlock
from nomos_testing.report.page import Block, Figure, Figures, Paragraph, Section, Table
from nomos_testing.report.plots.fork_tree import ForkBlock, fork_tree
from nomos_testing.report.plots.percentile_bars import PercentileRow, percentile_bars
from nomos_testing.report.plots.series_plot import SeriesPlot
from nomos_testing.report.sections.drawing import RunFrame, figure, spoken_ends
from nomos_testing.report.svg import counted

_SHOWN_TREES: Final = 4
"""Trees that are not folded."""
_MOST_TREES: Final = 40
_MOST_ROWS: Final = 200
_MOST_NAMES: Final = 4


def height_section(numbers: RunNumbers, frame: RunFrame) -> Section:
    """Return the section of the nodes' heights."""
    blocks: list[Block] = []
    if numbers.heights:
        plot = SeriesPlot(
            title="Height of each node's tip",
            description=spoken_ends(numbers.heights, "blocks"),
            series=numbers.heights,
            end=frame.end,
            windows=frame.windows,
            whole=True,
            styles=frame.styles,
            breaks=frame.breaks,
        )
        ended = any(at < frame.end - 1 for ends in frame.breaks.values() for at in ends)
        blocks.append(figure(plot, note="A line stops where its node ended." if ended else ""))
    else:
        blocks.append(Paragraph("No node showed a block."))
    return Section("height", "Block height", blocks)


def forks_section(numbers: RunNumbers) -> Section:
    """Return the section of the forks. It is empty if no node left a branch."""
    return Section("forks", "Forks", list(_forks(numbers)))


def _forks(numbers: RunNumbers) -> Iterator[Block]:
    if not numbers.fork_trees:
        return
    count = f"{counted(len(numbers.reorganisations), 'reorganisation')} at {counted(len(numbers.fork_trees), 'fork')}."
    deepest = sorted(numbers.fork_trees, key=_depth, reverse=True)
    drawn = [tree for tree in deepest if tree.blocks][:_MOST_TREES]
    further = drawn[_SHOWN_TREES:]
    yield Paragraph(f"{count} The deepest come first." if further else count)
    yield Figures([_tree(tree, numbers) for tree in drawn[:_SHOWN_TREES]])
    if further:
        yield Figures([_tree(tree, numbers) for tree in further], f"{counted(len(further), 'further fork')}")
    rows = [
        [f"{item.at:.2f}", item.node, str(item.abandoned), str(item.adopted), item.old_tip[:8], item.new_tip[:8]]
        for item in sorted(numbers.reorganisations, key=lambda item: -item.abandoned)[:_MOST_ROWS]
    ]
    rows.sort(key=lambda row: float(row[0]))
    yield Table("Reorganisations", ("seconds", "node", "left", "took", "old tip", "new tip"), rows)


def _depth(tree: ForkTree) -> int:
    return max(item.abandoned for item in tree.reorganisations)


def _tree(tree: ForkTree, numbers: RunNumbers) -> Figure:
    abandoned = tree.abandoned
    blocks = [_fork_block(block, block.id not in abandoned, tree.reorganisations) for block in tree.blocks]
    ancestor = numbers.blocks.get(tree.ancestor)
    if ancestor is not None:
        height = ancestor.height
        root = _fork_block(ancestor, adopted=True, reorganisations=tree.reorganisations)
    else:  # genesis, or a block of before the run
        height = min(block.height for block in tree.blocks) - 1
        root = ForkBlock(tree.ancestor, "", height, None, adopted=True, note="genesis" if height == 0 else "")
    nodes = _named(item.node for item in tree.reorganisations)
    title = f"Fork above height {height}: {nodes} left {counted(_depth(tree), 'block')}"
    first, last = (f"{tree.reorganisations[place].at:.1f} s" for place in (0, -1))
    when = f"at {first}" if first == last else f"from {first} to {last}"
    return Figure(title, fork_tree(title, [root, *blocks]), note=f"Nodes changed their branch {when}.", axis=False)


def _named(nodes: Iterable[str]) -> str:
    """Return the names of a few nodes, or the number of many."""
    names = sorted(set(nodes))
    return ", ".join(names) if len(names) <= _MOST_NAMES else counted(len(names), "node")


def _fork_block(block: ChainBlock, adopted: bool, reorganisations: tuple[Reorganisation, ...]) -> ForkBlock:
    left = _named(item.node for item in reorganisations if item.old_tip == block.id)
    took = _named(item.node for item in reorganisations if item.new_tip == block.id)
    notes = [f"{block.transactions} tx", f"first on {block.first_node}"]
    notes += [f"left by {left}"] if left else []
    notes += [f"taken by {took}"] if took else []
    return ForkBlock(block.id, block.parent, block.height, block.slot, adopted, ", ".join(notes))


def propagation_section(numbers: RunNumbers) -> Section:
    """Return the section of the ways of blocks. It is empty for journals that do not tell tips."""
    rows = [
        PercentileRow(node, found.p50, found.p90, found.p99, found.count) for node, found in numbers.propagation.items()
    ]
    if not rows:
        return Section("propagation", "Propagation", [])
    title = "Seconds from a block's first sighting to its arrival"
    note = (
        "Bars from thick to thin: p50, p90, p99. Nodes are asked in turn, so that a time is as exact as the interval "
        "between two questions."
    )
    drawn = Figure(title, percentile_bars(title, rows, counted="blocks"), note=note, axis=False)
    return Section("propagation", "Propagation of blocks", [drawn])
