"""Arenas from the built-in domain generators: no model, no network. Every field is explained here."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.teacher = "procedural"  # procedural or transcript
    config.out_dir = "runs/arenas_procedural"  # arenas.jsonl, rejects.jsonl and the funnel go here
    config.count = 200  # arenas to make
    config.seed = 0  # the same seed gives the same bytes
    config.domains = "training"  # training, held_out, all, or names separated by commas
    config.sandbox_level = "LANDLOCK"  # least confinement accepted: NAMESPACES, LANDLOCK, SECCOMP, NONE

    config.options = ConfigDict()
    config.options.docs = "full"  # full is realistic; brief suits a model trained from nothing
    config.options.min_sub_questions = 1  # gold calls of an arena, 1 to 6
    config.options.max_sub_questions = 6
    config.options.siblings = (1, 3)  # fewest and most unneeded tools of the same domain
    config.options.distractors = (0, 2)  # fewest and most unneeded tools of other domains
    config.options.missing_function = 0.1  # share in which a needed tool comes with the user's second message
    config.options.missing_parameter = 0.1  # share in which a needed value does
    return config
