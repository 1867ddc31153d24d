"""Arenas from the built-in generators, or from recorded replies: every field, with where its default is from."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.teacher = "procedural"  # procedural or transcript
    config.out_dir = (
        "runs/arenas_procedural"  # arenas.jsonl goes here, and the rejects and the funnel of steps
    )
    config.sandbox_level = "LANDLOCK"  # least confinement accepted: NAMESPACES, LANDLOCK, SECCOMP, NONE

    # What the procedural teacher makes.
    config.count = 200  # arenas to make
    config.seed = 0  # the same seed gives the same bytes
    config.domains = "training"  # training, held_out, all, or names separated by commas
    config.options = ConfigDict()
    config.options.docs = "full"  # full is realistic; brief suits a model trained from nothing
    config.options.min_sub_questions = 1  # gold calls of an arena, 1 to 6
    config.options.max_sub_questions = 6
    config.options.siblings = (1, 3)  # fewest and most unneeded tools of the same domain
    config.options.distractors = (0, 2)  # fewest and most unneeded tools of other domains
    config.options.missing_function = 0.1  # share in which a needed tool comes with the user's second message
    config.options.missing_parameter = 0.1  # share in which a needed value does

    # What the transcript teacher answers from.
    config.transcripts = ""  # folder of transcripts; empty: the ones that come along
    config.minimum_score = 0.85  # mean of a decomposition's four scores at least. Upstream's example value
    return config
