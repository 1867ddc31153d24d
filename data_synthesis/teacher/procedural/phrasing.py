"""Wording: steps become noun phrases, goals become a question in a user's voice."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from data_synthesis.teacher.procedural.domain import Column, plain
from data_synthesis.teacher.procedural.formulas import MEASURES
from data_synthesis.teacher.procedural.kinds import PERSON
from data_synthesis.teacher.procedural.plan import Step, in_order

ASK = (
    "What is {np}?",
    "What's {np}?",
    "Tell me {np}.",
    "Can you tell me {np}?",
    "I need {np}.",
    "Please look up {np}.",
    "Could you check {np} for me?",
    "I'd like to know {np}.",
    "Find {np}.",
    "Look up {np}, please.",
    "Please find {np}.",
    "I want to know {np}.",
    "Can you find out {np}?",
    "Give me {np}.",
)
ASK_MANY = (
    "What are {np}?",
    "Tell me {np}.",
    "I need {np}.",
    "Please look up {np}.",
    "Can you get me {np}?",
    "I'd like to know {np}.",
    "Find {np}.",
    "Could you check {np} for me?",
    "Give me {np}, please.",
    "I want to know {np}.",
    "Please find out {np}.",
)
FIRST = ("Find {np}.", "First look up {np}.", "Start with {np}.", "Please find {np}.", "Look up {np} first.")
THEN = (
    "Then tell me {np}.",
    "What is {np}?",
    "After that, give me {np}.",
    "Then I need {np}.",
    "Now, what is {np}?",
    "And then: {np}, please.",
)
NEXT = (
    "And {np}?",
    "Also, what is {np}?",
    "I also need {np}.",
    "And what is {np}?",
    "Besides that, I need {np}.",
)
CLOSERS = (
    "Exact values only, please.",
    "Please don't guess.",
    "Thanks in advance!",
    "A short answer is enough.",
    "I only trust what your tools say.",
    "I need it for a report.",
)
SUPPLY = ("It is {ref}.", "I mean {ref}.", "Sorry, I forgot to say: {ref}.", "That would be {ref}.")
SUPPLY_BRIEF = ("It is {ref}.", "I mean {ref}.")
GRANT = (
    "You can now use {tool}. Please go on.",
    "The tool {tool} is available now. Please continue.",
    "I have just enabled {tool} for you; please finish this.",
    "Try again with {tool}, which I have added.",
)
GRANT_BRIEF = ("You can now use {tool}.", "The tool {tool} is available now.")


@dataclass
class Speaker:
    """Words steps for one arena, each step always in the same words.

    Attributes:
        vague: (argument, value) -> how the user refers to it without saying it.
        spoken: steps that have been introduced, and how they are referred to from then on.
    """

    rng: Random
    brief: bool
    vague: dict[tuple[str, Any], str] = field(default_factory=dict)
    spoken: dict[Step, str] = field(default_factory=dict)
    chosen: dict[Step, str] = field(default_factory=dict)

    def noun_phrase(self, step: Step) -> str:
        """`the gate of flight KX-417`, or with the step that finds the flight in place of `flight KX-417`."""
        if step in self.spoken:
            return self.spoken[step]
        if step not in self.chosen:
            self.chosen[step] = self.rng.choice(self._fitting(step, step.lookup.phrases))
        return self.fill(self.chosen[step], step) + unit_words(step)

    def question(self, step: Step) -> str:
        """A whole question for one step."""
        whole = self._fitting(step, step.lookup.questions)
        if whole and step.unit is None and self.rng.random() < 0.4:
            return capital(self.fill(self.rng.choice(whole), step))
        return capital(who(step, self.rng.choice(ASK)).format(np=self.noun_phrase(step)))

    def _fitting(self, step: Step, templates: tuple[str, ...]) -> tuple[str, ...]:
        """Plain ones for brief arenas; around a nested phrase, those that end with it, so that it stays readable."""
        if self.brief:
            templates = plain(step.lookup, templates)
        if all(parent in self.spoken for parent in step.inputs.values()):
            return templates
        return tuple(t for t in templates if t.rstrip("?.").endswith("}")) or templates

    def fill(self, template: str, step: Step) -> str:
        words: dict[str, Any] = dict(step.extras)
        for column in step.lookup.given:
            if column.name in step.inputs:
                words[column.name] = self.noun_phrase(step.inputs[column.name])
            else:
                value = step.row[column.name]
                words[column.name] = self.vague.get((column.name, value)) or column.ref.format(value)
        return template.format(**words)

    def grant(self, tool: str) -> str:
        """What the user says who adds a tool."""
        return self.rng.choice(GRANT_BRIEF if self.brief else GRANT).format(tool=tool)

    def withhold(self, column: Column, value: Any) -> str:
        """From now on leaves `value` unsaid; returns what the user says to supply it."""
        self.vague[column.name, value] = column.vague
        return self.rng.choice(SUPPLY_BRIEF if self.brief else SUPPLY).format(ref=column.ref.format(value))


def final_answer(goals: list[Step], brief: bool) -> str:
    """The results: alone, or each in a sentence."""
    if brief:
        return listed([str(goal.value) for goal in goals])
    return " ".join(f"{capital(known_phrase(goal))} is {goal.value}." for goal in goals)


def who(step: Step, template: str) -> str:
    """People are asked for by `who`."""
    if step.lookup.asked.kind is not PERSON:
        return template
    for what, person in (("What is", "Who is"), ("What's", "Who's"), ("what is", "who is")):
        template = template.replace(what, person)
    return template


def unit_words(step: Step) -> str:
    measure = step.lookup.asked.kind.measure
    return f" {MEASURES[measure][1][step.unit][2]}" if measure and step.unit else ""


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


def listed(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return phrases[0]
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]


def sub_question(step: Step) -> str:
    """A question for the step alone, with the values that it really gets."""
    return who(step, "What is {np}?").format(np=known_phrase(step))


def known_phrase(step: Step) -> str:
    """A noun phrase for the step, with the values that it really gets."""
    speaker = Speaker(Random(0), brief=True)
    for column in step.lookup.given:
        if column.name in step.inputs:
            speaker.spoken[step.inputs[column.name]] = column.ref.format(step.row[column.name])
    return speaker.noun_phrase(step)


def user_question(goals: list[Step], speaker: Speaker, openers: tuple[str, ...]) -> str:
    """The question of an arena."""
    rng = speaker.rng
    pivot = _pivot(goals)
    lead = ""
    if pivot is not None and rng.random() < 0.4:
        lead = capital(rng.choice(FIRST).format(np=speaker.noun_phrase(pivot))) + " "
        speaker.spoken[pivot] = f"that {_sort(pivot)}"
        body = _then(goals, speaker)
    else:
        body = _ask(goals, speaker)
    if speaker.brief:
        return lead + body
    opener = rng.choice(openers) + " " if openers and rng.random() < 0.5 else ""
    closer = " " + rng.choice(CLOSERS) if rng.random() < 0.2 else ""
    return opener + lead + body + closer


def _pivot(goals: list[Step]) -> Step | None:
    """A step that every goal needs: it can be asked for first."""
    steps = in_order(goals)
    shared = [s for s in steps if s not in goals and all(s in in_order([goal]) for goal in goals)]
    return shared[-1] if shared else None


def _sort(step: Step) -> str:
    """What sort of thing a step yields: a company for the owner of a hotel, but a manager for that of an employee."""
    asked, table = step.lookup.asked, step.lookup.table
    if asked.entity is None or (asked.entity == table.name and step.lookup.by_key):
        return asked.label
    return asked.entity.replace("_", " ")


def _then(goals: list[Step], speaker: Speaker) -> str:
    if len(goals) == 1:
        return capital(who(goals[0], speaker.rng.choice(THEN)).format(np=speaker.noun_phrase(goals[0])))
    return _ask(goals, speaker)


def _ask(goals: list[Step], speaker: Speaker) -> str:
    rng = speaker.rng
    if len(goals) == 1:
        return speaker.question(goals[0])
    if rng.random() < 0.3 and len(goals) <= 3:
        first, *others = goals
        rest = [capital(who(goal, rng.choice(NEXT)).format(np=speaker.noun_phrase(goal))) for goal in others]
        return " ".join([speaker.question(first), *rest])
    phrases = _merged(goals, speaker)
    return capital(rng.choice(ASK_MANY).format(np=listed(phrases)))


def together(goals: list[Step]) -> list[Step]:
    """The goals in the order of the question: those about one thing follow each other."""
    return [goal for group in _groups(goals) for goal in group]


def _groups(goals: list[Step]) -> list[list[Step]]:
    groups: dict[tuple, list[Step]] = {}
    for i, goal in enumerate(goals):
        groups.setdefault(_subject(goal) or (i,), []).append(goal)
    return list(groups.values())


def _merged(goals: list[Step], speaker: Speaker) -> list[str]:
    """Noun phrases, where goals about one thing become one: `the gate and the price of flight KX-417`."""
    return [
        _about_one(group, speaker) if len(group) > 1 else speaker.noun_phrase(group[0])
        for group in _groups(goals)
    ]


def _subject(goal: Step) -> tuple | None:
    """What the goal is about, if others can be about the same."""
    lookup = goal.lookup
    if not lookup.by_key or lookup.extra or goal.unit:
        return None
    known = (goal.inputs.get(c.name, goal.row[c.name]) for c in lookup.given)
    return (lookup.table.name, *known)


def _about_one(group: list[Step], speaker: Speaker) -> str:
    labels = listed([f"the {goal.lookup.asked.label}" for goal in group])
    return speaker.fill(group[0].lookup.table.phrase.replace("the {label}", labels), group[0])
