"""RL: every field, with its unit and where its default is from.

"Paper" is ASTRA (arXiv 2601.21558), section on RL; its models are Qwen3-14B and 32B. What the paper does not
state is said to be ours. Another recipe is another file that changes a few of these.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.run_dir = ""  # folder of the run, made if absent; required
    config.model = ""  # Hugging Face directory to start from, with its tokenizer; required
    config.preset = ""  # shape that `astra plan` compiles without a `model`: see astra_jax/planning/shapes
    config.arenas = ""  # JSONL of proved arenas; this or `sources` is required
    # Several: (name, path, weight) of each, weights in any unit: 3 and 1 are three quarters and a quarter of the groups
    # that are played. A source that is through begins again, in another order.
    config.sources = ()  # empty: `arenas`
    # Arenas of which there is nothing to learn now are passed over: so many times after a group that solved all of
    # one, or nothing of one. Paper: none are; it drops such groups after they were played.
    config.curriculum = ConfigDict()
    config.curriculum.rest_easy = 0
    config.curriculum.rest_hard = 0
    config.seed = 0  # of the order of arenas and of sampling
    config.chat_format = "qwen3"  # qwen3 or chatml
    config.sandbox_level = "LANDLOCK"  # least confinement accepted: NAMESPACES, LANDLOCK, SECCOMP, NONE

    config.steps = 140  # updates. Paper: its ablation curves run to about 140
    # grpo (paper), dr_grpo, dapo, gspo, cispo, rloo, reinforce_pp or reinforce_pp_baseline: docs/algorithms.md. Each
    # stands for an advantage, a mean, a surrogate and clip bounds; a field below that is not empty replaces its part.
    config.algorithm = "grpo"
    config.advantage = ""  # normalised, centred, leave_one_out, whitened, centred_whitened
    config.loss_mean = ""  # token, sequence, constant: over what the loss is averaged
    config.surrogate = ""  # ppo, gspo, cispo
    # the ratio is clipped to [1 - clip_low, 1 + clip_high]. Paper: not stated; grpo: 0.2
    config.clip_low = None
    config.clip_high = None
    config.dr_grpo_tokens = 1024.0  # loss_mean=constant: what an episode counts in the denominator
    # no loss on episodes that ran out of tokens; their reward stays in the baseline
    config.mask_cut_off = False
    config.group_size = 8  # episodes of one arena. Paper: not stated; 8 to 16 are usual
    config.groups_per_batch = 32  # informative groups in an update. Paper: 256 samples in all
    config.min_spread = 1e-6  # a group is kept if max - min reward exceeds this. Paper: a delta, not stated
    config.round_groups = 32  # groups played at once
    # rounds of one step at most; a batch may then be smaller. Ours: the paper has no cap
    config.max_rounds = 4
    # Rounds after the first play only as many groups as are missing: fewer episodes, more waiting for the longest. Ours
    config.exact_refill = False
    config.max_age = 2  # steps that a surplus group may wait. Ours
    # A batch is played so many steps ahead, beside updates, by the policy of then: 0 on-policy (paper), 1 one-step-off
    config.async_steps = 0
    # New weights reach the episodes that are under way then, and draw the rest of them (partial rollouts). Episodes
    # then depend on when that was: a resumed run is not the same bit for bit.
    config.in_flight_updates = False
    # Halves of a run: each batch is kept in run_dir/batches; nothing but that is done; those in another run's folder
    # are trained on, step by step, and nothing is played.
    config.keep_batches = False
    config.rollout_only = False
    config.train_only = ""
    # To measure one half alone: an engine that draws tokens at random and takes so long for each, 0: a real one; and
    # with rollout_only an update that takes so long and moves no weight. Seconds.
    config.simulated = ConfigDict()
    config.simulated.token_s = 0.0
    config.simulated.update_s = 0.0
    config.temperature = 1.0  # of rollouts. Paper: not stated
    config.kl_coefficient = 0.0  # of KL to the model that the run started from, in the loss; 0: none (paper)
    config.kl_estimator = "k3"  # k1, k2 or k3
    config.entropy_coefficient = 0.0  # of the entropy bonus; 0: none (paper)

    # Where sampler and trainer disagree, by rounding or because a group waited; rho = pi / pi_sampler of a token.
    config.decoupled = False  # false: the loss's ratio is rho. true: it is to the policy before the update
    config.correction = ConfigDict()
    # tis: weights min(rho, tis_cap), decoupled; icepop: none outside its bounds
    config.correction.token = "none"
    config.correction.tis_cap = 2.0
    config.correction.icepop_low = 0.5
    config.correction.icepop_high = 5.0
    # mask: no loss on episodes whose geometric mean of rho is out of bounds
    config.correction.sequence = "none"
    config.correction.sequence_low = 0.99
    config.correction.sequence_high = 1.01

    # The weights of a reward's components; all are reported, whatever their weight. Paper: F1 alone.
    config.rewards = ConfigDict()
    config.rewards.f1 = 1.0
    config.rewards.recall = 0.0
    config.rewards.precision = 0.0
    config.rewards.format = 0.0  # calls that a tool could be asked with, of all
    config.rewards.length = 0.0  # in [-1, 0]: falls over the last length_buffer of limits.max_tokens (DAPO)
    config.rewards.length_buffer = 0.2  # share of limits.max_tokens. DAPO: 4,096 of 20,480
    # functions of an Episode: module:function=weight, several with commas between
    config.rewards.functions = ""
    config.rewards.deadline_s = 30.0  # one call of one
    config.rewards.at_once = 1  # calls at one time, each in a thread
    config.rewards.most_failed = 0.5  # of a round's episodes that are to be scored, how many may be without

    # A sentence in the terminal, which changes nothing. May change when a run is resumed. All ours.
    config.alarms = ConfigDict()
    config.alarms.entropy = 0.1  # below this share of the first update's
    config.alarms.logprob_gap = 0.05  # nats a token, where no group waited
    config.alarms.failed_calls = 0.5  # shares of calls, and of episodes
    config.alarms.cut_off = 0.5
    config.alarms.unknown = 0.25

    # Over how many devices what is split; -1: all that are left.
    config.mesh = ConfigDict()
    config.mesh.data = -1  # rows
    config.mesh.fsdp = 1  # rows and weights
    config.mesh.expert = 1  # rows, weights, and the experts of a mixture
    config.mesh.context = 1  # the tokens of each row
    config.mesh.tensor = 1  # heads, feed-forward, vocabulary
    config.mesh.slices = 1  # TPU slices that `data` is split over first

    config.limits = ConfigDict()
    config.limits.max_turns = 32  # assistant turns. Paper: 32
    config.limits.max_turn_tokens = 4096  # sampled tokens of one turn. Ours
    # tokens of question and tools; an arena with more is never scored. Paper: 25,600
    config.limits.max_prompt_tokens = 25_600
    config.limits.max_tokens = 49_152  # tokens after the prompt. Paper: 49,152
    config.limits.call_deadline_s = 2.0  # one tool call, wall clock
    config.limits.deadline_s = 1800.0  # one episode, wall clock; beyond it the episode is unknown, not zero
    config.limits.retries = 1  # of an episode whose sandbox failed; unknown after that. Ours

    config.engine = ConfigDict()
    config.engine.slots = 64  # episodes with a KV cache on the device
    config.engine.context = 74_752  # tokens of an episode. Paper: 25,600 + 49,152
    config.engine.prefill_rows = 4  # prompts fed in one dispatch
    config.engine.prefill_tokens = 512  # tokens of each in one dispatch
    config.engine.decode_tokens = 16  # tokens sampled in one dispatch
    config.engine.stop_ids = 4  # stop ids a request may have
    config.engine_tensor = 1  # devices of a process that share an engine, its weights and its caches
    # The last so many devices only sample, and the others only train; 0: all do both. For runs of one process
    config.engine_devices = 0

    # Servers that sample in the place of an engine in this process: SGLang, or `astra serve` (docs/serving.md).
    # `engine.slots` and `engine.context` then say how much is asked of each. May change when a run is resumed.
    config.servers = ConfigDict()
    config.servers.urls = ""  # http://HOST:PORT, several with commas between; empty: none
    config.servers.weights_dir = ""  # on a disk that the servers see under this name; empty: run_dir/weights
    config.servers.keep = 2  # folders of weights that stay there
    # |sampler's log-prob - trainer's|, mean nats a token, at which none is trained
    config.servers.most_gap = 0.05
    # one turn; a server that takes longer is left out, and another is asked
    config.servers.deadline_s = 600.0
    config.servers.update_s = 600.0  # reading new weights
    config.servers.patience_s = 300.0  # without any server, before the run ends

    config.compute_dtype = "float32"  # of matrix products, in sampling too; bfloat16 on TPU and GPU
    config.remat = "none"  # computed again: none, products, projections, attention, full, offload. Ours
    # A group's prompt once a row for all its episodes. The attention kernel of TPUs cannot: it needs False.
    config.share_prompts = True
    config.row_length = 74_752  # tokens of a training row
    config.micro_rows = 1  # rows taken at once, a multiple of the parts that the mesh splits rows into
    config.logits_chunk = 1024  # tokens of a row whose logits exist at one time; 0: all

    config.optimizer = ConfigDict()
    config.optimizer.name = "adamw"  # adamw, adafactor, or muon for matrices (docs/sft.md). Paper: not stated
    config.optimizer.learning_rate = 2e-6  # Paper: 2e-6 for both sizes
    config.optimizer.schedule = "constant"  # Paper: not stated
    config.optimizer.warmup_fraction = 0.0  # Paper: not stated
    config.optimizer.final_fraction = 1.0  # of the peak, just after the last step; a constant rate has none
    config.optimizer.beta1 = 0.9  # AdamW's decay of the mean. Ours: the usual value
    config.optimizer.beta2 = 0.999  # AdamW's decay of the square. Ours: the usual value
    config.optimizer.epsilon = 1e-8  # AdamW's, beside the root of the square. Ours: the usual value
    config.optimizer.weight_decay = 0.0  # of matrices, per unit of learning rate. Paper: not stated
    config.optimizer.embedding_weight_decay = 0.0  # of both tables; norms and biases never decay
    config.optimizer.clip_norm = 1.0  # global norm of the gradient; 0: no clipping
    config.optimizer.muon_momentum = 0.95  # arXiv 2502.16982

    config.checkpoint_every = 5  # steps
    config.keep = 2  # checkpoints that stay
    config.samples_every = 10  # steps between groups written to samples/, for the report
    return config
