"""Invented names. Every list is short and their products are large, so that each arena has names of its own."""

from __future__ import annotations

from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


STARTS = _words("""
    Ba Bel Bri Cor Da Dor El Fen Ga Hal Ila Jo Ka Ker La Lu Ma Mi Nor Or Pel Qui Ra Ro Sa Sel Ta Tor Ul
    Ve Vol Wy Yor Za
""")
MIDDLES = _words("ba da den ga la len lo ma men mi na ni ra ren ri ro sa ta ven vi")
GIVEN_ENDS = _words("ra na lin ven dor mir sa ric len ta bel ton")
FAMILY_ENDS = _words("ber dahl fort gard holt kov lund mark nett quist ridge sen stein ward well wick")
PLACE_ENDS = _words("bay borough bury crest dale field ford gate ham haven mere mora port stad ton vale wick")
COLOURS = _words("""
    Amber Ashen Azure Brass Bright Cedar Cobalt Coral Copper Crimson Dusty Ember Golden Granite Hazel
    Hidden Indigo Iron Ivory Jade Lunar Maple Misty Noble Olive Pearl Quiet Rustic Saffron Scarlet
    Silent Silver Stone Sunny Velvet Violet Wild Winter
""")
THINGS = _words("""
    Anchor Arrow Badger Beacon Bell Birch Bridge Candle Compass Crane Crown Dragon Falcon Feather Fern
    Fox Garden Harbor Hare Heron Kettle Lantern Lark Meadow Mill Moon Oak Orchard Otter Owl Pine River
    Robin Rose Sail Sparrow Spring Star Swan Thistle Tiger Tower Whale Willow Wolf Wren
""")
STREETS = _words("Street Road Avenue Lane Square Way")
SYMBOLS = {"?": "ABCDEFGHJKLMNPQRSTUVWXYZ", "#": "0123456789"}


def given_name(rng: Random) -> str:
    return rng.choice(STARTS) + rng.choice(GIVEN_ENDS)


def family_name(rng: Random) -> str:
    return rng.choice(STARTS) + rng.choice(MIDDLES) + rng.choice(FAMILY_ENDS)


def person(rng: Random) -> str:
    return f"{given_name(rng)} {family_name(rng)}"


def relative(rng: Random, name: str) -> str:
    """A person with the same family name: easy to confuse with `name`."""
    return f"{given_name(rng)} {name.split()[-1]}"


def place(rng: Random) -> str:
    return rng.choice(STARTS) + rng.choice(MIDDLES) + rng.choice(PLACE_ENDS)


def compound(rng: Random) -> str:
    """Two words such as `Amber Fox`, for products, venues and teams."""
    return f"{rng.choice(COLOURS)} {rng.choice(THINGS)}"


def street(rng: Random) -> str:
    return f"{rng.randrange(2, 190)} {family_name(rng)} {rng.choice(STREETS)}"


def code(rng: Random, pattern: str) -> str:
    """Fills a pattern: `?` is a letter that no digit resembles, `#` a digit; the first digit is never 0."""
    text = "".join(rng.choice(SYMBOLS.get(symbol, symbol)) for symbol in pattern)
    first = pattern.find("#")
    return (
        text
        if first < 0 or text[first] != "0"
        else text[:first] + rng.choice("123456789") + text[first + 1 :]
    )


def misread(rng: Random, text: str) -> str:
    """`text` with one digit changed: easy to confuse with it."""
    digits = [i for i, symbol in enumerate(text) if symbol.isdigit()]
    if not digits:
        return text
    i = rng.choice(digits)
    return text[:i] + rng.choice([d for d in "123456789" if d != text[i]]) + text[i + 1 :]
