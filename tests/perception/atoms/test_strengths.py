from __future__ import annotations

import torch

from lookhear.perception.atoms.atoms import Atom, atoms_of
from lookhear.perception.atoms.strengths import strengths


def test_the_strongest_window_counts_and_silence_adds_nothing(small_sae):
    sae = small_sae()
    maps = torch.zeros(4, 24, 2)
    for window, (kernel, loud) in {0: (5, 1.0), 1: (5, 3.0), 3: (8, 2.0)}.items():
        maps[window] = loud * sae.dictionary.detach()[kernel][:, None]
    atoms = atoms_of(sae, maps, hop_s=1.5, window_s=3.0, duration_s=7.5, steps=1)
    found = strengths(atoms, sae.config.kernels)
    assert found.shape == (12,) and found.dtype.name == "float32"
    assert {k: round(float(z), 3) for k, z in enumerate(found) if z} == {5: 3.0, 8: 2.0}
    assert (strengths(atoms[::-1], 12) == found).all()


def test_a_clip_without_atoms_and_a_kernel_taken_in_a_later_step():
    assert strengths([], 3).tolist() == [0.0] * 3
    assert strengths([Atom("Rain", 2, 0, 3, 0.5, 0.9), Atom("Bus", 0, 0, 3, 0.25, 0.9)], 3).tolist() == [0.25, 0.0, 0.5]
