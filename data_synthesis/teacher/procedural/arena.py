"""Arenas from a domain, a seed and options: the same three give the same bytes, on any machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from random import Random

from data_synthesis.records import Arena, ArenaTool, FollowUp, GoldCall, Provenance, Scenario, Variant
from data_synthesis.teacher.procedural.design import Design, Designer
from data_synthesis.teacher.procedural.documents import write_document
from data_synthesis.teacher.procedural.domain import Domain, Lookup
from data_synthesis.teacher.procedural.domains import DOMAINS
from data_synthesis.teacher.procedural.options import Options
from data_synthesis.teacher.procedural.phrasing import (
    GRANT,
    GRANT_BRIEF,
    SUPPLY,
    SUPPLY_BRIEF,
    Speaker,
    listed,
    sub_question,
    together,
    user_question,
)
from data_synthesis.teacher.procedural.plan import Planner, Step, Unsuitable, in_order
from data_synthesis.teacher.procedural.source import write_source
from data_synthesis.teacher.procedural.world import World, make_world

WORLDS, DRAWS = 40, 10  # worlds tried, and draws from each, before a domain is said to be unable
LONGEST = 50  # words of a brief question
SEED_STRIDE = 2**32  # arenas of one seed are numbered below this, so that no two seeds share an arena


def make_arena(domain: str, seed: int, options: Options | None = None) -> Arena:
    """One arena.

    Raises:
        KeyError: no domain of that name.
        ValueError: the domain is too small for what the options ask.
    """
    options = options or Options()
    if domain not in DOMAINS:
        raise KeyError(f"no domain {domain!r}: choose among {', '.join(DOMAINS)}")
    rng = Random(f"{domain}:{seed}")
    scenario = _choose(rng, options.weights())
    reason = None
    for _ in range(WORLDS):
        world = make_world(DOMAINS[domain], rng, options.rows)
        for _ in range(DRAWS):
            try:
                return _draw(DOMAINS[domain], world, seed, scenario, options, rng)
            except Unsuitable as error:
                reason = error
    raise ValueError(f"domain {domain} makes no {scenario} arena for seed {seed} and these options: {reason}")


def make_arenas(
    count: int, *, seed: int, domains: Sequence[str] | None = None, options: Options | None = None
) -> Iterator[Arena]:
    """`count` arenas, domains in turn. Distractors come from the same domains, unless the options say otherwise."""
    names = list(domains) if domains is not None else list(DOMAINS)
    options = options or Options()
    if options.distractor_domains is None:
        options = replace(options, distractor_domains=tuple(names))
    for index in range(count):
        yield make_arena(names[index % len(names)], seed * SEED_STRIDE + index, options)


def _choose(rng: Random, weights: dict[Scenario, float]) -> Scenario:
    return rng.choices(list(weights), list(weights.values()))[0]


def _draw(
    domain: Domain, world: World, seed: int, scenario: Scenario, options: Options, rng: Random
) -> Arena:
    count = rng.randint(*options.bounds(scenario))
    goals = together(Planner(domain, world, rng, units=not options.brief).draw(scenario, count))
    steps = in_order(goals)
    variant = _variant(rng, options)
    speaker = Speaker(rng, options.brief)
    toolbox = Toolbox(domain, world, options, rng)
    designs = [toolbox.design(step.lookup) for step in steps]
    follow_ups = _follow_ups(variant, steps, designs, speaker)
    question = user_question(goals, speaker, domain.openers)
    _refuse_leaks(steps, [question, *(f.content for f in follow_ups)])
    if options.brief and len(question.split()) > LONGEST:
        raise Unsuitable("the question is long")
    return Arena(
        question=question,
        domain=domain.name,
        scenario=scenario,
        variant=variant,
        tools=toolbox.tools(),
        gold_calls=[
            _gold(step, i, steps, design)
            for i, (step, design) in enumerate(zip(steps, designs, strict=True), 1)
        ],
        distractors=[*toolbox.siblings(), *_distractors(domain, options, toolbox.designer.verb, rng)],
        follow_ups=follow_ups,
        final_answer=_final_answer(goals, options.brief),
        provenance=Provenance(teacher="procedural", seed=seed),
    )


class Toolbox:
    """The tools of one arena, each designed once."""

    def __init__(self, domain: Domain, world: World, options: Options, rng: Random):
        self.domain, self.world, self.options, self.rng = domain, world, options, rng
        self.designer = Designer(rng, options.brief)
        self.designs: dict[str, Design] = {}

    def design(self, lookup: Lookup) -> Design:
        if lookup.stem not in self.designs:
            self.designs[lookup.stem] = self.designer.design(lookup)
        return self.designs[lookup.stem]

    def tools(self) -> list[ArenaTool]:
        return [self._tool(design) for design in self.designs.values()]

    def siblings(self) -> list[ArenaTool]:
        """Tools of the domain that are not needed; those like a needed one come first."""
        needed = [design.lookup for design in self.designs.values()]
        others = [one for one in self.domain.lookups if one not in needed]
        self.rng.shuffle(others)
        others.sort(key=lambda one: not any(_alike(one, other) for other in needed))
        count = self.rng.randint(*self.options.siblings)
        return [self._tool(self.designer.design(lookup)) for lookup in others[:count]]

    def _tool(self, design: Design) -> ArenaTool:
        brief, rows = self.options.brief, self.world[design.lookup.table.name]
        spec = write_document(design, self.rng, brief)
        return ArenaTool(spec=spec, source=write_source(design, rows, self.rng, brief))


def _alike(one: Lookup, other: Lookup) -> bool:
    return one.table is other.table or one.asked.name == other.asked.name


def _variant(rng: Random, options: Options) -> Variant:
    draw = rng.random()
    if draw < options.missing_function:
        return "missing_function"
    return "missing_parameter" if draw < options.missing_function + options.missing_parameter else "base"


def _follow_ups(
    variant: Variant, steps: list[Step], designs: list[Design], speaker: Speaker
) -> list[FollowUp]:
    rng = speaker.rng
    if variant == "missing_function":
        tool = rng.choice(designs).name
        text = rng.choice(GRANT_BRIEF if speaker.brief else GRANT).format(tool=tool)
        return [FollowUp(content=text, reveals=[tool])]
    if variant == "missing_parameter":
        known = [
            (c, s.row[c.name]) for s in steps for c in s.lookup.given if c.name not in s.inputs and c.vague
        ]
        if not known:
            raise Unsuitable("nothing to leave out")
        column, value = rng.choice(known)
        speaker.vague[column.name, value] = column.vague
        ref = column.ref.format(value)
        return [FollowUp(content=rng.choice(SUPPLY_BRIEF if speaker.brief else SUPPLY).format(ref=ref))]
    return []


def _refuse_leaks(steps: list[Step], texts: list[str]) -> None:
    said = "\n".join(texts).casefold()
    if any(str(step.value).removesuffix(".0").casefold() in said for step in steps):
        raise Unsuitable("the user says an answer")


def _gold(step: Step, number: int, steps: list[Step], design: Design) -> GoldCall:
    values = {**{c.name: step.row[c.name] for c in step.lookup.given}, **step.extras}
    arguments = {design.parameters[name]: value for name, value in values.items()}
    if step.unit and design.unit:
        arguments[design.unit] = step.unit
    return GoldCall(
        id=number,
        tool=design.name,
        arguments=arguments,
        expected=step.value,
        question=sub_question(step),
        depends_on=sorted(steps.index(parent) + 1 for parent in step.inputs.values()),
    )


def _final_answer(goals: list[Step], brief: bool) -> str:
    values = [f"{goal.value} {goal.unit}" if goal.unit else str(goal.value) for goal in goals]
    if brief:
        return listed(values)
    return " ".join(
        f"The {goal.lookup.asked.label} is {value}." for goal, value in zip(goals, values, strict=True)
    )


def _distractors(domain: Domain, options: Options, verb: str, rng: Random) -> list[ArenaTool]:
    names = options.distractor_domains if options.distractor_domains is not None else tuple(DOMAINS)
    pool = [tool for name in names if name != domain.name for tool in tool_pool(name, options.docs, verb)]
    count = min(rng.randint(*options.distractors), len(pool))
    return rng.sample(pool, count)


@cache
def tool_pool(domain: str, docs: str, verb: str) -> tuple[ArenaTool, ...]:
    """Tools of a domain with data of their own, to distract in arenas of other domains."""
    rng = Random(f"pool:{domain}:{docs}:{verb}")
    options = Options(docs="brief" if docs == "brief" else "full")
    found: dict[str, ArenaTool] = {}
    for _ in range(2):
        toolbox = Toolbox(DOMAINS[domain], make_world(DOMAINS[domain], rng, options.rows), options, rng)
        toolbox.designer.verb = verb
        for lookup in DOMAINS[domain].lookups:
            toolbox.design(lookup)
        found |= {tool.name: tool for tool in toolbox.tools()}
    return tuple(found.values())
