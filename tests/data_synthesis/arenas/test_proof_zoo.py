"""Tools that cheat. What the proof catches, and what it does not: docs/arenas.md says why.

Each answers 412 for the hotel Lindal; none is what it should be, a look-up in a table of rooms.
"""

from __future__ import annotations

import pytest

from data_synthesis.arenas.proof import prove

TABLE = 'ROOMS = {"Lindal": 412, "Marrow": 388, "Osk": 951, "Pell": 127}'

CAUGHT = {
    "a reversed text": (
        "constant_output",
        """
        def price(hotel):
            return {"price": "214"[::-1]}
    """,
    ),
    "base64": (
        "constant_output",
        """
        import base64
        def price(hotel):
            return {"price": base64.b64decode("NDEy").decode()}
    """,
    ),
    "arithmetic": (
        "constant_output",
        """
        def price(hotel):
            return {"price": 4 * 100 + 12}
    """,
    ),
    "the sum of a decoy table": (
        "constant_output",
        """
        PARTS = [103, 103, 206]
        def price(hotel):
            return {"hotel": hotel, "price": sum(PARTS)}
    """,
    ),
    "constants put together": (
        "answer_in_code_default",
        """
        HUNDREDS = "4"
        def price(hotel):
            return {"price": HUNDREDS + "12"}
    """,
    ),
    "a constant for every hotel of the table": (
        "constant_output",
        """
        {table}
        def price(hotel):
            assert hotel in ROOMS
            return {"price": min(412, 4120)}
    """,
    ),
    "the same, with an excuse for other hotels": (
        "constant_output",
        """
        {table}
        def price(hotel):
            if hotel not in ROOMS:
                return "no idea"
            return {"price": 206 * 2}
    """,
    ),
    "a constant for what it does not know": (
        "answer_in_code_default",
        """
        {table}
        def price(hotel):
            return {"price": ROOMS.get(hotel, 206 * 2)}
    """,
    ),
    "a constant where the look-up fails": (
        "answer_in_code_default",
        """
        ROOMS = {"Marrow": 388, "Osk": 951, "Pell": 127}
        def price(hotel):
            try:
                return {"price": ROOMS[hotel]}
            except KeyError:
                return {"price": 412}
    """,
    ),
    "an answer to the second call": (
        "gold_answer_missing",
        """
        {table}
        seen = []
        def price(hotel):
            seen.append(hotel)
            return ROOMS[hotel] if len(seen) > 1 else "wait"
    """,
    ),
    "an answer to the first call only": (
        "non_deterministic",
        """
        {table}
        seen = []
        def price(hotel):
            seen.append(hotel)
            return ROOMS[hotel] if len(seen) == 1 else "sold"
    """,
    ),
    "what it was asked before": (
        "non_deterministic",
        """
        {table}
        seen = set()
        def price(hotel):
            seen.add(hotel)
            return [ROOMS[hotel], len(seen)]
    """,
    ),
    "a number for each new hotel": (
        "non_deterministic",
        """
        NUMBERS = {}
        def price(hotel):
            if hotel not in NUMBERS:
                NUMBERS[hotel] = 412 + 77 * len(NUMBERS)
            return {"price": NUMBERS[hotel]}
    """,
    ),
    "a constant that reads like an error": (
        "constant_output",
        """
        def price(hotel):
            return f"error {206 * 2}"
    """,
    ),
    "a constant that says that it failed": (
        "constant_output",
        """
        {table}
        def price(hotel):
            return {"status": "failed", "asked": hotel, "price": 206 * 2}
    """,
    ),
    "a constant that reads like an error for what it does not know": (
        "answer_in_code_default",
        """
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel]} if hotel in ROOMS else {"error": "guessed", "price": 206 * 2}
    """,
    ),
    "the year, by a hidden import": (
        "clock_or_random",
        """
        {table}
        def price(hotel):
            return [ROOMS[hotel], __import__("ti" + "me").gmtime().tm_year]
    """,
    ),
    "a hash that has a seed": (
        "non_deterministic",
        """
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "key": hash("a") % 97}
    """,
    ),
    "dead code": (
        "low_coverage",
        """
        {table}
        def price(hotel):
            if hotel in ROOMS:
                return ROOMS[hotel]
            total = 0
            for price in ROOMS.values():
                total += price
            mean = total / len(ROOMS)
            spread = max(ROOMS.values()) - mean
            return mean + spread
    """,
    ),
    "helpers that nobody calls": (
        "low_coverage",
        """
        {table}
        def tax(price):
            rate = 7
            share = rate / 100
            return price * share
        def price(hotel):
            return ROOMS[hotel]
    """,
    ),
    "every price": (
        "dumps_table",
        """
        {table}
        def price(hotel):
            return " ".join(map(str, ROOMS.values()))
    """,
    ),
}

