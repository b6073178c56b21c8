"""`impasto scale`: finds the driver of a run, wherever it is, and has it change its number of actors."""

from __future__ import annotations

import json
import logging
import os
import shlex
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from cluster.errors import UserError
from cluster.runs.folder import is_being_written, is_population
from cluster.runs.remote import ANSWER, ORDER, RemoteFolder
from cluster.runs.uri import is_uri
from cluster.training.scale_requests import NAMESPACE, FolderInbox, ResizeRequest, give, new_request


def scale(run: str, actors: int, address: str, seconds: float) -> str:
    """ResizeRequest `actors` for `run` and return its driver's answer.

    `run` is looked for as an address of shared storage, on the Ray cluster at `address` (or $RAY_ADDRESS) by its
    name, or as a folder here.

    Raises:
        UserError: nobody trains it, it can not be found, or its driver does not answer within `seconds`.
    """
    request = new_request(actors)
    if not is_uri(run) and (is_population(run) or is_population(Path(run).absolute().parent.parent)):
        raise UserError(f"scale: {run} is of a population, whose members keep the actors that their trials reserved")
    if is_uri(run):
        answer = through_storage(RemoteFolder(run), request, seconds)
    elif Path(run, "config.json").is_file() and not address:
        if not is_being_written(Path(run)):
            raise UserError(f"scale: nothing trains {run} now: impasto resume {shlex.quote(run)} --actors {actors}")
        answer = give(FolderInbox(Path(run)), request, seconds)
    elif address or os.environ.get("RAY_ADDRESS"):
        answer = through_cluster(Path(run).name, request, address, seconds)
    else:
        raise UserError(f"scale: no run in {run}; for one on a cluster give --address")
    if answer is None:
        raise UserError(
            f"scale: the driver of {run} did not answer within {seconds:g} s, and the request is withdrawn; it takes "
            "requests between updates"
        )
    return answer


def through_storage(remote: RemoteFolder, request: ResizeRequest, seconds: float) -> str | None:
    """Put the request where the driver's mirror finds it."""
    remote.write(ORDER, json.dumps(asdict(request)).encode())
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reply: dict[str, Any] = json.loads(remote.read(ANSWER) or b"{}")
        if reply.get("ticket") == request.ticket:
            return str(reply["text"])
        time.sleep(1.0)
    remote.delete(ORDER)
    return None


def through_cluster(name: str, request: ResizeRequest, address: str, seconds: float) -> str | None:
    """Give the request to the run's inbox on a Ray cluster."""
    mine = not ray.is_initialized()
    if mine:
        ray.init(address=address or None, logging_level=logging.ERROR, log_to_driver=False)
    try:
        inbox = ray.get_actor(name, namespace=NAMESPACE)
        return give(inbox, request, seconds)
    except ValueError:
        names = [each["name"] for each in ray.util.list_named_actors(True) if each["namespace"] == NAMESPACE]
        present = f"; there are {', '.join(sorted(names))}" if names else ""
        raise UserError(f"scale: no run named {name} trains on this cluster{present}") from None
    except RayError as error:  # its inbox went away with it
        raise UserError(f"scale: the run {name} ended before it answered") from error
    finally:
        if mine:
            ray.shutdown()
