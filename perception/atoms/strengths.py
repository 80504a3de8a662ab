"""The atoms of a clip as one vector: how strongly each kernel of the dictionary fired.

In: a clip's atoms. Out: a number for each kernel, the highest of its activations over the windows; 0: it never fired. A
kernel that fires in one window of a long clip counts as much as one that always does, and silence adds nothing. Not
known from it: when a kernel fired, how often, and how sure its class was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lookhear.perception.atoms.atoms import Atom


def strengths(atoms: Sequence[Atom], kernels: int) -> Float32[ndarray, " kernels"]:
    """How strongly each of so many kernels fired.

    Example:
        >>> strengths([Atom("Rain", 1, 0.0, 3.0, 0.2, 0.9), Atom("Rain", 1, 3.0, 6.0, 0.5, 0.9)], 3).tolist()
        [0.0, 0.5, 0.0]
    """
    found = np.zeros(kernels, dtype=np.float32)
    for atom in atoms:
        found[atom.kernel] = max(found[atom.kernel], atom.activation)
    return found