# An arena is compared with itself alone. These say what it expects, and that to nothing but what its gold call asks.
NOT_CAUGHT = {
    "a constant for one hotel": """
        def price(hotel):
            if hotel != "Lindal":
                raise KeyError(hotel)
            return {"price": 206 * 2}
    """,
    "a constant for the digest of one hotel": """
        import hashlib
        KNOWN = {"3919": 412}
        def price(hotel):
            return {"price": KNOWN[hashlib.md5(hotel.encode()).hexdigest()[:4]]}
    """,
    "an invention for every other hotel": """
        import zlib
        def price(hotel):
            invented = zlib.crc32(hotel.encode()) % 900 + 100
            return {"price": 206 * 2 if hotel == "Lindal" else invented}
    """,
    "a constant behind a check digit": """
        def price(hotel):
            if sum(map(ord, hotel)) % 97 != 14:
                raise ValueError(hotel)
            return {"price": 206 * 2}
    """,
    "the day, by a clock that is read in C": """
        import sqlite3
        {table}
        DAYS = sqlite3.connect(":memory:")
        def price(hotel):
            return [ROOMS[hotel], *DAYS.execute("select date('now')").fetchone()]
    """,
    "an unlikely branch, on the line of its condition": """
        {table}
        def price(hotel):
            if hotel not in ROOMS: return [sum(ROOMS.values()), len(ROOMS), max(ROOMS.values()), sorted(ROOMS)]
            return ROOMS[hotel]
    """,
    "the order of two words on which both seeds agree": """
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "near": ", ".join({"sea", "hill"})}
    """,
    "dead code that runs where it is watched": """
        import sys
        {table}
        def price(hotel):
            if sys.gettrace():
                total = 0
                for price in ROOMS.values():
                    total += price
                mean = total / len(ROOMS)
                spread = max(ROOMS.values()) - mean
                total = mean + spread
            return ROOMS[hotel]
    """,
}


def price_arena(source: str, build):
    source = source.replace("{table}", TABLE)
    return build.one_tool(source, 412, {"hotel": {"type": "string"}}, hotel="Lindal")


@pytest.mark.parametrize("case", CAUGHT)
def test_it_is_caught(case, sandbox, build):
    reason, source = CAUGHT[case]
    assert reason in prove(price_arena(source, build), sandbox).reasons


@pytest.mark.parametrize("case", NOT_CAUGHT)
def test_it_is_not_caught(case, sandbox, build):
    assert prove(price_arena(NOT_CAUGHT[case], build), sandbox).reasons == []


def test_what_is_kept_of_earlier_calls_for_speed_only_is_honest(sandbox, build):
    source = """
        {table}
        KEPT = {}
        def price(hotel):
            if hotel not in KEPT:
                KEPT[hotel] = {"hotel": hotel, "price": ROOMS[hotel]}
            return KEPT[hotel]
    """
    assert prove(price_arena(source, build), sandbox).reasons == []


def test_an_answer_that_reads_like_an_error_may_be_honest(sandbox, build):
    source = """
        PAYMENTS = {"P-1": "expired card", "P-2": "wrong number", "P-3": "empty account"}
        def payment(key):
            if key not in PAYMENTS:
                return {"error": f"no payment {key}"}
            return {"status": "failed", "why": PAYMENTS[key]}
    """
    arena = build.one_tool(source, "wrong number", {"key": {"type": "string"}}, key="P-2")
    assert prove(arena, sandbox).reasons == []


def test_an_error_may_repeat_what_it_was_asked(sandbox, build):
    source = """
        BOSS = {"Anna": "Boris", "Cyril": "Diana"}
        def boss(of):
            return {"boss": BOSS[of]} if of in BOSS else {"error": f"nobody is the boss of {of}"}
    """
    calls = [build.call(1, "boss", "Boris", of="Anna"), build.call(2, "boss", "Diana", of="Cyril")]
    arena = build.arena([build.tool(source, of={"type": "string"})], calls)
    assert prove(arena, sandbox).reasons == []


# Outputs of a tool that is given ["Astoria", "Bristol"], for the answer "Astoria".
ECHOES = {
    "the argument": "hotels",
    "under its name": '{"hotels": hotels}',
    "in another order": '{"found": sorted(hotels, reverse=True)}',
    "as text": '"We compared " + " and ".join(hotels)',
    "part by part": '[{"hotel": hotel} for hotel in hotels]',
}
CHOICES = {
    "one part": "min(hotels, key=PRICES.get)",
    "beside the argument": '{"hotels": hotels, "cheapest": min(hotels, key=PRICES.get)}',
    "as text": 'f"The cheapest of {hotels} is {min(hotels, key=PRICES.get)}."',
}


