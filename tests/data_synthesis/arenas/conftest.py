"""Small hand-written arenas: `arena_of` builds one, `good_arena` is each of several styles of sound ones."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from data_synthesis.records import Arena, ArenaTool, GoldCall, ToolSpec

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}

PRICES = """
    PRICES = {"Lindal": 412, "Marrow": 388, "Osk": 951, "Pell": 127}

    def room_price(hotel):
        if hotel not in PRICES:
            raise KeyError(f"no hotel {hotel}")
        return {"hotel": hotel, "price": PRICES[hotel]}
"""


def tool_of(source: str, **parameters: dict) -> ArenaTool:
    """A tool whose document is made from its parameters' schemas; those with a default are optional."""
    source = dedent(source).lstrip()
    name = source[source.rindex("\ndef ") if "\ndef " in source else 0 :].split("def ", 1)[1].split("(")[0]
    required = [each for each, schema in parameters.items() if "default" not in schema]
    document = {"type": "object", "properties": parameters, "required": required}
    return ArenaTool(spec=ToolSpec(name=name, description=f"{name}.", parameters=document), source=source)


def call(
    number: int, tool: str, expected: object, after: tuple[int, ...] = (), **arguments: object
) -> GoldCall:
    return GoldCall.model_validate(
        {
            "id": number,
            "tool": tool,
            "arguments": arguments,
            "expected": expected,
            "depends_on": list(after),
            "question": f"q{number}?",
        }
    )


def arena_of(tools: list[ArenaTool], gold_calls: list[GoldCall], **fields: object) -> Arena:
    fields = {"question": "What does the guide say?", "domain": "travel", "final_answer": "Done.", **fields}
    return Arena.model_validate(dict(tools=tools, gold_calls=gold_calls, **fields))


def one_tool(source: str, expected: object, parameters: dict[str, dict], **arguments: object) -> Arena:
    tool = tool_of(source, **parameters)
    return arena_of([tool], [call(1, tool.name, expected, **arguments)])


def prices_arena(**fields: object) -> Arena:
    """Two parallel calls of one tool."""
    calls = [call(1, "room_price", 412, hotel="Lindal"), call(2, "room_price", 951, hotel="Osk")]
    return arena_of([tool_of(PRICES, hotel=TEXT)], calls, scenario="parallel_single_hop", **fields)


def _mapping() -> Arena:
    return prices_arena()


def _tuple_keys() -> Arena:
    source = """
        FARES = {("Osk", "Pell"): 31.5, ("Pell", "Osk"): 29.0, ("Osk", "Marrow"): 54.25, ("Marrow", "Pell"): 18.75}

        def fare(origin: str, destination: str, seats: int = 1) -> dict:
            key = (origin, destination)
            if key not in FARES:
                return {"error": f"no line from {origin} to {destination}"}
            return {"origin": origin, "fare": {"amount": FARES[key] * seats, "currency": "EUR"}}
    """
    parameters = {"origin": TEXT, "destination": TEXT, "seats": {**WHOLE, "minimum": 1, "default": 1}}
    return one_tool(source, 94.5, parameters, origin="Osk", destination="Pell", seats=3)


def _records() -> Arena:
    source = """
        ROWS = [
            {"city": "Osk", "day": "2026-03-01", "high": 14, "sky": "overcast"},
            {"city": "Osk", "day": "2026-03-02", "high": 17, "sky": "sunny"},
            {"city": "Pell", "day": "2026-03-01", "high": 9, "sky": "hail"},
            {"city": "Pell", "day": "2026-03-02", "high": 8, "sky": "drizzle"},
        ]

        def forecast(city, day, units="metric"):
            for row in ROWS:
                if row["city"].lower() == city.lower() and row["day"] == day:
                    high = row["high"] if units == "metric" else row["high"] * 9 / 5 + 32
                    return [{"high": high}, {"sky": row["sky"]}]
            raise LookupError("no forecast")
    """
    units = {"type": "string", "enum": ["metric", "imperial"], "default": "metric"}
    parameters = {"city": TEXT, "day": {"type": "string", "format": "date"}, "units": units}
    return one_tool(
        source, {"high": 62.6, "sky": "sunny"}, parameters, city="OSK", day="2026-03-02", units="imperial"
    )


