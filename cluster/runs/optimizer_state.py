"""A torch optimizer's state as tensors and JSON, so that a checkpoint needs no pickle."""

import json
from collections.abc import Mapping
from typing import Any

import torch


def flatten_optimizer(state: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Split a torch optimizer's `state_dict()` into tensors ("3.exp_avg", "3.step", ...) and the JSON-able rest.

    Raises:
        ValueError: names an entry that is neither a tensor nor JSON-able (a tensor learning rate, for example).
    """
    tensors: dict[str, torch.Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for index, entries in state["state"].items():
        rest = numbers.setdefault(str(index), {})
        for key, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{index}.{key}"] = value
            else:
                rest[key] = _plain(value, f"state {index} {key}")
    groups = [{key: _plain(value, f"param_groups {key}") for key, value in g.items()} for g in state["param_groups"]]
    return tensors, {"state": numbers, "param_groups": groups}


def unflatten_optimizer(tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten_optimizer`: what `optimizer.load_state_dict` takes."""
    state: dict[int, dict[str, Any]] = {int(index): dict(rest) for index, rest in document["state"].items()}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state[int(index)][key] = tensor
    groups = [{k: tuple(v) if k == "betas" else v for k, v in group.items()} for group in document["param_groups"]]
    return {"state": state, "param_groups": groups}


def _plain(value: Any, name: str) -> Any:
    try:
        json.dumps(value)
    except TypeError:
        raise ValueError(f"optimizer {name}: a {type(value).__name__} can not be written as JSON") from None
    return list(value) if isinstance(value, tuple) else value
