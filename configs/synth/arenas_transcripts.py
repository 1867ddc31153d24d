"""Arenas from replies recorded by hand, through all five steps and the proof: no model, no network."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.teacher = "transcript"  # procedural or transcript
    config.transcripts = ""  # folder of transcripts; empty: the ones that come along
    config.out_dir = "runs/arenas_transcripts"  # arenas.jsonl, rejects.jsonl and the funnel go here
    config.minimum_score = (
        0.85  # mean of the four scores that a decomposition must reach. Upstream's example value
    )
    config.sandbox_level = "LANDLOCK"  # least confinement accepted: NAMESPACES, LANDLOCK, SECCOMP, NONE
    return config