def _delimited_text() -> Arena:
    source = '''
        DATA = """
        4107|Anders Holm|second floor
        4108|Berit Lund|basement
        4109|Carl Moe|annex
        """

        def desk_of(badge: int) -> str:
            for line in DATA.strip().splitlines():
                number, name, place = line.strip().split("|")
                if int(number) == badge:
                    return f"{name} sits in the {place}"
            raise ValueError("unknown badge")
    '''
    return one_tool(source, "Berit Lund", {"badge": WHOLE}, badge=4108)


def _json_text() -> Arena:
    source = """
        import json

        STOCK = json.loads('[{"sku": "K-1", "left": 40}, {"sku": "K-2", "left": 71}, {"sku": "K-9", "left": 3}]')

        def stock(sku):
            found = [row["left"] for row in STOCK if row["sku"] == sku]
            return json.dumps({"left": found[0] if found else None})
    """
    return one_tool(source, 71, {"sku": TEXT}, sku="K-2")


def _instances() -> Arena:
    source = """
        from dataclasses import asdict, dataclass

        @dataclass(frozen=True)
        class Star:
            name: str
            light_years: float

        STARS = [Star("Vega", 25.04), Star("Altair", 16.73), Star("Deneb", light_years=2615.0)]

        def star(name):
            return next(asdict(each) for each in STARS if each.name == name)
    """
    return one_tool(source, 16.73, {"name": TEXT}, name="Altair")


def _branches() -> Arena:
    source = """
        def opening(museum: str) -> dict:
            if museum == "Rail":
                return {"opens": "10:30"}
            if museum == "Glass":
                return {"opens": "09:15"}
            match museum:
                case "Salt":
                    return {"opens": "11:45"}
            raise ValueError(museum)
    """
    return one_tool(source, "09:15", {"museum": TEXT}, museum="Glass")


def _computed() -> Arena:
    source = """
        import random
        from datetime import date, timedelta

        def due(start: str, days: int, holidays: list) -> dict:
            assert random.Random(7).random() < 1
            day = date.fromisoformat(start) + timedelta(days=days + len(holidays))
            return {"due": day.isoformat()}
    """
    parameters = {"start": TEXT, "days": WHOLE, "holidays": {"type": "array", "items": TEXT}}
    return one_tool(source, "2026-05-04", parameters, start="2026-04-20", days=13, holidays=["2026-05-01"])


def _multi_hop() -> Arena:
    owner = """
        OWNERS = {"Blue Gate": "Irsa Venn", "Red Gate": "Tam Ock", "Old Mill": "Lio Parr"}

        def owner_of(building):
            return {"owner": OWNERS[building]}
    """
    phone = """
        PHONES = {"Irsa Venn": "555-0101", "Tam Ock": "555-0142", "Lio Parr": "555-0177"}

        def phone_of(person):
            return {"person": person, "phone": PHONES[person]}
    """
    calls = [
        call(1, "owner_of", "Tam Ock", building="Red Gate"),
        call(2, "owner_of", "Lio Parr", building="Old Mill"),
        call(3, "phone_of", "555-0142", after=(1,), person="Tam Ock"),
    ]
    tools = [tool_of(owner, building=TEXT), tool_of(phone, person=TEXT)]
    distractor = tool_of(PRICES, hotel=TEXT)
    return arena_of(tools, calls, distractors=[distractor], scenario="parallel_multi_hop")


GOOD: dict[str, Callable[[], Arena]] = {
    "mapping": _mapping,
    "tuple_keys": _tuple_keys,
    "records": _records,
    "delimited_text": _delimited_text,
    "json_text": _json_text,
    "instances": _instances,
    "branches": _branches,
    "computed": _computed,
    "multi_hop": _multi_hop,
}


@pytest.fixture(params=sorted(GOOD))
def good_arena(request: pytest.FixtureRequest) -> Arena:
    return GOOD[request.param]()


class Build:
    """The builders above, as tests cannot import a conftest."""

    tool = staticmethod(tool_of)
    call = staticmethod(call)
    arena = staticmethod(arena_of)
    one_tool = staticmethod(one_tool)
    prices = staticmethod(prices_arena)
    multi_hop = staticmethod(_multi_hop)


@pytest.fixture(scope="session")
def build() -> type[Build]:
    return Build
