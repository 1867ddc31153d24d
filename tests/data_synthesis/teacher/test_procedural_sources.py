"""Every tool that can be written, in every style, computes what the generator says it does."""

from __future__ import annotations

import ast
from random import Random

import pytest

from data_synthesis.arenas import schema
from data_synthesis.teacher.procedural import DOMAINS, formulas
from data_synthesis.teacher.procedural.design import SHAPES, STYLES, Design, Designer
from data_synthesis.teacher.procedural.documents import write_document
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.kinds import PERSON, code, decimal, integer
from data_synthesis.teacher.procedural.plan import compute
from data_synthesis.teacher.procedural.source import write_source
from data_synthesis.teacher.procedural.world import make_world


def load(source: str, name: str):
    namespace: dict = {"__name__": "tool"}
    exec(compile(source, name, "exec", dont_inherit=True), namespace)
    return namespace[name]


@pytest.mark.parametrize("domain", sorted(DOMAINS))
def test_each_style_returns_the_value_of_each_row(domain):
    rng = Random(domain)
    world = make_world(DOMAINS[domain], rng, (5, 5))
    for lookup in DOMAINS[domain].lookups:
        rows = world[lookup.table.name]
        for style in STYLES:
            names = {c.name: c.arg for c in (*lookup.given, *lookup.extra)}
            design = Design(lookup, f"get_{lookup.stem}", names, style, shape=rng.choice(SHAPES))
            tool = load(write_source(design, rows, rng, brief=False), design.name)
            given = [[row[c.name] for c in lookup.given] for row in rows]
            for row, values in zip(rows, given, strict=True):
                extras = {c.name: c.kind.make(rng) for c in lookup.extra}
                arguments = dict(zip([names[c.name] for c in lookup.given], values, strict=True))
                output = tool(**arguments, **{names[name]: value for name, value in extras.items()})
                if given.count(values) == 1:
                    assert output.get("result", output)[design.result] == compute(lookup, row, extras)


@pytest.mark.parametrize("domain", sorted(DOMAINS))
def test_elaborate_tools_convert_units_and_refuse_what_they_do_not_know(domain):
    rng = Random(domain)
    world = make_world(DOMAINS[domain], rng, (5, 5))
    for lookup in DOMAINS[domain].lookups:
        design = Designer(rng, brief=False).design(lookup)
        rows = world[lookup.table.name]
        tool = load(write_source(design, rows, rng, brief=False), design.name)
        extras = {c.name: c.kind.make(rng) for c in lookup.extra}
        arguments = {design.parameters[c.name]: rows[0][c.name] for c in lookup.given}
        arguments |= {design.parameters[name]: value for name, value in extras.items()}
        for unit in design.units:
            output = tool(**arguments, **({design.unit: unit} if design.unit else {}))
            result = output.get("result", output)[design.result]
            base = unit == next(iter(design.units))
            assert result == compute(lookup, rows[0], extras, None if base else unit)
        first = design.parameters[lookup.given[0].name]
        with pytest.raises((ValueError, KeyError, LookupError, TypeError)):
            tool(**{**arguments, first: "Nowhere at all"})


@pytest.mark.parametrize("brief", [True, False])
@pytest.mark.parametrize("domain", sorted(DOMAINS))
def test_document_and_signature_agree(domain, brief):
    rng = Random(f"{domain}{brief}")
    world = make_world(DOMAINS[domain], rng, (5, 5))
    for lookup in DOMAINS[domain].lookups:
        design = Designer(rng, brief).design(lookup)
        spec = write_document(design, rng, brief)
        source = write_source(design, world[lookup.table.name], rng, brief)
        tree = ast.parse(source)
        function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == spec.name)
        names = [argument.arg for argument in function.args.args]
        assert names == list(spec.parameters["properties"])  # type: ignore[arg-type]
        required = names[: len(names) - len(function.args.defaults)]
        assert required == spec.parameters["required"]
        row = world[lookup.table.name][0]
        arguments = {design.parameters[c.name]: row[c.name] for c in lookup.given}
        arguments |= {design.parameters[c.name]: c.kind.make(rng) for c in lookup.extra}
        assert schema.problems(arguments, spec.parameters) == []


@pytest.mark.parametrize(
    ("start", "end", "minutes"), [("08:05", "10:00", 115), ("22:30", "01:00", 150), ("12:00", "12:00", 0)]
)
def test_minutes_pass_midnight(start, end, minutes):
    assert formulas.minutes_between(start, end) == minutes


def shop(*columns, lookups=()) -> Domain:
    return Domain("shop", Table("item", code("I-###"), *columns), lookups=lookups)


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        (shop(attr("price", integer(1, 9), "the price of {y}")), "must mention"),
        (shop(attr("price", integer(1, 9)), attr("price", integer(1, 9))), "declared twice"),
        (shop(attr("row", integer(1, 9))), "meaning of its own"),
        (shop(attr("class", integer(1, 9))), "meaning of its own"),
        (
            shop(
                attr("price", integer(1, 9)),
                lookups=(Calc("item", "vat", formulas.multiply, ("price",), ("the tax of {x}",)),),
            ),
            "no noun phrase contains the words 'vat'",
        ),
        (shop(attr("owner", PERSON), lookups=(Find("item", ("owner",), ("an item",)),)), "must mention"),
    ],
)
def test_an_author_s_slip_is_named(domain, message):
    with pytest.raises(ValueError, match=message):
        _ = domain.lookups


def test_a_link_to_a_table_with_several_keys_is_refused():
    pair = (link("left", "item"), link("right", "item"))
    with pytest.raises(ValueError, match="which has no single key"):
        Domain(
            "shop",
            Table("item", code("I-###"), link("pair", "pair")),
            Table("pair", pair, attr("gap", decimal(1, 9)), phrase="the {label} between {left} and {right}"),
        )
