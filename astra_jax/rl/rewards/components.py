"""What an episode earned, in named parts. Each is a function of the episode alone."""

from __future__ import annotations

from collections.abc import Callable

from data_synthesis.records import Episode, RewardParts

# Of an episode whose `reward` is known.
Component = Callable[[Episode], float]

_REFUSED = ("bad_json", "unknown_tool", "bad_arguments")  # calls that no tool was ever asked


def recall(episode: Episode) -> float:
    """Sub-questions that were solved, of all."""
    return _parts(episode).recall


def precision(episode: Episode) -> float:
    """Calls that solved one, of all calls; 0 without any."""
    return _parts(episode).precision


def f1(episode: Episode) -> float:
    """The paper's, `2 * solved / (n + calls)`."""
    return _parts(episode).f1


def format_(episode: Episode) -> float:
    """Calls that a tool could be asked with, of all calls; 1 without any."""
    refused = sum(event.status in _REFUSED for event in episode.events)
    return 1 - refused / len(episode.events) if episode.events else 1.0


def length(most: int, buffer: float) -> Component:
    """DAPO's soft penalty of long responses (arXiv 2503.14476): 0, and from `most - buffer` tokens on, down to -1.

    Args:
        most: tokens after the prompt at which it is -1.
        buffer: tokens before that from which it falls.
    """

    def penalty(episode: Episode) -> float:
        tokens = len(episode.token_ids) - episode.prompt_length
        return max(-1.0, min(0.0, (most - buffer - tokens) / buffer))

    return penalty


def total(episode: Episode) -> float:
    """What an episode is trained on; the paper's F1, where no run has weighed its components.

    Raises:
        ValueError: it is unknown.
    """
    return episode.scores["total"] if "total" in episode.scores else f1(episode)


def _parts(episode: Episode) -> RewardParts:
    if episode.reward is None:
        raise ValueError(f"episode {episode.id} has no reward")
    return episode.reward
