"""Arenas from a domain, a seed and options: the same three give the same bytes, on any machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from data_synthesis.arenas.distractors import add_distractors
from data_synthesis.records import Arena, FollowUp, GoldCall, Provenance, Scenario, Variant
from data_synthesis.teacher.procedural import phrasing
from data_synthesis.teacher.procedural.design import Design
from data_synthesis.teacher.procedural.domain import Domain
from data_synthesis.teacher.procedural.domains import DOMAINS
from data_synthesis.teacher.procedural.invented import with_invented_nouns
from data_synthesis.teacher.procedural.options import Options
from data_synthesis.teacher.procedural.plan import Planner, Step, Unsuitable, in_order
from data_synthesis.teacher.procedural.toolbox import Toolbox, strangers
from data_synthesis.teacher.procedural.world import World, make_world

WORLDS, DRAWS = 40, 10  # worlds tried, and draws from each, before a domain is said to be unable
LONGEST = 50  # words of a brief question
SEED_STRIDE = 2**32  # arenas of one seed are numbered below this, so that no two seeds share an arena


class ImpossibleOptions(ValueError):
    """A domain is too small for what the options ask."""


def make_arena(domain: str, seed: int, options: Options | None = None) -> Arena:
    """One arena.

    Raises:
        KeyError: no domain of that name.
        ImpossibleOptions: the domain is too small for what the options ask.
    """
    options = options or Options()
    if domain not in DOMAINS:
        raise KeyError(f"no domain {domain!r}: choose among {', '.join(DOMAINS)}")
    rng = Random(f"{domain}:{seed}")
    weights = options.weights(DOMAINS[domain].longest_chain)
    if not any(weights.values()):
        raise ImpossibleOptions(
            f"domain {domain} has no chain of {options.min_sub_questions} lookups, which these options ask"
        )
    scenario = rng.choices(list(weights), list(weights.values()))[0]
    reason = None
    for _ in range(WORLDS):
        world = make_world(DOMAINS[domain], rng, options.rows)
        for _ in range(DRAWS):
            try:
                arena = _draw(DOMAINS[domain], world, seed, scenario, options, rng)
                is_invented = rng.random() < options.invented
                return with_invented_nouns(arena, DOMAINS[domain], rng) if is_invented else arena
            except Unsuitable as error:
                reason = error
    raise ImpossibleOptions(
        f"domain {domain} makes no {scenario} arena for seed {seed} and these options: {reason}"
    )


def make_arenas(
    count: int,
    *,
    seed: int,
    domains: Sequence[str] | None = None,
    options: Options | None = None,
    first: int = 0,
) -> Iterator[Arena]:
    """`count` arenas, domains in turn. Distractors come from the same domains, unless the options say otherwise.

    `first` is the index of the first one in the endless row of arenas of this seed.
    """
    names = list(domains) if domains is not None else list(DOMAINS)
    options = options or Options()
    if options.distractor_domains is None:
        options = replace(options, distractor_domains=tuple(names))
    for index in range(first, first + count):
        yield make_arena(names[index % len(names)], seed * SEED_STRIDE + index, options)


def _draw(
    domain: Domain, world: World, seed: int, scenario: Scenario, options: Options, rng: Random
) -> Arena:
    count = rng.randint(*options.bounds(scenario, domain.longest_chain))
    goals = phrasing.together(Planner(domain, world, rng, units=not options.brief).draw(scenario, count))
    steps = in_order(goals)
    toolbox = Toolbox(domain, world, options, rng)
    designs = [toolbox.design(step.lookup) for step in steps]
    speaker = phrasing.Speaker(rng, options.brief)
    variant = _variant(rng, options)
    follow_ups = _follow_ups(variant, steps, designs, speaker)
    question = phrasing.user_question(goals, speaker, domain.openers)
    _refuse_leaks(steps, [question, *(f.content for f in follow_ups)])
    if options.brief and len(question.split()) > LONGEST:
        raise Unsuitable("the question is long")
    arena = Arena(
        question=question,
        domain=domain.name,
        scenario=scenario,
        variant=variant,
        tools=toolbox.tools(),
        gold_calls=[
            _gold(i, step, steps, design)
            for i, (step, design) in enumerate(zip(steps, designs, strict=True), 1)
        ],
        distractors=toolbox.siblings(),
        follow_ups=follow_ups,
        final_answer=phrasing.final_answer(goals, options.brief),
        provenance=Provenance(teacher="procedural", seed=seed),
    )
    return _with_strangers(arena, options, toolbox.designer.verb, rng)


def _variant(rng: Random, options: Options) -> Variant:
    draw = rng.random()
    if draw < options.missing_function:
        return "missing_function"
    return "missing_parameter" if draw < options.missing_function + options.missing_parameter else "base"


def _follow_ups(
    variant: Variant, steps: list[Step], designs: list[Design], speaker: phrasing.Speaker
) -> list[FollowUp]:
    """The user's later words. A missing parameter also changes how the speaker refers to it in the question."""
    if variant == "missing_function":
        tool = speaker.rng.choice(designs).name
        return [FollowUp(content=speaker.grant(tool), reveals=[tool])]
    if variant == "missing_parameter":
        known = [
            (c, s.row[c.name]) for s in steps for c in s.lookup.given if c.name not in s.inputs and c.vague
        ]
        if not known:
            raise Unsuitable("nothing to leave out")
        return [FollowUp(content=speaker.withhold(*speaker.rng.choice(known)))]
    return []


def _refuse_leaks(steps: list[Step], texts: list[str]) -> None:
    said = "\n".join(texts).casefold()
    if any(str(step.value).removesuffix(".0").casefold() in said for step in steps):
        raise Unsuitable("the user says an answer")


def _gold(number: int, step: Step, steps: list[Step], design: Design) -> GoldCall:
    values = {**{c.name: step.row[c.name] for c in step.lookup.given}, **step.extras}
    arguments = {design.parameters[name]: value for name, value in values.items()}
    if step.unit and design.unit:
        arguments[design.unit] = step.unit
    return GoldCall(
        id=number,
        tool=design.name,
        arguments=arguments,
        expected=step.value,
        question=phrasing.sub_question(step),
        depends_on=sorted(steps.index(parent) + 1 for parent in step.inputs.values()),
    )


def _with_strangers(arena: Arena, options: Options, verb: str, rng: Random) -> Arena:
    names = options.distractor_domains if options.distractor_domains is not None else tuple(DOMAINS)
    others = [name for name in names if name != arena.domain]
    count = rng.randint(*options.distractors)
    chosen = rng.sample(others, min(count, len(others)))
    pool = [tool for name in chosen for tool in strangers(name, options.docs, verb)]
    return add_distractors(arena, pool, count, seed=rng.getrandbits(32))
