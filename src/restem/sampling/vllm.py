"""Engine `vllm`: sample from a Hugging Face model folder with vLLM. For GPUs and large models; on a
CPU it works in this process, in float32.

Prompts become tokens, and tokens become text, with the code of engine `hf`, so greedy texts are the
same. Sampled ones are drawn from the same distribution with vLLM's noise: that of sample j of a
chunk (core/protocols.Request) is a function of (seed, problem_id, first, j - first). The cuts of
`shards.py` are fixed, hence so are the samples, whatever else is under way. Only rounding knows the
batch: it may decide between two tokens that are equally likely.
"""

from __future__ import annotations

import gc
import importlib.util
import itertools
import math
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core.errors import EngineError
from restem.core.params import Machine, Sample
from restem.core.protocols import Engine, Request, Sampling, Shard
from restem.core.records import Completion
from restem.core.seeds import seed_for
from restem.sampling.decode import NO_NUMBERS, encode
from restem.sampling.hf import torch_threads
from restem.sampling.loading import check_folder, load_vocabulary, on_gpu
from restem.sampling.stops import cut, decode
from restem.sampling.vllm_loading import load, prepared, reason

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from vllm import LLMEngine, RequestOutput, SamplingParams
    from vllm.outputs import CompletionOutput

_ONLY = threading.Lock()
"""vLLM keeps state for the whole process, which the end of one engine takes from the others."""
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.01, 2.0
"""vLLM raises lower ones in silence and refuses higher ones."""


@contextmanager
def open_engine(model_dir: Path, sample: Sample, machine: Machine) -> Iterator[Engine]:
    """An engine for the model in `model_dir`, on the NVIDIA GPUs if there are any, else on the CPU
    with machine.workers threads, one where that is 0. Its memory is given back with the context.

    Raises: EngineError if vLLM is missing or cannot serve the folder.
    """
    check_folder(model_dir)
    if importlib.util.find_spec("vllm") is None:
        raise EngineError(
            "engine vllm: vLLM is not installed. Run `make engines`, on a machine with NVIDIA GPUs "
            "`make gpu`; or set `engine: hf` in params.yaml."
        )
    if not _ONLY.acquire(blocking=False):
        raise EngineError("engine vllm is open in this process; it can be opened one at a time.")
    gpu = on_gpu()
    with ExitStack() as stack:
        stack.callback(_ONLY.release)
        started = time.monotonic()
        with prepared(model_dir, gpu):
            if not gpu:
                stack.enter_context(torch_threads(machine.workers or 1))
            import vllm  # noqa: F401  # belongs to the start, not to the load

            vocabulary = load_vocabulary(model_dir)
            imported = time.monotonic()
            engine = _Vllm(load(model_dir, machine, gpu), *vocabulary)
        engine.timing = {"start": imported - started, "load": time.monotonic() - imported}
        stack.callback(engine.close)
        yield engine


@dataclass
class _Job:
    """A shard that is being worked on."""

    shard: Shard
    completions: dict[int, list[Completion]] = field(default_factory=dict)
    """By place of the request in the shard."""


