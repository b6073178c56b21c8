"""The one place that imports torchvision, because beside a CPU build of torch its plain import can fail.

torchvision's compiled part on the registries is built against CUDA. Beside a CPU build of torch it does not load, the
operators that it would have registered are missing, and `import torchvision` stops with "operator torchvision::nms does
not exist". Its Python part (data sets, transforms, models, `make_grid`) needs none of them.
"""

import importlib
import sys
import threading
from types import ModuleType

_MISSING_OPERATORS = ("nms", "qnms")
_OPERATOR_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_lock = threading.Lock()


def import_torchvision() -> ModuleType:
    """Import `torchvision` and return it, also if its compiled part does not load.

    If that part loads, this is a plain import. Otherwise the two operators that its Python code refers to are declared
    (without an implementation: calling `torchvision.ops.nms` still fails) and the import is tried again. This imports
    torch, so call it only if torchvision is needed. Thread-safe.

    Raises:
        ImportError: torchvision is not installed.
        RuntimeError: its import fails for another reason than the missing operators.
    """
    with _lock:
        try:
            return importlib.import_module("torchvision")
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported

        import torch

        for operator in _MISSING_OPERATORS:
            if not hasattr(torch.ops.torchvision, operator):
                torch.library.define(f"torchvision::{operator}", _OPERATOR_SCHEMA)
        return importlib.import_module("torchvision")
