"""Tool graphs for people to look at: an SVG for each, and a page of several."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import networkx as nx

from data_synthesis.records import GraphEdge, ToolGraph
from data_synthesis.trajectories.graph.graph import as_networkx

_SIDE, _MARGIN, _RADIUS = 720, 90, 7
_THICKEST = 5.0
_STYLE = (
    "text{font:12px sans-serif;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    "line{stroke:#789}circle{fill:#246}"
)


def draw(graph: ToolGraph) -> str:
    """An SVG of the tools that have edges: thicker is heavier; who points at an edge reads where it comes from."""
    whole = as_networkx(graph)
    connected = whole.subgraph([name for name in graph.nodes if whole.degree(name)])
    apart = 3 / max(len(connected), 1) ** 0.5
    places = nx.spring_layout(connected, k=apart, iterations=300, seed=0, weight=None) if connected else {}
    at = {name: (_coordinate(x), _coordinate(y)) for name, (x, y) in places.items()}
    heaviest = max((edge.weight for edge in graph.edges), default=1.0)
    edges = "".join(_line(edge, at, heaviest) for edge in graph.edges)
    nodes = "".join(_node(name, *at[name]) for name in graph.nodes if name in at)
    arrow = (
        '<defs><marker id="to" viewBox="0 0 8 8" refX="14" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="#789"/></marker></defs>'
    )
    size = f'width="{_SIDE}" height="{_SIDE}" viewBox="0 0 {_SIDE} {_SIDE}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_STYLE}</style>{arrow}{edges}{nodes}</svg>\n'
    )


def page(graphs: Iterable[tuple[str, ToolGraph]]) -> str:
    """One HTML file that needs nothing else. Each graph comes with its title."""
    parts = [f"<h2>{escape(title)}</h2>\n{draw(graph)}{_unconnected(graph)}" for title, graph in graphs]
    return f'<!doctype html><meta charset="utf-8"><title>Tool graphs</title>\n{"".join(parts)}'


def _unconnected(graph: ToolGraph) -> str:
    ends = {name for edge in graph.edges for name in (edge.source, edge.target)}
    alone = [escape(name) for name in graph.nodes if name not in ends]
    return f"<p>In no chain: {', '.join(alone)}</p>\n" if alone else ""


def _coordinate(x: float) -> int:
    return round(_MARGIN + (float(x) + 1) / 2 * (_SIDE - 2 * _MARGIN))


def _line(edge: GraphEdge, at: dict[str, tuple[int, int]], heaviest: float) -> str:
    (x1, y1), (x2, y2) = at[edge.source], at[edge.target]
    width = max(1.0, _THICKEST * edge.weight / heaviest)
    line = f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke-width="{width:.1f}" marker-end="url(#to)">'
    return f"{line}<title>{escape(_told(edge))}</title></line>"


def _node(name: str, x: int, y: int) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{_RADIUS}"/><text x="{x}" y="{y - 12}">{escape(name)}</text>'


def _told(edge: GraphEdge) -> str:
    proposed = [f"proposed {count} times by {by}" for by, count in edge.proposed_by.items()]
    fed = [
        f"{f.output or 'its result'} feeds {f.parameter} ({f.evidence}, {f.score:.2f})" for f in edge.feeds
    ]
    return "\n".join([f"{edge.source} > {edge.target}, weight {edge.weight:.2f}", *proposed, *fed])
