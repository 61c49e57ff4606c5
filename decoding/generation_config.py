"""Options out of a Hugging Face `GenerationConfig`: what the loop honours, and what it refuses to ignore."""

from __future__ import annotations

from typing import Any

_HONOURED = ("max_new_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty")
# What would change the output if it were obeyed, and the values with which it changes nothing.
_REFUSED: dict[str, tuple[Any, ...]] = {
    "bad_words_ids": (None,),
    "begin_suppress_tokens": (None,),
    "constraints": (None,),
    "diversity_penalty": (None, 0.0),
    "encoder_no_repeat_ngram_size": (None, 0),
    "encoder_repetition_penalty": (None, 1.0),
    "epsilon_cutoff": (None, 0.0),
    "eta_cutoff": (None, 0.0),
    "exponential_decay_length_penalty": (None,),
    "force_words_ids": (None,),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "guidance_scale": (None, 1.0),
    "min_length": (None, 0),
    "min_new_tokens": (None, 0),
    "no_repeat_ngram_size": (None, 0),
    "num_beams": (None, 1),
    "num_return_sequences": (None, 1),
    "penalty_alpha": (None, 0.0),
    "sequence_bias": (None,),
    "suppress_tokens": (None,),
    "token_healing": (None, False),
    "top_h": (None,),
    "typical_p": (None, 1.0),
    "watermarking_config": (None,),
}


def options_of(config: Any) -> dict[str, Any]:
    """The options of `Request` that a `GenerationConfig` gives: its own values, not those it leaves open.

    `do_sample=False` means greedy, so temperature and truncation do not count then, as in transformers. Fields about
    the cache, the output's form and the token ids are the caller's and are left alone.

    Raises `ValueError` for a field that would change the output and is not supported.
    """
    for name, neutral in _REFUSED.items():
        value = getattr(config, name, None)
        if value not in neutral:
            raise ValueError(f"generation_config: {name}={value!r} is not supported here; leave it out")
    given = {name: value for name in _HONOURED if (value := getattr(config, name, None)) is not None}
    if not getattr(config, "do_sample", False):
        given = {name: given[name] for name in ("max_new_tokens", "repetition_penalty") if name in given}
    else:
        given.setdefault("temperature", 1.0)
        if given.get("top_k") == 0:  # off
            del given["top_k"]
    if getattr(config, "stop_strings", None):
        stop = config.stop_strings
        given["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    return given
