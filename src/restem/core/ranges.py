"""Which values of params.yaml are possible."""

from __future__ import annotations

MAX_ITERS = 5  # dvc.yaml unrolls the loop this far

CHOICES: dict[str, tuple[str, ...]] = {
    "method.init_from": ("base", "previous"),
    "method.dedupe": ("exact", "none"),
    "method.weight": ("one", "reward", "exp"),
    "method.select": ("random-cap", "first", "all"),
    "sample.ray_engine": ("hf", "vllm"),
    "score.cluster": ("local", "ray"),
    "score.sandbox": ("auto", "namespaces", "bubblewrap", "landlock"),
    "train.schedule": ("cosine", "linear", "constant"),
    "train.check_engine": ("hf", "vllm"),
    "train.normalize": ("token", "solution"),
    "train.precision": ("fp32", "bf16"),
    "train.attention": ("sdpa", "flex_attention", "flash_attention_2", "eager"),
    "train.cluster": ("local", "ray"),
    "train.deepspeed": ("off", "zero1", "zero2", "zero3"),
}

# Values that do not go together, and what to do.
CONFLICTS: tuple[tuple[dict[str, object], str], ...] = (
    (
        {"train.attention": "flash_attention_2", "train.precision": "fp32"},
        "Set train.precision to bf16: flash attention computes in nothing wider.",
    ),
    (
        {"train.offload": True, "train.deepspeed": "off"},
        "Set train.deepspeed to zero1, zero2 or zero3: it is what moves things to the CPUs.",
    ),
    (
        {"train.cluster": "ray", "train.processes": 0},
        "Set train.processes to the GPUs (or cores) of the cluster that shall train.",
    ),
)

# (dotted name, lowest, highest allowed value, advice)
RANGES: tuple[tuple[str, float, float, str], ...] = (
    ("iters", 0, MAX_ITERS, f"It may be 0 to {MAX_ITERS}: dvc.yaml unrolls the loop that far."),
    ("samples_per_problem", 1, 1_000_000, "Set it to 32 for MATH."),
    ("cap", 1, 1_000_000, "Set it to 10, as the paper does."),
    (
        "temperature",
        1e-6,
        100,
        "The paper samples at 0.7; greedy sampling draws one solution N times.",
    ),
    ("seed", 0, 2**31 - 1, ""),
    ("method.beta", 0.0125, 1e6, "0.5 lets a correct solution weigh 7 times a wrong one."),
    ("data.seed", 0, 2**31 - 1, ""),
    ("data.few_shot", 0, 64, "The paper uses 4 for MATH."),
    ("data.train_problems", 1, 10**9, ""),
    ("data.val_problems", 1, 10**9, "Stopping and every choice need validation problems."),
    ("data.test_problems", 1, 10**9, ""),
    ("data.transfer_problems", 0, 10**9, ""),
    ("base.seed", 0, 2**31 - 1, ""),
    ("base.steps", 1, 10**9, ""),
    ("base.batch_tokens", 128, 10**9, ""),
    ("base.lr", 1e-12, 1, ""),
    ("sample.top_k", 0, 10**9, "0 means all tokens; the paper uses 40."),
    ("sample.top_p", 1e-6, 1, "1 switches it off."),
    ("sample.max_new_tokens", 1, 10**6, ""),
    ("sample.batch_rows", 1, 10**6, ""),
    ("sample.stop_after_correct", 0, 10**6, "0 switches it off."),
    ("data.max_overlap.exact", 0, 1, ""),
    ("data.max_overlap.digits", 0, 1, ""),
    ("data.max_overlap.ngram", 0, 1, ""),
    ("data.max_quarantined", 0, 1, ""),
    ("score.timeout_s", 0.1, 3600, ""),
    ("score.cpu_s", 0.1, 3600, ""),
    ("score.memory_mb", 64, 10**6, ""),
    ("score.max_fault_rate", 0, 1, ""),
    ("train.lr", 1e-12, 1, ""),
    ("train.weight_decay", 0, 1, ""),
    ("train.warmup_ratio", 0, 1, ""),
    ("train.max_epochs", 1, 10**6, ""),
    ("train.min_updates", 0, 10**9, ""),
    ("train.checks_per_epoch", 1, 10**6, ""),
    ("train.patience", 0, 10**6, ""),
    ("train.batch_tokens", 16, 10**9, ""),
    ("train.max_length", 2, 10**7, ""),
    ("train.max_overlong", 0, 1, ""),
    ("train.lora", 0, 10**4, "0 trains all weights; 16 is usual."),
    ("train.accumulate", 1, 10**6, ""),
    ("train.processes", 0, 10**5, "0 means every GPU of this machine."),
    ("human.max_epochs", 0, 10**6, "0 skips the control."),
    ("eval.max_new_tokens", 1, 10**6, ""),
    ("eval.maj_temperature", 1e-6, 100, ""),
    ("eval.maj_top_k", 0, 10**9, ""),
    ("eval.train_problems", 1, 10**9, ""),
    ("eval.sampled_problems", 0, 10**9, "0 skips pass@k and maj@k."),
    ("eval.samples", 1, 10**6, ""),
    ("eval.temperature", 1e-6, 100, ""),
    ("eval.top_p", 1e-6, 1, ""),
    ("eval.bootstrap_draws", 100, 10**6, ""),
    ("machine.workers", 0, 4096, "0 means one per core."),
    ("machine.tensor_parallel", 1, 64, ""),
    ("machine.gpu_memory", 0.01, 1, ""),
    ("machine.kv_cache_gb", 0, 10**5, "0 means what gpu_memory leaves."),
)
