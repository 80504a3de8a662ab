from __future__ import annotations

import numpy as np
import pytest
import torch

from lookhear.data.avg.row import ClipRow, write_rows
from lookhear.perception.record import ClipRecord, write_records
from lookhear.prediction.example import read_examples
from lookhear.prediction.flow import UniformBase
from lookhear.prediction.flow_density import CellBase, KernelBase
from lookhear.prediction.posterior import prior_density
from lookhear.prediction.training.features import FeatureSet

UNITS = np.array([[0.0, 0, 1], [0, 0, -1], [-1, 0, 0], [0, 1, 0]])


def test_a_feature_with_nan_in_it_is_missing_as_a_whole_and_counted():
    sound = np.arange(8.0).reshape(4, 2)
    sound[0], sound[1, 1], sound[2, 0] = np.nan, np.inf, 1e300
    found = FeatureSet.from_arrays(UNITS, {"sound": sound})
    assert found.present["sound"].tolist() == [False, False, False, True]
    assert found.cut == {"sound": 2}
    assert found.condition["sound"].tolist() == [[0, 0], [0, 0], [0, 0], [6, 7]]


@pytest.mark.parametrize(
    ("units", "condition", "ids", "said"),
    [
        (UNITS[:0], {}, None, "no clip"),
        (UNITS * [[1], [2], [1], [1]], {}, None, "row 1"),
        (UNITS * [[1], [1], [np.nan], [1]], {}, None, "row 2"),
        (UNITS, {"sound": np.zeros((3, 2))}, None, "3 rows of 'sound'"),
        (UNITS, {}, ["a"], "1 rows of 'location_ids'"),
    ],
)
def test_sets_that_make_no_sense_are_refused_in_a_sentence(units, condition, ids, said):
    with pytest.raises(ValueError, match=said):
        FeatureSet.from_arrays(units, condition, ids)


def test_a_batch_is_the_rows_asked_for():
    found = FeatureSet.from_arrays(UNITS, {"sound": np.arange(8.0).reshape(4, 2)})
    batch = found.take(torch.tensor([2, 0]))
    assert batch.y.tolist() == UNITS[[2, 0]].tolist()
    assert batch.condition["sound"].tolist() == [[4, 5], [0, 1]]
    assert batch.rows.tolist() == [2, 0] and batch.present["sound"].all()


def test_places_are_counted_by_name_or_by_where_they_are():
    twice = np.concatenate([UNITS, UNITS])
    assert FeatureSet.from_arrays(twice).places == 4
    assert FeatureSet.from_arrays(twice, location_ids=list("aaaaabbb")).places == 2


def test_other_data_has_another_digest():
    sets = [FeatureSet.from_arrays(UNITS), FeatureSet.from_arrays(UNITS[::-1].copy())]
    sets += [FeatureSet.from_arrays(UNITS, {name: np.full((4, 1), fill)}) for name in "ab" for fill in (0.0, np.nan)]
    assert len({one.digest() for one in sets}) == 6


def test_another_base_has_another_digest():
    bases = [CellBase([prior_density(prior)]) for prior in ("land", "earth")]
    bases += [KernelBase(torch.eye(3), torch.full((3,), kappa)) for kappa in (10.0, 20.0)] + [UniformBase()]
    digests = [FeatureSet.from_arrays(UNITS, base=base).digest() for base in bases]
    assert len(set(digests)) == 5 and digests[-1] == FeatureSet.from_arrays(UNITS).digest()
    assert digests[0] == FeatureSet.from_arrays(UNITS, base=CellBase([prior_density("land")])).digest()


def write_set(folder, features):
    places = [(48.0, 2.0, "train"), (-90.0, 0.0, "train"), (10.0, 180.0, "validation"), (10.0, -180.0, "train")]
    write_rows(
        folder,
        [ClipRow(None, f"c{k}", lat, lon, f"p{k}", part) for k, (lat, lon, part) in enumerate(places)],  # type: ignore
    )
    write_records(folder, [ClipRecord(f"c{k}", (), None, one) for k, one in enumerate(features)])


def test_a_folder_gives_the_split_with_what_perception_wrote(tmp_path):
    write_set(tmp_path, [{"sound": np.ones(3)}, {}, {"sound": np.zeros(3)}, {"sound": np.full(3, 2.0)}])
    found = FeatureSet.of(list(read_examples(tmp_path, "train")))
    assert repr(found) == "FeatureSet(3 clips at 3 places, sound: 3)"
    assert found.location_ids == ("p0", "p1", "p3")
    assert found.present["sound"].tolist() == [True, False, True]
    assert np.allclose(found.y[1], [0, 0, -1], atol=1e-6)
    with pytest.raises(ValueError, match="no clip in this set"):
        FeatureSet.of([])


def test_heads_are_not_given_what_only_a_language_model_is_told(tmp_path):
    write_set(tmp_path, [{"sound": np.ones(3), "atoms": np.ones(348)}, {"atoms": np.ones(348)}, {}, {}])
    clips = list(read_examples(tmp_path, "train"))
    assert clips[1].record.features["atoms"].shape == (348,)
    assert FeatureSet.of(clips).sizes == {"sound": 3}


def test_features_can_be_chosen_and_those_nobody_has_are_missing():
    found = FeatureSet.from_arrays(UNITS, {"sound": np.ones((4, 2)), "sight": np.ones((4, 3))})
    chosen = found.only(["sound", "smell"], {"sound": 2, "smell": 5})
    assert chosen.sizes == {"sound": 2, "smell": 5} and not chosen.present["smell"].any()
