"""An arena at run time: its episode, its score, its proof."""

from data_synthesis.arenas.backend import InfrastructureFailure, ParsedCall, ToolBackend
from data_synthesis.arenas.bands import BandSettings, mix_in
from data_synthesis.arenas.distract import distract_file
from data_synthesis.arenas.distractors import PoolTool, add_distractors, tool_pool
from data_synthesis.arenas.episode import ArenaBackend, follow_up_message
from data_synthesis.arenas.oracle import oracle_trajectories, oracle_trajectory
from data_synthesis.arenas.proof import prove, prove_all
from data_synthesis.arenas.rl_rows import from_rl_row, read_arenas, to_rl_row, write_rl_rows
from data_synthesis.arenas.scoring import contains_answer, f1, match, score
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.arenas.verify import verify_file

__all__ = [
    "ArenaBackend",
    "BandSettings",
    "InfrastructureFailure",
    "ParsedCall",
    "PoolTool",
    "ProofSettings",
    "ToolBackend",
    "add_distractors",
    "contains_answer",
    "distract_file",
    "f1",
    "follow_up_message",
    "from_rl_row",
    "match",
    "mix_in",
    "oracle_trajectories",
    "oracle_trajectory",
    "prove",
    "prove_all",
    "read_arenas",
    "score",
    "to_rl_row",
    "tool_pool",
    "verify_file",
    "write_rl_rows",
]
