"""Tool graphs for people to look at: an SVG for each, and a page of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import networkx as nx

from data_synthesis.records import GraphEdge, ToolGraph
from data_synthesis.trajectories.graph.graph import as_networkx

_ROW, _COLUMN, _MARGIN, _RADIUS = 64, 200, 40, 7
_THICKEST = 5.0
_STYLE = "text{font:12px sans-serif}line{stroke:#789}circle{fill:#246}"
_ARROW = (
    '<defs><marker id="to" viewBox="0 0 8 8" refX="14" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="#789"/></marker></defs>'
)

Place = tuple[int, int]


def draw(graph: ToolGraph) -> str:
    """An SVG of the tools that have edges, what comes first above: thicker is heavier, and who points at an edge reads
    where it comes from.
    """
    at = _places(graph)
    width = max((x for x, _ in at.values()), default=0) + _COLUMN
    height = max((y for _, y in at.values()), default=0) + _MARGIN
    heaviest = max((edge.weight for edge in graph.edges), default=1.0)
    edges = "".join(_line(edge, at, heaviest) for edge in graph.edges)
    nodes = "".join(_node(name, *place) for name, place in at.items())
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_STYLE}</style>{_ARROW}{edges}{nodes}</svg>\n'


def page(graphs: Iterable[tuple[str, ToolGraph]]) -> str:
    """One HTML file that needs nothing else. Each graph comes with its title."""
    parts = [f"<h2>{escape(title)}</h2>\n{draw(graph)}{_unconnected(graph)}" for title, graph in graphs]
    return f'<!doctype html><meta charset="utf-8"><title>Tool graphs</title>\n{"".join(parts)}'


def _places(graph: ToolGraph) -> dict[str, Place]:
    """A row for each step of the longest way to a tool; tools that lead to each other share one, a column each."""
    whole = as_networkx(graph)
    joined = nx.condensation(whole.subgraph([name for name in graph.nodes if whole.degree(name)]))
    at: dict[str, Place] = {}
    for row, parts in enumerate(nx.topological_generations(joined)):
        names = sorted(name for part in parts for name in joined.nodes[part]["members"])
        for column, name in enumerate(names):
            # Every other row is set off, so that no edge runs through the tool between its ends.
            at[name] = (_MARGIN + column * _COLUMN + row % 2 * _COLUMN // 4, _MARGIN + row * _ROW)
    return at


def _unconnected(graph: ToolGraph) -> str:
    ends = {name for edge in graph.edges for name in (edge.source, edge.target)}
    alone = [escape(name) for name in graph.nodes if name not in ends]
    return f"<p>In no chain: {', '.join(alone)}</p>\n" if alone else ""


def _line(edge: GraphEdge, at: Mapping[str, Place], heaviest: float) -> str:
    (x1, y1), (x2, y2) = at[edge.source], at[edge.target]
    width = max(1.0, _THICKEST * edge.weight / heaviest)
    line = f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke-width="{width:.1f}" marker-end="url(#to)">'
    return f"{line}<title>{escape(_told(edge))}</title></line>"


def _node(name: str, x: int, y: int) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{_RADIUS}"/><text x="{x + 12}" y="{y + 4}">{escape(name)}</text>'


def _told(edge: GraphEdge) -> str:
    proposed = [f"proposed {count} times by {by}" for by, count in edge.proposed_by.items()]
    fed = [
        f"{f.output or 'its result'} feeds {f.parameter} ({f.evidence}, {f.score:.2f})" for f in edge.feeds
    ]
    return "\n".join([f"{edge.source} > {edge.target}, weight {edge.weight:.2f}", *proposed, *fed])
