"""torchvision's CUDA wheel beside a CPU torch: its Python part works once two operators are declared.

open_clip and transformers import torchvision, which fails there with "operator torchvision::nms does not exist".
"""

import importlib.util
import sys

import torch

_declared = []


def make_importable() -> None:
    """Call before importing open_clip or transformers; does nothing where torchvision is whole, or absent."""
    if importlib.util.find_spec("torchvision") is None or _declared:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
