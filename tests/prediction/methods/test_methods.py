from dataclasses import replace

import numpy as np
import pytest
from small_world import HOMES, Views, birds, heard, make_examples

from lookhear.perception.record import ClipRecord
from lookhear.prediction.example import Example
from lookhear.prediction.methods import METHODS, log_linear, sense
from lookhear.prediction.methods.everyday import EverydaySounds
from lookhear.prediction.methods.late_fusion_average import middle
from lookhear.prediction.methods.log_linear import LogLinear, learned, sample
from lookhear.prediction.methods.method import Method
from lookhear.prediction.methods.random_place import RandomPlace
from lookhear.prediction.methods.weights import fit_weights

TEST = make_examples("test", 24, seed=5)


def fitted(fit_clips):
    """All methods, fitted in the small world."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sense, "shared_pointing", birds)
        patch.setattr(sense, "shared_gallery", Views)
        patch.setattr(log_linear, "FIT_CLIPS", fit_clips)
        made = {name: make() for name, make in METHODS.items()}
        for method in made.values():
            method.fit(iter(make_examples("train", 48)))
    return made


@pytest.fixture(scope="module")
def methods():
    return fitted(5)


@pytest.fixture(scope="module")
def losses():
    """Mean negative log-density of the truth."""
    return {
        name: -np.mean([float(method.density(one).log_density(one.row.point.unit[None])[0]) for one in TEST])
        for name, method in fitted(48).items()
    }


@pytest.mark.parametrize("name", METHODS)
def test_every_method_answers_every_clip_with_a_density(methods, name):
    assert isinstance(methods[name], Method)
    for one in TEST[:2]:
        density = methods[name].density(one).on_cells()
        assert density.mass.sum() == pytest.approx(1.0, abs=1e-5)
        assert np.isfinite(density.log_density(one.row.point.unit[None])).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "better, worse",
    [
        ("species_annotated", "species_all"),
        ("species_all", "prior"),
        ("sound", "species_all"),
        ("sight", "prior"),
        ("log_pool", "sound"),
        ("log_pool", "sight"),
        ("log_pool", "late_fusion_average"),
        ("ours", "sound"),
        ("ours", "sight"),
    ],
)
def test_who_knows_more_answers_better(losses, better, worse):
    assert losses[better] < losses[worse] - 0.01


@pytest.mark.slow
def test_ours_is_no_worse_than_one_weight_for_all_sound(losses):
    assert losses["ours"] < losses["log_pool"] + 0.1


def test_weights_are_reported_and_clips_without_findings_get_the_prior(methods):
    assert set(learned(methods["ours"])) == {"species", "everyday sounds", "sight", "writing"}
    assert learned(methods["prior"]) == {} and set(learned(methods["late_fusion_average"])) >= {"species", "sight"}
    deaf = next(one for one in TEST if not one.record.evidence)
    assert methods["sound"].density(deaf) is methods["prior"].density(deaf)


def test_the_average_answers_between_its_parts(methods):
    both = next(one for one in TEST if "sight" in one.record.features and one.record.evidence)
    parts = [methods[name].density(both) for name in ("sound", "sight")]
    fused = methods["late_fusion_average"].density(both)
    assert fused.median.distance_km(middle([part.median for part in parts])) < 1e-3
    units = np.stack([one.row.point.unit for one in TEST])
    mean = np.log(np.mean([np.exp(part.log_density(units)) for part in parts], axis=0))
    np.testing.assert_allclose(fused.log_density(units), mean, atol=1e-3)
    assert middle([HOMES[0], type(HOMES[0])(-HOMES[0].lat_deg, HOMES[0].lon_deg + 180)]) == HOMES[0]


def test_the_surest_species_only(methods):
    assert methods["species_top1"].senses["species"][0].surest
    one = next(e for e in TEST if e.record.evidence and e.record.evidence[0].kind == "species")
    weak = type(one.record.evidence[0])(**{**one.record.evidence[0].__dict__, "name": "Avis 4", "confidence": 0.3})
    two = type(one)(one.row, type(one.record)("x", (weak, *one.record.evidence), one.record.week))
    assert len(sense.HeardSpecies(True, birds()).wheres(two)) == 1
    assert len(sense.HeardSpecies(False, birds()).wheres(two)) == 2


def test_random_places_are_training_places_and_always_the_same():
    method, train = RandomPlace(), make_examples("train", 12)
    assert method.density(TEST[0]) is None
    method.fit(train)
    answers = [method.density(one).median for one in TEST]
    assert set(answers) <= {one.row.point for one in train} and len(set(answers)) > 4
    assert answers == [method.density(one).median for one in TEST]
    near, far = (method.density(TEST[0]).log_density(unit[None])[0] for unit in (HOMES[0].unit, HOMES[0].unit[::-1]))
    assert near > far + 3


def test_a_sample_is_drawn_by_seed():
    train = make_examples("train", 30)
    assert sample(train, 5) == sample(train, 5) != sample(train, 5, seed=1) and sample(train, 99) == train


def test_what_was_learnt_by_heart_is_not_trusted():
    """Sounds at random, the same in all clips of a place: on the clips they were learnt from they seem to tell much."""
    draw, clips = np.random.default_rng(0), []
    for place, point in enumerate(HOMES * 4):
        told = tuple(heard(f"Sound {k}", "sound") for k in np.flatnonzero(draw.random(12) < 0.4))
        row = replace(TEST[0].row, lat_deg=point.lat_deg, lon_deg=point.lon_deg, location_id=str(place), split="train")
        clips += [Example(replace(row, clip_id=f"{place}-{n}"), ClipRecord(f"{place}-{n}", told)) for n in range(4)]
    method = LogLinear({"everyday sounds": (EverydaySounds(),)})
    method.fit(clips)
    by_heart = fit_weights([method._case(clip) for clip in clips], 1)[0]
    assert method.weights["everyday sounds"] < 0.3 < 1.0 < by_heart


def test_a_pool_of_nothing_fits_nothing():
    method = LogLinear({})
    method.fit([])
    assert method.weights == {}
