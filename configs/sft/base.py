"""SFT: every field, with its unit and where its default is from.

"Paper" is ASTRA (arXiv 2601.21558), section on SFT; its models are Qwen3-14B and 32B. What the paper does not
state is said to be ours. Another recipe is another file that changes a few of these.
"""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.run_dir = ""  # folder of the run, made if absent; required
    config.seed = 0  # of the drawn weights and of the order of the data

    config.preset = ""  # shape for `astra plan` without `model.path`: one of astra_jax/planning/shapes
    config.model = ConfigDict()
    config.model.path = ""  # Hugging Face directory to start from; empty: `init` below, drawn from the seed
    # Only read when `path` is empty; see astra_jax.models.ModelConfig. The vocabulary is the tokenizer's.
    # These are the sizes of Qwen3-0.6B (its config.json).
    config.model.init = ConfigDict()
    config.model.init.family = "qwen3"  # qwen3, or llama, which wants qk_norm=False
    config.model.init.hidden_size = 1024
    config.model.init.ffn_size = 3072
    config.model.init.num_layers = 28
    config.model.init.num_heads = 16
    config.model.init.num_kv_heads = 8
    config.model.init.head_dim = 128
    config.model.init.qk_norm = True
    config.model.init.tie_embeddings = True
    config.model.init.rope_theta = 1e6
    config.model.init.init_std = 0.02  # standard deviation of drawn weights
    config.model.start = "noise"  # of those weights: noise, or induction (nano models that can copy). Ours
    config.model.compute_dtype = "float32"  # of matrix products; bfloat16 on TPU and GPU. Paper: not stated
    config.model.remat = "none"  # computed again: none, products, projections, attention, full, offload. Ours
    config.model.router_balance = 0.001  # weight of the balance of a mixture's experts, as Qwen3-MoE's
    config.model.router_z = 0.0  # weight of its router's squared log-sum of scores. ST-MoE: 0.001
    # Train adapters only, all other weights frozen (arXiv 2106.09685; 2305.14314 where those are in few bits).
    config.lora = ConfigDict()
    config.lora.rank = 0  # of an adapter; 0: no adapters, all weights are trained. Paper: all
    config.lora.alpha = 32.0  # an adapter counts alpha / rank times. Ours: the usual value
    # Regular expression of the linear maps that have one: attention/(query|key|value|output), ffn/(gate|up|down).
    config.lora.targets = ".*"  # Ours
    config.lora.weights = "as is"  # how frozen linear maps are kept: as is, int8, int4 or nf4
    config.lora.tile = 64  # inputs (of a head, where there are heads) that share a scale. QLoRA: 64
    config.lora.export = "merged"  # a whole model, or adapter: a directory for PEFT
    config.tokenizer = ""  # Hugging Face directory with tokenizer.json; empty: that of `model.path`
    config.tokenizer_vocab = 0  # ids of one that is trained on the rows where none is named; 0: none is. Ours
    config.chat_format = "qwen3"  # qwen3 or chatml. Paper: not stated; its models are Qwen3
    # What becomes of reasoning, in training and in the template that is exported: keep all of it, drop what is older
    # than the last user message (as Qwen3's published template), or off: none is trained on, and none is asked for.
    config.thinking = "keep"  # Paper: not stated

    # Devices over which things are split; one of them may be -1: all that are left.
    config.mesh = ConfigDict()
    config.mesh.data = -1  # rows
    config.mesh.fsdp = 1  # rows and weights
    config.mesh.expert = 1  # rows, weights, and the experts of a mixture
    config.mesh.context = 1  # the tokens of each row
    config.mesh.tensor = 1  # heads, feed-forward, vocabulary
    config.mesh.slices = 1  # TPU slices that `data` is split over first

    config.data = ConfigDict()
    config.data.path = ""  # file or folder of rows, of any form in docs/sft.md; this or `sources` is required
    # Several: (name, path, weight) of each, weights in any unit: 3 and 1 are three quarters and a quarter of the rows
    # that are trained on. A source that is through begins again; an epoch has as many rows as all sources have.
    config.data.sources = ()  # empty: `path`
    config.data.cache = ""  # folder of tokenised rows, for runs to share; empty: in the run's folder
    config.data.processes = 0  # that tokenise; 0: one for each core. Files of up to 256 rows need none
    config.data.sequence_length = 20480  # tokens of a row. Paper: 20k
    config.data.packed = True  # several samples a row. Paper: False; the loss is the same sum over tokens
    config.data.window = 4096  # shuffled samples that are packed together; docs/sft.md has the fill. Ours
    # Rows over `sequence_length`: drop, or truncate after the last turn of the assistant that fits; both are counted.
    config.data.too_long = "drop"  # Ours
    config.data.bad_rows = "stop"  # rows that cannot be read: stop or skip; both name them

    config.batch_rows = 32  # rows of an update. Paper: batch 32, of unpacked rows
    config.micro_batches = 1  # parts of a batch taken one after the other, to save memory; same result
    config.logits_chunk = 1024  # trained tokens of a row whose logits exist at one time; 0: all. Ours
    config.epochs = 2  # passes over the data; 0: `steps` decides. Paper: 2
    config.steps = 0  # updates; 0: `epochs` decides. Paper: about 3,430 by its row counts

    config.optimizer = ConfigDict()
    config.optimizer.name = "adamw"  # adamw, adafactor, or muon for matrices (docs/sft.md). Paper: not stated
    config.optimizer.learning_rate = 5e-6  # peak, per step. Paper: 5e-6 (14B), 2e-6 (32B)
    config.optimizer.schedule = "cosine"  # after warm-up: cosine, linear or constant. Paper: cosine
    config.optimizer.warmup_fraction = 0.05  # of all steps. Paper: 5 %
    config.optimizer.final_fraction = 0.0  # of the peak, just after the last step. Paper: not stated
    config.optimizer.beta1 = 0.9  # AdamW's decay of the mean. Ours: the usual value
    config.optimizer.beta2 = 0.999  # AdamW's decay of the square. Ours: the usual value
    config.optimizer.epsilon = 1e-8  # AdamW's, beside the root of the square. Ours: the usual value
    config.optimizer.weight_decay = 0.0  # of matrices, per unit of learning rate. Paper: not stated
    config.optimizer.embedding_weight_decay = 0.0  # of both tables; norms and biases never decay
    config.optimizer.clip_norm = 1.0  # global norm of the gradient; 0: no clipping. Ours: the usual value
    config.optimizer.muon_momentum = 0.95  # arXiv 2502.16982

    # What is found out on the way, and after the last step. It changes nothing of what is trained.
    config.eval = ConfigDict()
    config.eval.path = ""  # rows that are not trained on, of any form in docs/sft.md; empty: none
    config.eval.every = 100  # steps between two looks at those rows
    config.eval.arenas = ""  # JSONL of arenas, played by an engine in this process; empty: none
    config.eval.arenas_every = 500  # steps between two rounds of them
    # As in configs/eval/base.py, which says what they are.
    config.eval.samples = 1  # episodes of each arena
    config.eval.temperature = 0.6  # 0 is greedy
    config.eval.sandbox_level = "LANDLOCK"  # least confinement accepted
    played = configuration.load(Path(__file__).parents[1] / "eval" / "base.py")
    config.eval.limits = played.limits  # turns, tokens and seconds of an episode
    config.eval.engine = played.engine  # slots and context

    config.checkpoint_every = 100  # steps. Paper: "often", number not stated
    config.keep = 2  # checkpoints that stay. Paper: optimizer state of the latest one or two saves
    config.keep_best = 0  # looks with the lowest loss on `eval.path` whose weights stay in RUN/weights. Ours
    config.weights_every = 0  # steps between weights that stay there in any case; 0: none. Paper: "often"
    config.save_in_background = False  # the next step begins when weights are copied to the host. Ours
    config.log_every = 1  # steps between lines of metrics.jsonl
    return config.lock()