class _Vllm:
    """An engine (core/protocols.py)."""

    timing: Mapping[str, float]

    def __init__(
        self,
        engine: LLMEngine,
        tokenizer: PreTrainedTokenizerBase,
        end_ids: tuple[int, ...],
        context: int | None,
    ) -> None:
        """tokenizer, end_ids, context: see decode.Policy."""
        self._opened: LLMEngine | None = engine
        self._tokenizer, self._end_ids, self._context = tokenizer, end_ids, context
        self._capacity: int = engine.model_config.max_model_len
        """Most tokens of prompt and completion for which there is memory."""
        self._most_rows: int = 2 * engine.vllm_config.scheduler_config.max_num_seqs
        """Rows under way: those in the batch, and as many that can take their places."""
        self._names = map(str, itertools.count())

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        """See Engine. Raises: EngineError."""
        todo = iter(shards)
        running: dict[str, tuple[_Job, int]] = {}
        """Job and place in its shard, by the name vLLM knows a request by."""
        try:
            while True:
                while self._engine.get_num_unfinished_requests() < self._most_rows:
                    if (shard := next(todo, None)) is None:
                        break
                    running.update(self._add(shard, sampling))
                if not running:
                    return
                done: list[tuple[Shard, list[list[Completion]]]] = []
                for output in self._step():
                    job, place = running.pop(output.request_id)
                    job.completions[place] = self._completions(job.shard.requests[place], output)
                    if len(job.completions) == len(job.shard.requests):
                        done.append(
                            (job.shard, [found for _, found in sorted(job.completions.items())])
                        )
                yield from done
        finally:
            if running and self._opened:  # given up half-way: nobody wants these
                self._engine.abort_request(list(running))

    @property
    def _engine(self) -> LLMEngine:
        assert self._opened is not None, "the engine is closed"
        return self._opened

    def _add(self, shard: Shard, sampling: Sampling) -> dict[str, tuple[_Job, int]]:
        """Hand a shard to vLLM. Raises: EngineError for a prompt that leaves no room, and for a
        temperature that vLLM does not know."""
        from vllm.inputs import tokens_input

        if sampling.temperature and not (
            LEAST_TEMPERATURE <= sampling.temperature <= MOST_TEMPERATURE
        ):
            raise EngineError(
                f"engine vllm samples at temperatures of {LEAST_TEMPERATURE} to "
                f"{MOST_TEMPERATURE:g} or 0, got {sampling.temperature}. Mend it in params.yaml."
            )
        prompts = encode(self._tokenizer, self._context, shard.requests, sampling.max_new_tokens)
        for request, ids in zip(shard.requests, prompts, strict=True):
            if len(ids) + sampling.max_new_tokens > self._capacity:
                raise EngineError(
                    f"problem {request.problem_id}: {len(ids)} prompt tokens + max_new_tokens "
                    f"{sampling.max_new_tokens} exceed the {self._capacity} for whose keys and "
                    "values vLLM has memory. Raise machine.kv_cache_gb (on a GPU rather "
                    "machine.gpu_memory) or lower max_new_tokens in params.yaml."
                )
        job, added = _Job(shard), {}
        for place, (request, ids) in enumerate(zip(shard.requests, prompts, strict=True)):
            name = next(self._names)
            with self._failing():
                params = self._params(request, sampling)
                self._engine.add_request(name, tokens_input(ids), params)
            added[name] = job, place
        return added

    def _params(self, request: Request, sampling: Sampling) -> SamplingParams:
        """Of all samples of a request; vLLM adds 0, 1, … to the seed for each."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        greedy = sampling.temperature == 0
        stop = [s for s in request.stop if s]
        return SamplingParams(
            n=1 if greedy else request.last - request.first,
            temperature=sampling.temperature,
            top_k=sampling.top_k,  # 0 means all, too
            top_p=sampling.top_p,
            min_p=0.0,
            presence_penalty=0.0,
            frequency_penalty=0.0,
            repetition_penalty=1.0,
            # Below 2**62, so that seed + n stays a 64-bit number.
            seed=seed_for(sampling.seed, request.problem_id, request.first) >> 1,
            stop=stop,
            stop_token_ids=list(self._end_ids),
            ignore_eos=False,
            min_tokens=0,
            max_tokens=sampling.max_new_tokens,
            logprobs=0,  # of the drawn token alone
            flat_logprobs=True,
            detokenize=bool(stop),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _step(self) -> list[RequestOutput]:
        """One token for every row in the batch; the requests that it finishes."""
        with self._failing():
            outputs: list[RequestOutput] = self._engine.step()
        return outputs

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Whatever vLLM raises is an EngineError, and ends it."""
        try:
            yield
        except Exception as error:
            self.close()
            raise EngineError(
                f"vLLM failed: {reason(error)} If memory ran out, lower machine.kv_cache_gb or, on "
                "a GPU, machine.gpu_memory in params.yaml. Then run again: what is done is kept."
            ) from error

    def _completions(self, request: Request, output: RequestOutput) -> list[Completion]:
        """One per sample; greedy ones are all the same."""
        found = [self._completion(request, one) for one in output.outputs]
        count = request.last - request.first
        return found if len(found) == count else found * count

    def _completion(self, request: Request, output: CompletionOutput) -> Completion:
        ids, ending = list(output.token_ids), output.finish_reason
        if output.cumulative_logprob is None or not math.isfinite(output.cumulative_logprob):
            raise EngineError(NO_NUMBERS)
        assert ending in ("stop", "length"), ending
        if isinstance(output.stop_reason, str):  # vLLM's text may differ in spaces at its start
            text = cut(decode(self._tokenizer, ids), request.stop)
            text = output.text if text is None else text
        else:
            text = decode(self._tokenizer, ids[:-1] if ending == "stop" else ids)
        return Completion(text, len(ids), ending, output.cumulative_logprob)

    def close(self) -> None:
        """End vLLM and give its memory back."""
        if self._opened is not None:
            self._opened.engine_core.shutdown()
            self._opened = None
            gc.collect()
