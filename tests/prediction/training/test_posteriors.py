import numpy as np

from lookhear.data import cells
from lookhear.prediction.density import CellDensity
from lookhear.prediction.posterior import prior_density
from lookhear.prediction.training.posteriors import LEVEL, _coarse_mass, evidence_feature


def test_the_feature_of_the_prior_is_nothing_and_a_hint_raises_its_cell():
    prior = prior_density("recordings")
    assert np.abs(evidence_feature(prior)).max() < 1e-5
    hinted = cells.all_cells(LEVEL)[100]
    log_density = prior.log_density(cells.centers(prior.ids)) + 5.0 * (cells.parents(prior.ids, LEVEL) == hinted)
    feature = evidence_feature(CellDensity.of(prior.ids, log_density))
    assert feature.argmax() == 100 and feature[100] > 3


def test_masses_are_those_of_the_cells_whatever_the_levels():
    ids = np.sort(
        np.concatenate(
            [
                cells.all_cells(1)[:-1],
                cells.children(cells.children(cells.children(cells.all_cells(1)[-1:]).ravel()).ravel()).ravel(),
            ]
        )
    )
    density = CellDensity.of(ids, np.random.default_rng(0).normal(size=len(ids)))
    level = cells.all_cells(LEVEL)
    fine = cells.levels(ids) >= LEVEL
    within = np.bincount(np.searchsorted(level, cells.parents(ids[fine], LEVEL)), density.mass[fine], len(level))
    spread = np.exp(density.log_density(cells.centers(level))) * cells.areas_sr(level)
    assert np.allclose(_coarse_mass(density), np.where(within > 0, within, spread), rtol=1e-9)