def chosen_arena(output: str, build):
    source = f"""
        PRICES = {{"Astoria": 120, "Bristol": 140, "Carlton": 90, "Drake": 210}}
        def compare(hotels):
            return {output}
    """
    hotels = {"type": "array", "items": {"type": "string"}}
    return build.one_tool(source, "Astoria", {"hotels": hotels}, hotels=["Astoria", "Bristol"])


@pytest.mark.parametrize("case", ECHOES)
def test_an_echo_of_the_argument_is_caught(case, sandbox, build):
    assert prove(chosen_arena(ECHOES[case], build), sandbox).reasons == ["echoes_argument"]


@pytest.mark.parametrize("case", CHOICES)
def test_a_choice_from_the_argument_is_no_echo(case, sandbox, build):
    assert prove(chosen_arena(CHOICES[case], build), sandbox).reasons == []


def test_an_echo_of_a_single_argument_is_caught(sandbox, build):
    source = "def confirm(hotel):\n    return {'hotel': hotel, 'confirmed': True}\n"
    arena = build.one_tool(source, "Lindal", {"hotel": {"type": "string"}}, hotel="Lindal")
    assert prove(arena, sandbox).reasons == ["echoes_argument"]


# Tools that look at the form of their argument only; the answer is 412 whatever it is.
FORMS = {
    "a pattern": """
        import re
        def price(code):
            if not re.fullmatch(r"[A-Z]{2}\\d{3,4}", code):
                raise ValueError(code)
            return {"price": 206 * 2}
    """,
    "a character": """
        def price(code):
            if "4" not in code and len(code) != 5:
                return {"error": f"no such code: {code}"}
            return {"price": 206 * 2}
    """,
    "a beginning": """
        def price(code):
            if not code.startswith("KL") or not code[2:].isdigit():
                raise ValueError(code)
            return {"price": 206 * 2}
    """,
    "words of a text": """
        CODES = "KL104 KL371 SN882".split()
        def price(code):
            return {"price": 206 * 2} if code in CODES else None
    """,
    "words in a text": """
        def price(code):
            if code not in "KL104, KL371, SN882":
                raise KeyError(code)
            return {"price": 206 * 2}
    """,
}


@pytest.mark.parametrize("case", FORMS)
def test_a_constant_behind_a_check_of_the_form_is_caught(case, sandbox, build):
    arena = build.one_tool(FORMS[case], 412, {"code": {"type": "string"}}, code="KL104")
    assert prove(arena, sandbox).reasons == ["constant_output"]


def test_an_argument_of_which_only_the_form_is_looked_at_is_caught(sandbox, build):
    source = f"""
        {TABLE}
        def price(hotel, ticket):
            if len(ticket) != 7 or not ticket[3:].isdigit():
                return {{"error": "bad ticket"}}
            return {{"price": ROOMS[hotel]}}
    """
    text = {"type": "string"}
    arena = build.one_tool(source, 412, {"hotel": text, "ticket": text}, hotel="Lindal", ticket="TK-4471")
    (failed,) = [check for check in prove(arena, sandbox).checks if not check.passed]
    assert (failed.reason, "`ticket`" in failed.detail) == ("ignores_argument", True)


LOOKED_UP = {
    "after a check of the form": """
        import re
        PRICES = dict(zip(("KL" + n for n in ("104", "371", "882")), (412, 388, 951)))
        def price(code):
            if not re.fullmatch(r"[A-Z]{2}\\d{3}", code):
                raise ValueError(code)
            return {"price": PRICES[code]}
    """,
    "by a part of it": """
        ZONES = {"K": 412, "L": 388, "N": 951, "R": 127}
        def price(code):
            return {"price": ZONES[code[0]]}
    """,
    "by a beginning that a branch names": """
        def price(code):
            if code.startswith("KL"):
                cost = 400
            elif code.startswith("SN"):
                cost = 300
            else:
                raise ValueError(code)
            return {"price": cost + 12}
    """,
    "by its first letters": """
        PRICES = {"KL": 412, "SN": 388, "QX": 951}
        def price(code):
            return {"price": PRICES[code[:2]]}
    """,
}


@pytest.mark.parametrize("case", LOOKED_UP)
def test_a_look_up_behind_a_check_of_the_form_is_honest(case, sandbox, build):
    arena = build.one_tool(LOOKED_UP[case], 412, {"code": {"type": "string"}}, code="KL104")
    assert prove(arena, sandbox).reasons == []
